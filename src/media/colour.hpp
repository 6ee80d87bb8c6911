#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace weir::media::detail {

/// What the 4 bytes of a decoded pixel mean.
enum class pixel_kind {
  grey,          ///< the grey value three times
  rgb,           ///< RGBX
  inverted_cmyk, ///< 255 - ink, as Adobe programs store it
};

/// Turns decoded pixels into sRGB.
class colour_converter {
 public:
  /// Returns: a converter for `profile`; nothing where the profile is damaged, belongs to another kind of pixel, or
  /// gives what sRGB gives (within 2 of 255 on a grid of colours): then the pixels stay as they are.
  static std::unique_ptr<colour_converter> from_profile(std::span<const std::uint8_t> profile, pixel_kind kind);

  virtual ~colour_converter() = default;

  /// Converts `count` pixels of 4 bytes in place.
  virtual void convert(std::uint8_t* pixels, std::size_t count) = 0;
};

/// CMYK without a profile, in place: each colour is (255 - K) less its ink's share of that, as Pillow does it.
void inverted_cmyk_to_rgb(std::uint8_t* pixels, std::size_t count) noexcept;

/// RGBA over black, in place: each colour times alpha / 255, rounded.
void blend_on_black(std::uint8_t* pixels, std::size_t count) noexcept;

} // namespace weir::media::detail
