#pragma once

#include <weir/media/image_info.hpp>
#include <weir/media/png_write.hpp>

#include <cstdint>
#include <span>
#include <stop_token>

namespace weir::media {

struct encode_options {
  int quality = 90; ///< 1..100, for JPEG and lossy WebP
};

/// Encodes an 8-bit RGB image (width * height * 3 bytes, rows without padding) and gives the file to `sink`: PNG as
/// write_png does, JPEG as baseline 4:2:0 (4:4:4 from quality 91 on), WebP lossy.
/// Returns: the size of the file in bytes.
/// Fails: error invalid_argument for a side of 0, one that the format cannot hold (JPEG 65500, WebP 16383), pixels of
/// another size, a quality out of range or format unknown; whatever `sink` throws.
/// Cancellation: throws weir::cancelled within a few milliseconds of a stop request.
/// Thread-safety: any number at the same time.
/// Cost: 1280x720: PNG about 10 ms, JPEG 5 ms, WebP 60 ms.
std::uint64_t encode_image(std::span<const std::uint8_t> rgb, std::uint32_t width, std::uint32_t height,
                           image_format format, const byte_sink& sink, const encode_options& options = {},
                           std::stop_token stop = {});

} // namespace weir::media
