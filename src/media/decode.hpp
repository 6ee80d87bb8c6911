#pragma once

#include "media/header.hpp"
#include "media/row_target.hpp"

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

namespace weir::media::detail {

struct decode_request {
  byte_source& source;
  const image_header& header;
  const std::string& name; ///< for error texts
  std::uint32_t scale = 1; ///< JPEG: decode at 1/scale
  bool lenient = false;
  std::uint32_t max_scans = 500;
  std::uint64_t max_frame_bytes = 0;
  std::uint64_t max_profile_bytes = 0;
  std::stop_token stop;
};

struct decode_outcome {
  bool colour_converted = false;
};

/// Each pushes exactly the image's rows (JPEG: its height divided by the scale, rounded up) as sRGB into `rows`.
/// Fails: error corrupt, unsupported, too_large. Cancellation: throws weir::cancelled. What `rows` throws passes
/// through.
decode_outcome decode_jpeg(const decode_request& request, row_target& rows);
decode_outcome decode_png(const decode_request& request, row_target& rows);
decode_outcome decode_webp(const decode_request& request, row_target& rows);

/// The pieces of the colour profile that the header found, joined; empty where there is none or it is over the limit.
std::vector<std::uint8_t> read_profile(const decode_request& request);

} // namespace weir::media::detail
