#include "media/colour.hpp"
#include "media/decode.hpp"
#include "media/frame_memory.hpp"

#include <weir/core/cancelled.hpp>
#include <weir/core/error.hpp>

#include <webp/decode.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

namespace weir::media::detail {
namespace {

/// Bytes handed to the decoder between two looks at the stop token: a small part of the picture, however well it is
/// compressed.
std::size_t slice_of(std::size_t file_bytes) { return std::clamp<std::size_t>(file_bytes / 128, 256, 32'768); }

[[noreturn]] void damaged(const decode_request& request, bool truncated) {
  if (request.source.failed() != 0) throw errno_error(request.source.failed(), request.name);
  throw error(errc::corrupt, request.name + (truncated ? ": the WebP data ends too early; the file is truncated"
                                                       : ": the WebP data is damaged"));
}

struct config {
  WebPDecoderConfig value{};
  config() {
    if (WebPInitDecoderConfig(&value) == 0) throw error(errc::internal, "WebP: the library has another version");
  }
  ~config() { WebPFreeDecBuffer(&value.output); }
  config(const config&) = delete;
  config& operator=(const config&) = delete;
};

/// The canvas of an animation may be larger than its first frame: black around it.
class canvas_rows {
 public:
  canvas_rows(const decode_request& request, row_target& rows, colour_converter* converter)
      : header_(request.header), rows_(rows), converter_(converter) {}

  /// Pushes one row of the frame, after the canvas rows above it.
  void push(const std::uint8_t* rgba) {
    if (done_ == 0) blank_rows(header_.frame_top);
    const std::size_t left = header_.frame_left;
    const std::size_t right = left + header_.frame_width;
    std::uint8_t* row = rows_.next_row();
    if (!rows_.next_row_unused()) {
      std::memset(row, 0, left * 4);
      std::memcpy(row + left * 4, rgba, std::size_t{header_.frame_width} * 4);
      std::memset(row + right * 4, 0, (header_.width - right) * 4);
      if (header_.has_alpha || header_.animated) blend_on_black(row, header_.width);
      if (converter_ != nullptr) converter_->convert(row, header_.width);
    }
    rows_.commit_row();
    ++done_;
  }

  void finish() { blank_rows(header_.height - done_); }

 private:
  void blank_rows(std::uint32_t count) {
    for (; count > 0; --count, ++done_) {
      std::memset(rows_.next_row(), 0, std::size_t{header_.width} * 4);
      rows_.commit_row();
    }
  }

  const image_header& header_;
  row_target& rows_;
  colour_converter* converter_;
  std::uint32_t done_ = 0;
};

} // namespace

decode_outcome decode_webp(const decode_request& request, row_target& rows) {
  const image_header& header = request.header;
  // The decoder keeps pointers into the data, so all of it stays in memory.
  std::vector<unsigned char> read;
  std::span<const unsigned char> data = request.source.in_memory();
  if (data.empty()) {
    read.resize(request.source.size());
    read.resize(request.source.read_at(0, read));
    data = read;
  }
  // The last byte may be missing: some writers leave out the padding of an odd chunk.
  if (header.file_end > data.size() + 1 && !request.lenient) damaged(request, true);
  if (header.frame.offset >= data.size() || header.frame_width == 0) damaged(request, true);
  data =
      data.subspan(header.frame.offset, std::min<std::uint64_t>(header.frame.size, data.size() - header.frame.offset));
  if (std::uint64_t{header.frame_left} + header.frame_width > header.width ||
      std::uint64_t{header.frame_top} + header.frame_height > header.height)
    throw error(errc::corrupt, request.name + ": the WebP header contradicts itself");

  config decoder;
  if (const auto status = WebPGetFeatures(data.data(), data.size(), &decoder.value.input); status != VP8_STATUS_OK)
    damaged(request, status == VP8_STATUS_NOT_ENOUGH_DATA);
  if (static_cast<std::uint32_t>(decoder.value.input.width) != header.frame_width ||
      static_cast<std::uint32_t>(decoder.value.input.height) != header.frame_height)
    throw error(errc::corrupt, request.name + ": the WebP header contradicts itself");

  const std::size_t stride = std::size_t{header.frame_width} * 4;
  const frame_memory frame(stride * header.frame_height);
  WebPDecBuffer& output = decoder.value.output;
  output.colorspace = MODE_RGBA;
  output.is_external_memory = 1;
  output.u.RGBA.rgba = frame.data();
  output.u.RGBA.stride = static_cast<int>(stride);
  output.u.RGBA.size = frame.size();
  const std::unique_ptr<WebPIDecoder, void (*)(WebPIDecoder*)> steps(WebPIDecode(nullptr, 0, &decoder.value),
                                                                     WebPIDelete);
  if (!steps) throw error(errc::too_large, request.name + ": no memory to decode the WebP");

  const auto converter = colour_converter::from_profile(read_profile(request), pixel_kind::rgb);
  canvas_rows canvas(request, rows, converter.get());
  std::uint32_t pushed = 0;
  VP8StatusCode status = VP8_STATUS_SUSPENDED;
  for (std::size_t given = 0; given < data.size() && status == VP8_STATUS_SUSPENDED;) {
    if (request.stop.stop_requested()) throw cancelled{};
    given = std::min(given + slice_of(data.size()), data.size());
    status = WebPIUpdate(steps.get(), data.data(), given);
    int ready = 0;
    if (WebPIDecGetRGB(steps.get(), &ready, nullptr, nullptr, nullptr) == nullptr) ready = 0;
    for (; pushed < static_cast<std::uint32_t>(ready); ++pushed) {
      if (request.stop.stop_requested()) throw cancelled{};
      canvas.push(frame.data() + pushed * stride);
    }
  }
  if (status != VP8_STATUS_OK && !request.lenient) damaged(request, status == VP8_STATUS_SUSPENDED);
  for (; pushed < header.frame_height; ++pushed) canvas.push(frame.data() + pushed * stride);
  canvas.finish();
  return {.colour_converted = converter != nullptr};
}

} // namespace weir::media::detail
