#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace weir::media {

enum class image_format { unknown, jpeg, png, webp };

/// "image/jpeg", "image/png", "image/webp"; "application/octet-stream" for unknown.
std::string_view mime_type(image_format format) noexcept;

/// "JPEG", "PNG", "WebP"; "unknown" for unknown.
std::string_view format_name(image_format format) noexcept;

/// What the header of an image says, before anything is decoded.
struct image_info {
  image_format format = image_format::unknown;
  std::uint32_t width = 0;  ///< as stored, before the orientation is applied
  std::uint32_t height = 0; ///< as stored
  /// EXIF orientation 1-8 (TIFF 6.0 tag 0x0112); 1 where there is none. WebP keeps its EXIF behind the pixels: it is
  /// seen only where the bytes reach that far.
  int orientation = 1;
  std::uint32_t channels = 0; ///< 1 grey, 2 grey+alpha, 3 colour or palette, 4 colour+alpha or CMYK
  std::uint32_t bit_depth = 8;
  bool has_alpha = false;
  bool interlaced = false; ///< a PNG in Adam7 order, a JPEG in several scans: needs a whole frame of memory to decode
  bool animated = false;
  /// Memory that the decoder needs for whole frames (coefficients, interlaced pixels, WebP pixels), from the header.
  std::uint64_t frame_bytes = 0;

  std::uint64_t pixels() const noexcept { return std::uint64_t{width} * height; }
  /// The size as a viewer shows it: sides swapped for orientations 5-8.
  std::uint32_t shown_width() const noexcept { return orientation >= 5 ? height : width; }
  std::uint32_t shown_height() const noexcept { return orientation >= 5 ? width : height; }
};

/// Which format the first bytes belong to, by magic number only; a file's name plays no part.
/// Cost: constant; 12 bytes are enough.
image_format sniff_format(std::span<const std::byte> bytes) noexcept;

/// What bytes that are none of our formats look like, for an error text: "a GIF image", "SVG or other XML", "text",
/// "an empty file", "binary data of an unknown kind", ...
std::string_view describe_bytes(std::span<const std::byte> bytes) noexcept;

/// Reads size, orientation and layout from the beginning of an image.
/// Returns: nothing where the format is unknown, the header is damaged, a side is 0, or the bytes end before the size.
/// Safe for any bytes: nothing is decoded or allocated. Thread-safety: full.
/// Cost: one step per header segment; well below a microsecond for usual files.
std::optional<image_info> probe_image(std::span<const std::byte> bytes) noexcept;

} // namespace weir::media
