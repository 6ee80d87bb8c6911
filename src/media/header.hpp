#pragma once

#include "media/byte_source.hpp"

#include <weir/media/image_info.hpp>

#include <array>
#include <optional>

namespace weir::media::detail {

struct byte_range {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

/// image_info and where the decoders find what they need beside the pixels.
struct image_header : image_info {
  /// The colour profile of a JPEG (in order, up to 255 pieces) or WebP (one). PNG profiles are compressed: libpng reads
  /// them.
  std::array<byte_range, 255> profile{};
  std::size_t profile_pieces = 0;
  /// WebP: the bytes that the decoder takes (the file, or the first frame of an animation) and where the frame lies.
  byte_range frame;
  std::uint64_t file_end = 0; ///< WebP: where the container says that it ends
  std::uint32_t frame_left = 0;
  std::uint32_t frame_top = 0;
  std::uint32_t frame_width = 0;
  std::uint32_t frame_height = 0;
};

/// Reads the header by walking segments, chunks or boxes; never reads pixels.
/// Returns: nothing where the bytes are no image of ours or end or contradict themselves before the size is known.
std::optional<image_header> read_header(byte_source& source) noexcept;

/// The orientation in a TIFF block at `offset`; 1 where there is none or it is damaged.
int exif_orientation(byte_source& source, byte_range tiff) noexcept;

} // namespace weir::media::detail
