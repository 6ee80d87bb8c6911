#pragma once

#include <weir/media/image_info.hpp>
#include <weir/media/png_write.hpp>
#include <weir/media/rgb_image.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <stop_token>
#include <string>

namespace weir::media {

/// How a picture of another shape is brought to the target size.
enum class resize_mode {
  crop,    ///< scaled until it covers the target, the overhang cut off evenly on both sides
  pad,     ///< scaled down until it fits into the target (never up), centred on black
  rescale, ///< stretched or squeezed
};

/// The encoded image: an open descriptor of a regular file (borrowed; read with pread, its position stays), or bytes.
struct image_source {
  int fd = -1;
  std::span<const std::byte> bytes;
  std::string name = "image"; ///< what error texts call it: the name that the user gave

  static image_source from_fd(int fd, std::string name) { return {fd, {}, std::move(name)}; }
  static image_source from_bytes(std::span<const std::byte> bytes, std::string name = "image") {
    return {-1, bytes, std::move(name)};
  }
};

struct prepare_options {
  std::uint32_t width = 1280; ///< of the result, 1..8192
  std::uint32_t height = 720; ///< of the result, 1..8192
  resize_mode mode = resize_mode::crop;

  /// Limits on the source, checked on its header before memory is spent.
  std::uint64_t max_pixels = std::uint64_t{64} << 20; ///< 8192 x 8192
  std::uint32_t max_side = 65'535;
  /// Whole frames that a decoder must hold: interlaced PNG, progressive JPEG, WebP.
  std::uint64_t max_frame_bytes = std::uint64_t{256} << 20;
  std::uint64_t max_file_bytes = std::uint64_t{256} << 20;
  std::uint64_t max_profile_bytes = std::uint64_t{4} << 20; ///< a larger colour profile is ignored
  std::uint32_t max_scans = 500;                            ///< of a progressive JPEG

  /// Takes damaged or truncated pixel data as far as the decoder gets on with it, as Pillow does for JPEG.
  bool lenient = false;
};

struct prepare_result {
  image_info source; ///< as stored: source.width x source.height is the original size
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  resize_mode mode = resize_mode::crop;
  bool colour_converted = false;  ///< a colour profile other than sRGB was applied
  std::uint64_t output_bytes = 0; ///< size of the PNG
};

inline constexpr std::uint32_t max_target_side = 8192;

/// Decodes a JPEG, PNG or WebP (told by its first bytes, never by its name; of an animation the first frame), brings it
/// to the target size with Lanczos-3 and writes it to `sink` as 8-bit RGB PNG without metadata.
///
/// Plain 8-bit sRGB pictures give the pixels of Pillow 12, bit for bit, in all three modes. Beyond Pillow: the EXIF
/// orientation is applied; a colour profile that is not sRGB is converted to sRGB, perceptually, before scaling (a
/// damaged or mismatched profile is ignored); transparency is blended on black; 16 bits are rounded to 8; a crop never
/// leaves a black line. The arithmetic is on gamma-encoded values, as there.
///
/// Returns: the source's header and what was written. What `sink` got before a failure is no complete file: publish
/// only after the return.
/// Fails: error unsupported (another format; the text says which it looks like), corrupt (damaged, truncated or
/// contradictory data), too_large (a limit, before the memory is spent), invalid_argument (target size, no regular
/// file), internal/permission_denied/... from reading, and whatever `sink` throws.
/// Cancellation: throws weir::cancelled a few milliseconds after a stop request. Blocking: call it on a pool thread.
/// Thread-safety: any number at the same time.
/// Cost: 12 megapixel JPEG to 1280x720 about 60 ms of one core; memory as estimate_memory_bytes says.
prepare_result prepare_image(const image_source& source, const prepare_options& options, const byte_sink& sink,
                             std::stop_token stop = {});

/// As prepare_image, for further work in memory: returns the pixels.
rgb_image prepare_pixels(const image_source& source, const prepare_options& options, std::stop_token stop = {});

/// What prepare_image will allocate at most for an image with this header, so that a scheduler can keep a budget.
/// A WebP behind a descriptor takes the size of its file in addition.
std::size_t estimate_memory_bytes(const image_info& info, const prepare_options& options);

} // namespace weir::media
