#pragma once

#include <weir/media/rgb_image.hpp>

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

namespace weir::media {

/// What stands on a card.
struct slate_options {
  std::string text;                ///< UTF-8; the prompt. Line feeds break lines.
  std::vector<std::string> footer; ///< UTF-8; small lines at the bottom left, at most three are drawn
  std::uint32_t width = 1280;      ///< 16..4096
  std::uint32_t height = 720;      ///< 16..4096
  rgb_image background;            ///< where not empty: drawn under the text, cropped to cover the card and darkened
  std::uint64_t seed = 0;          ///< another seed gives the same text another colour
};

/// Draws a card: the text as large as it fits on a coloured ground, the footer and the size at the bottom.
/// The same options give the same pixels on every machine of one architecture; the colour comes from text and seed.
///
/// Text is anybody's: broken UTF-8 shows U+FFFD, control and formatting characters are dropped, a character that the
/// font (DejaVu Sans, part of the library) lacks shows as a box, and what does not fit at a readable size is cut with
/// an ellipsis. Characters are set one by one from left to right: no ligatures, no reordering of right-to-left scripts.
///
/// Returns: width * height pixels. Fails: error invalid_argument for a size out of range or a broken background.
/// Cancellation: throws weir::cancelled soon after `stop` is requested.
/// Thread-safety: any thread. Cost: about 40 ns a pixel, memory about 5 bytes a pixel; at most 8192 characters are
/// read.
rgb_image render_slate(const slate_options& options, std::stop_token stop = {});

} // namespace weir::media
