#include "media/png_filter.hpp"

#include <weir/core/cancelled.hpp>
#include <weir/core/error.hpp>
#include <weir/media/png_write.hpp>

#include <isa-l/igzip_lib.h>
#include <libdeflate.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::media {
namespace {

constexpr std::size_t max_kept_bytes = std::size_t{8} << 20;
constexpr std::size_t slice_bytes = std::size_t{256} << 10;

std::span<const std::byte> as_bytes(std::span<const std::uint8_t> bytes) { return std::as_bytes(bytes); }

void put_big(std::uint8_t* at, std::uint32_t value) {
  for (int i = 0; i < 4; ++i) at[i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
}

/// How far back ISA-L looks for matches, as a power of two; 0 is all of 32 KiB. Filtered photographs hold hardly any
/// matches, and far ones cost more bits than the bytes they stand for: with 256 bytes the file gets 8 % smaller.
enum class match_window : std::uint16_t { near = 8, far = 0 };

/// A zlib stream at ISA-L's level 1. Only our own filtered rows go through it, never bytes from outside.
class fast_deflate {
 public:
  explicit fast_deflate(match_window window) : level_buffer_(ISAL_DEF_LVL1_DEFAULT) {
    isal_deflate_init(stream_.get());
    stream_->level = 1;
    stream_->level_buf = level_buffer_.data();
    stream_->level_buf_size = static_cast<std::uint32_t>(level_buffer_.size());
    stream_->hist_bits = static_cast<std::uint16_t>(window);
    stream_->gzip_flag = IGZIP_ZLIB;
  }

  /// Appends the output for `in` to `out`.
  void feed(std::span<const std::uint8_t> in, bool last, std::vector<std::uint8_t>& out) {
    stream_->next_in = const_cast<std::uint8_t*>(in.data());
    stream_->avail_in = static_cast<std::uint32_t>(in.size());
    stream_->end_of_stream = last ? 1 : 0;
    stream_->flush = NO_FLUSH;
    for (;;) {
      const std::size_t used = out.size();
      out.resize(used + std::max<std::size_t>(in.size() / 2, 65'536));
      stream_->next_out = out.data() + used;
      stream_->avail_out = static_cast<std::uint32_t>(out.size() - used);
      const int result = isal_deflate(stream_.get());
      out.resize(out.size() - stream_->avail_out);
      if (result != COMP_OK) throw error(errc::internal, "PNG: deflate failed");
      const bool done = last ? stream_->internal_state.state == ZSTATE_END : stream_->avail_in == 0;
      if (done) return;
      if (stream_->avail_out != 0) throw error(errc::internal, "PNG: deflate made no progress");
    }
  }

 private:
  std::unique_ptr<isal_zstream> stream_ = std::make_unique<isal_zstream>();
  std::vector<std::uint8_t> level_buffer_;
};

/// A more thorough zlib stream of libdeflate; slower, and better where there are matches.
std::vector<std::uint8_t> thorough_deflate(std::span<const std::uint8_t> in, int level = 3) {
  const std::unique_ptr<libdeflate_compressor, void (*)(libdeflate_compressor*)> compressor(
      libdeflate_alloc_compressor(level), libdeflate_free_compressor);
  if (!compressor) throw error(errc::too_large, "PNG: no memory to deflate");
  std::vector<std::uint8_t> out(libdeflate_zlib_compress_bound(compressor.get(), in.size()));
  out.resize(libdeflate_zlib_compress(compressor.get(), in.data(), in.size(), out.data(), out.size()));
  return out;
}

std::size_t fast_size(std::span<const std::uint8_t> in, match_window window) {
  std::vector<std::uint8_t> out;
  fast_deflate(window).feed(in, true, out);
  return out.size();
}

/// Some lines from the top, the middle and the bottom, about a twentieth of all: what pays for them pays for all.
std::vector<std::uint8_t> sample_of(std::span<const std::uint8_t> lines, std::size_t line_bytes) {
  const std::size_t count = lines.size() / line_bytes;
  const std::size_t band = std::max<std::size_t>(count / 60, 12);
  if (count < band * 6) return {lines.begin(), lines.end()};
  std::vector<std::uint8_t> sample;
  for (const std::size_t sixth : {1U, 3U, 5U}) {
    const auto part = lines.subspan((count * sixth / 6 - band / 2) * line_bytes, band * line_bytes);
    sample.insert(sample.end(), part.begin(), part.end());
  }
  return sample;
}

} // namespace

struct png_writer::state {
  std::uint32_t width;
  std::uint32_t height;
  byte_sink sink;
  std::stop_token stop;
  std::size_t line_bytes; // a filtered row with its filter number
  bool kept;
  detail::png_filter filter;
  std::unique_ptr<fast_deflate> streaming;
  std::vector<std::uint8_t> lines;
  std::vector<std::uint8_t> packed;
  std::uint32_t rows = 0;
  std::uint64_t written = 0;

  state(std::uint32_t w, std::uint32_t h, byte_sink to, std::stop_token token)
      : width(w), height(h), sink(std::move(to)), stop(std::move(token)), line_bytes(std::size_t{w} * 3 + 1),
        kept(line_bytes <= max_kept_bytes / h), filter(line_bytes - 1) {
    lines.reserve(kept ? line_bytes * h : slice_bytes + line_bytes);
  }

  void check() const {
    if (stop.stop_requested()) throw cancelled{};
  }

  void put(std::span<const std::uint8_t> bytes) {
    written += bytes.size();
    sink(as_bytes(bytes));
  }

  void chunk(std::string_view name, std::span<const std::uint8_t> body) {
    std::array<std::uint8_t, 8> head{};
    put_big(head.data(), static_cast<std::uint32_t>(body.size()));
    std::memcpy(head.data() + 4, name.data(), 4);
    std::uint32_t sum = libdeflate_crc32(0, head.data() + 4, 4);
    if (!body.empty()) sum = libdeflate_crc32(sum, body.data(), body.size());
    std::array<std::uint8_t, 4> tail{};
    put_big(tail.data(), sum);
    put(head);
    if (!body.empty()) put(body);
    put(tail);
  }

  void begin() {
    static constexpr std::array<std::uint8_t, 8> signature{0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    std::array<std::uint8_t, 13> header{};
    put_big(header.data(), width);
    put_big(header.data() + 4, height);
    header[8] = 8; // bits
    header[9] = 2; // RGB
    put(signature);
    chunk("IHDR", header);
  }

  void deflate_kept() {
    // Drawings, flat colour and grey pictures have matches that the fast way misses.
    const auto sample = sample_of(lines, line_bytes);
    check();
    const std::size_t least = thorough_deflate(sample).size();
    const bool thorough = least < fast_size(sample, match_window::near) * 19 / 20;
    check();
    if (thorough) {
      // What is nearly all matches is quick at any level.
      packed = least < sample.size() / 20 ? thorough_deflate(lines, 6) : thorough_deflate(lines);
    } else {
      fast_deflate deflate(match_window::near);
      packed.reserve(lines.size() / 2 + slice_bytes);
      for (std::size_t at = 0; at < lines.size(); at += slice_bytes) {
        check();
        const std::size_t count = std::min(slice_bytes, lines.size() - at);
        deflate.feed(std::span(lines).subspan(at, count), at + count == lines.size(), packed);
      }
    }
    chunk("IDAT", packed);
  }

  void deflate_slice(bool last) {
    if (!streaming) {
      const bool near = fast_size(lines, match_window::near) < fast_size(lines, match_window::far);
      streaming = std::make_unique<fast_deflate>(near ? match_window::near : match_window::far);
    }
    packed.clear();
    streaming->feed(lines, last, packed);
    if (!packed.empty()) chunk("IDAT", packed);
    lines.clear();
  }
};

png_writer::png_writer(std::uint32_t width, std::uint32_t height, byte_sink sink, std::stop_token stop) {
  if (width == 0 || height == 0 || width > 0x7fffffff || height > 0x7fffffff)
    throw error(errc::invalid_argument, "PNG: the sides must be from 1 to 2147483647");
  state_ = std::make_unique<state>(width, height, std::move(sink), std::move(stop));
}

png_writer::~png_writer() = default;
png_writer::png_writer(png_writer&&) noexcept = default;
png_writer& png_writer::operator=(png_writer&&) noexcept = default;

void png_writer::write_row(std::span<const std::uint8_t> rgb) {
  state& s = *state_;
  if (rgb.size() + 1 != s.line_bytes || s.rows == s.height)
    throw error(errc::invalid_argument, "PNG: a row of the wrong length or one row too many");
  s.check();
  if (s.rows == 0) s.begin();
  const std::size_t used = s.lines.size();
  s.lines.resize(used + s.line_bytes);
  s.filter.apply(rgb.data(), s.lines.data() + used);
  ++s.rows;
  if (!s.kept && s.lines.size() >= slice_bytes && s.rows != s.height) s.deflate_slice(false);
}

std::uint64_t png_writer::finish() {
  state& s = *state_;
  if (s.rows != s.height) throw error(errc::invalid_argument, "PNG: rows are missing");
  if (s.kept) {
    s.deflate_kept();
  } else {
    s.deflate_slice(true);
  }
  s.chunk("IEND", {});
  return s.written;
}

std::size_t png_writer::memory_bytes(std::uint32_t width, std::uint32_t height) noexcept {
  const std::size_t line = std::size_t{width} * 3 + 1;
  const bool kept = line <= max_kept_bytes / std::max(height, 1U);
  const std::size_t pixels = kept ? line * height * 3 : 2 * (slice_bytes + line);
  return pixels + line * 7 + sizeof(isal_zstream) + ISAL_DEF_LVL1_DEFAULT + (kept ? std::size_t{1} << 20 : 0);
}

std::uint64_t write_png(std::uint32_t width, std::uint32_t height, const row_provider& rows, byte_sink sink,
                        std::stop_token stop) {
  png_writer writer(width, height, std::move(sink), std::move(stop));
  for (std::uint32_t y = 0; y < height; ++y) writer.write_row(rows(y));
  return writer.finish();
}

std::uint64_t write_png(std::uint32_t width, std::uint32_t height, std::span<const std::uint8_t> rgb, byte_sink sink,
                        std::stop_token stop) {
  if (rgb.size() != std::size_t{width} * height * 3)
    throw error(errc::invalid_argument, "PNG: the pixels must be width * height * 3 bytes");
  const std::size_t line = std::size_t{width} * 3;
  return write_png(
      width, height, [&](std::uint32_t y) { return rgb.subspan(y * line, line); }, std::move(sink), std::move(stop));
}

} // namespace weir::media
