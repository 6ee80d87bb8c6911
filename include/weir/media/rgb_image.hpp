#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace weir::media {

/// Pixels in memory: 8-bit sRGB, three bytes a pixel, rows from top to bottom without padding.
/// `pixels.size()` is always width * height * 3; an image without pixels has no sides.
struct rgb_image {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::vector<std::uint8_t> pixels;

  bool empty() const noexcept { return pixels.empty(); }
  std::uint8_t* row(std::uint32_t y) noexcept { return pixels.data() + std::size_t{y} * width * 3; }
  const std::uint8_t* row(std::uint32_t y) const noexcept { return pixels.data() + std::size_t{y} * width * 3; }

  bool operator==(const rgb_image&) const = default;
};

} // namespace weir::media
