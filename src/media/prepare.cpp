#include "media/decode.hpp"
#include "media/frame_memory.hpp"
#include "media/geometry.hpp"
#include "media/prepare_rows.hpp"
#include "media/reduce.hpp"

#include <weir/core/cancelled.hpp>
#include <weir/core/error.hpp>
#include <weir/media/prepare.hpp>
#include <weir/media/resample.hpp>

#include <algorithm>
#include <cstring>
#include <functional>
#include <optional>
#include <utility>

namespace weir::media {
namespace detail {
namespace {

/// How the stored frame turns into the shown one: first mirrored, then, where swapped, transposed (EXIF 2.3, 4.6.4 A).
struct turn {
  bool swapped;
  bool from_right;  ///< the stored columns run against the shown axis
  bool from_bottom; ///< the stored rows run against the shown axis

  explicit turn(int orientation)
      : swapped(orientation >= 5), from_right(orientation == 2 || orientation == 3 || orientation >= 7),
        from_bottom(orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7) {}
};

/// What is done to the stored rows, derived from the plan for the shown ones: all tables are turned instead of pixels.
struct stored_plan {
  axis_taps x;
  axis_taps y;
  pass_order order;
  reduce_axis reduce_x;
  reduce_axis reduce_y;

  stored_plan(const scale_plan& plan, const turn& how, std::uint32_t width, std::uint32_t height)
      : x(how.swapped ? plan.y : plan.x), y(how.swapped ? plan.x : plan.y), order(plan.order),
        reduce_x{width, how.swapped ? plan.reduce_y : plan.reduce_x, how.from_right},
        reduce_y{height, how.swapped ? plan.reduce_x : plan.reduce_y, how.from_bottom} {
    if (how.from_right) x = x.mirrored();
    if (how.from_bottom) y = y.mirrored();
    if (how.swapped)
      order = order == pass_order::horizontal_first ? pass_order::vertical_first : pass_order::horizontal_first;
  }

  bool reduces() const { return reduce_x.factor > 1 || reduce_y.factor > 1; }
};

/// Takes the scaled rows as stored, turns them, sets them on black and passes them on.
class output {
 public:
  output(const prepare_options& options, const scale_plan& plan, const turn& how, const row_sink& rows)
      : options_(options), plan_(plan), how_(how), pass_on_(rows), line_(std::size_t{options.width} * 3),
        frame_(held() ? std::size_t{plan.x.window_size} * plan.y.window_size * 3 : 0) {}

  void take(std::uint32_t y, std::span<const std::uint8_t> rgb) {
    if (held()) return hold(y, rgb);
    if (how_.from_right) {
      std::uint8_t* to = line_.data() + (plan_.left + std::size_t{plan_.x.window_size}) * 3;
      for (std::size_t at = 0; at < rgb.size(); at += 3) std::copy_n(rgb.data() + at, 3, to -= 3);
      return write_line();
    }
    write(rgb);
  }

  void finish() {
    if (held()) {
      const std::size_t bytes = std::size_t{plan_.x.window_size} * 3;
      for (std::uint32_t y = 0; y < plan_.y.window_size; ++y) write({frame_.data() + y * bytes, bytes});
    }
    while (rows_ < options_.height) write_black();
  }

 private:
  /// Rows that come from the bottom or the side are complete only at the end.
  bool held() const { return how_.swapped || how_.from_bottom; }

  void hold(std::uint32_t y, std::span<const std::uint8_t> rgb) {
    const std::size_t width = plan_.x.window_size;
    const std::size_t count = rgb.size() / 3;
    const std::size_t stored_rows = how_.swapped ? width : plan_.y.window_size;
    const std::size_t across = how_.from_bottom ? stored_rows - 1 - y : y;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t along = how_.from_right ? count - 1 - i : i;
      const std::size_t at = how_.swapped ? along * width + across : across * width + along;
      std::copy_n(rgb.data() + i * 3, 3, frame_.data() + at * 3);
    }
  }

  void write(std::span<const std::uint8_t> rgb) {
    if (plan_.left == 0 && rgb.size() == line_.size()) {
      while (rows_ < plan_.top) write_black();
      pass_on_(rgb);
      ++rows_;
      return;
    }
    std::copy(rgb.begin(), rgb.end(), line_.begin() + static_cast<std::ptrdiff_t>(std::size_t{plan_.left} * 3));
    write_line();
  }

  void write_line() {
    while (rows_ < plan_.top) write_black();
    pass_on_(line_);
    ++rows_;
  }

  void write_black() {
    const std::vector<std::uint8_t> black(line_.size());
    pass_on_(black);
    ++rows_;
  }

  const prepare_options& options_;
  const scale_plan& plan_;
  const turn& how_;
  const row_sink& pass_on_;
  std::vector<std::uint8_t> line_; ///< black outside of the picture
  frame_memory frame_;
  std::uint32_t rows_ = 0;
};

class resampler_target final : public row_target {
 public:
  explicit resampler_target(row_resampler& rows) : rows_(rows) {}
  std::uint8_t* next_row() override { return rows_.next_row().data(); }
  void commit_row() override { rows_.commit_row(); }
  bool next_row_unused() const override { return rows_.next_row_unused(); }

 private:
  row_resampler& rows_;
};

std::string megabytes(std::uint64_t bytes) { return std::to_string((bytes + (1 << 20) - 1) >> 20) + " MB"; }

void check_target(const prepare_options& options) {
  const auto good = [](std::uint32_t side) { return side >= 1 && side <= max_target_side; };
  if (!good(options.width) || !good(options.height))
    throw error(errc::invalid_argument, "target size " + std::to_string(options.width) + "x" +
                                            std::to_string(options.height) + ": the sides must be from 1 to " +
                                            std::to_string(max_target_side));
}

void check_limits(const image_info& info, const prepare_options& options, const std::string& name) {
  const std::string size = name + ": " + std::to_string(info.width) + "x" + std::to_string(info.height) + " pixels";
  if (info.width > options.max_side || info.height > options.max_side)
    throw error(errc::too_large, size + ": a side is over the limit of " + std::to_string(options.max_side));
  if (info.pixels() > options.max_pixels)
    throw error(errc::too_large, size + " are over the limit of " + std::to_string(options.max_pixels) +
                                     " pixels; scale the image down first");
  if (info.frame_bytes > options.max_frame_bytes)
    throw error(errc::too_large, size + " of this layout (interlaced, progressive or WebP) take " +
                                     megabytes(info.frame_bytes) + " to decode, over the limit of " +
                                     megabytes(options.max_frame_bytes) + "; save it without interlacing or smaller");
}

} // namespace

image_format check_source(byte_source& source, const prepare_options& options, const std::string& name) {
  std::byte head[512];
  const auto count = source.read_at(0, {reinterpret_cast<unsigned char*>(head), sizeof head});
  const auto bytes = std::span(head).first(count);
  const image_format format = sniff_format(bytes);
  if (source.failed() != 0) throw errno_error(source.failed(), name);
  if (format == image_format::unknown)
    throw error(count == 0 ? errc::corrupt : errc::unsupported,
                name + ": this is " + std::string(describe_bytes(bytes)) + "; JPEG, PNG and WebP images are taken");
  if (source.size() > options.max_file_bytes)
    throw error(errc::too_large, name + ": " + megabytes(source.size()) + " are over the limit of " +
                                     megabytes(options.max_file_bytes) + " for an image file");
  return format;
}

namespace {

image_header checked_header(byte_source& source, const prepare_options& options, const std::string& name) {
  const image_format format = check_source(source, options, name);
  auto header = read_header(source);
  if (source.failed() != 0) throw errno_error(source.failed(), name);
  if (!header)
    throw error(errc::corrupt,
                name + ": the " + std::string(format_name(format)) + " header is damaged or the file is truncated");
  check_limits(*header, options, name);
  return *header;
}

/// Whether pad mode takes a smaller picture from the decoder, as Pillow does for a colour JPEG that was not turned.
bool decoder_can_shrink(const image_info& info) {
  return info.format == image_format::jpeg && info.channels == 3 && info.orientation == 1;
}

decode_outcome decode(const decode_request& request, row_target& rows) {
  switch (request.header.format) {
  case image_format::jpeg:
    return decode_jpeg(request, rows);
  case image_format::png:
    return decode_png(request, rows);
  default:
    return decode_webp(request, rows);
  }
}

} // namespace

prepare_result prepare_rows(const image_source& source, const prepare_options& options, const row_sink& rows,
                            const std::stop_token& stop) {
  check_target(options);
  if (stop.stop_requested()) throw cancelled{};
  const auto bytes = source.fd >= 0 ? make_byte_source(source.fd, source.name) : make_byte_source(source.bytes);
  const image_header header = checked_header(*bytes, options, source.name);
  const turn how(header.orientation);
  const scale_plan plan = plan_scaling(options.mode, header.shown_width(), header.shown_height(), options.width,
                                       options.height, decoder_can_shrink(header));
  const std::uint32_t s = plan.decode_scale;
  const stored_plan stored(plan, how, (header.width + s - 1) / s, (header.height + s - 1) / s);
  output out(options, plan, how, rows);
  row_resampler resampler(stored.x, stored.y, stored.order,
                          [&](std::uint32_t y, std::span<const std::uint8_t> rgb) { out.take(y, rgb); });
  resampler_target scaled(resampler);
  std::optional<row_reducer> reducer;
  if (stored.reduces()) reducer.emplace(stored.reduce_x, stored.reduce_y, scaled);
  const decode_request request{.source = *bytes,
                               .header = header,
                               .name = source.name,
                               .scale = s,
                               .lenient = options.lenient,
                               .max_scans = options.max_scans,
                               .max_frame_bytes = options.max_frame_bytes,
                               .max_profile_bytes = options.max_profile_bytes,
                               .stop = stop};
  const decode_outcome outcome = decode(request, reducer ? static_cast<row_target&>(*reducer) : scaled);
  out.finish();
  return {.source = header,
          .width = options.width,
          .height = options.height,
          .mode = options.mode,
          .colour_converted = outcome.colour_converted,
          .output_bytes = 0};
}

std::vector<std::uint8_t> read_profile(const decode_request& request) {
  std::uint64_t size = 0;
  for (std::size_t i = 0; i < request.header.profile_pieces; ++i) {
    if (request.header.profile[i].size == 0) return {};
    size += request.header.profile[i].size;
  }
  if (size > request.max_profile_bytes || size > request.source.size()) return {};
  std::vector<std::uint8_t> profile(size);
  std::size_t at = 0;
  for (std::size_t i = 0; i < request.header.profile_pieces; ++i) {
    const auto& piece = request.header.profile[i];
    at += request.source.read_at(piece.offset, std::span(profile).subspan(at, piece.size));
  }
  return at == size ? profile : std::vector<std::uint8_t>{};
}

} // namespace detail

prepare_result prepare_image(const image_source& source, const prepare_options& options, const byte_sink& sink,
                             std::stop_token stop) {
  detail::check_target(options);
  png_writer writer(options.width, options.height, sink, stop);
  prepare_result result = detail::prepare_rows(
      source, options, [&writer](std::span<const std::uint8_t> rgb) { writer.write_row(rgb); }, stop);
  result.output_bytes = writer.finish();
  return result;
}

rgb_image prepare_pixels(const image_source& source, const prepare_options& options, std::stop_token stop) {
  detail::check_target(options);
  rgb_image image{options.width, options.height, {}};
  image.pixels.reserve(std::size_t{options.width} * options.height * 3);
  detail::prepare_rows(
      source, options,
      [&image](std::span<const std::uint8_t> rgb) { image.pixels.insert(image.pixels.end(), rgb.begin(), rgb.end()); },
      stop);
  return image;
}

std::size_t estimate_memory_bytes(const image_info& info, const prepare_options& options) {
  using namespace detail;
  check_target(options);
  check_limits(info, options, "image");
  const turn how(info.orientation);
  const scale_plan plan = plan_scaling(options.mode, info.shown_width(), info.shown_height(), options.width,
                                       options.height, decoder_can_shrink(info));
  const std::uint32_t s = plan.decode_scale;
  const stored_plan stored(plan, how, (info.width + s - 1) / s, (info.height + s - 1) / s);
  const std::size_t weights = stored.x.size() * std::size_t{stored.x.max_taps() + 24} * 10 +
                              stored.y.size() * std::size_t{stored.y.max_taps() + 24} * 6;
  // Decoders hold some rows in several forms: up to 4 block rows of 16 lines for JPEG, two rows for PNG.
  const std::size_t decoder = std::size_t{info.width} * 4 * 40 + (std::size_t{1} << 20);
  const std::size_t turned =
      how.swapped || how.from_bottom ? std::size_t{plan.x.window_size} * plan.y.window_size * 3 : 0;
  return info.frame_bytes + decoder + weights + turned + row_resampler::memory_bytes(stored.x, stored.y, stored.order) +
         (stored.reduces() ? std::size_t{info.width} * 16 : 0) +
         png_writer::memory_bytes(options.width, options.height);
}

} // namespace weir::media
