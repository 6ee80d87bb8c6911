#pragma once

#include <weir/media/rgb_image.hpp>

#include <array>
#include <cstdint>
#include <stop_token>
#include <string_view>

namespace weir::media::detail {

using rgb_color = std::array<std::uint8_t, 3>;

/// The colours of one card, chosen by a number.
struct slate_palette {
  double hue = 0;       ///< of the bright corner, radians in OKLab
  double hue_shift = 0; ///< from there to the dark corner
  double glow_x = 0;    ///< the middle of the bright spot, in parts of the width
  double glow_y = 0;
  rgb_color accent{};
};

slate_palette choose_palette(std::string_view text, std::uint64_t seed);

/// Paints the coloured ground of a card: a diagonal gradient with a bright spot and faint rings.
void paint_ground(rgb_image& card, const slate_palette& palette, std::stop_token stop);

/// Darkens a picture and tints it, most at the bottom left, so that white text can be read on it.
void paint_scrim(rgb_image& card, const slate_palette& palette, std::stop_token stop);

/// Lays `color` over a pixel; `alpha` 0..255.
inline void blend(std::uint8_t* pixel, const rgb_color& color, unsigned alpha) {
  for (int i = 0; i < 3; ++i)
    pixel[i] =
        static_cast<std::uint8_t>((pixel[i] * (255 - alpha) + color[static_cast<std::size_t>(i)] * alpha + 127) / 255);
}

} // namespace weir::media::detail
