#pragma once

#include <weir/media/rgb_image.hpp>

#include <stop_token>

namespace weir::media::detail {

/// A rectangle of an image in pixels; fractions are allowed.
struct source_box {
  double left = 0;
  double top = 0;
  double width = 0;
  double height = 0;
};

/// Returns the largest box in the middle of a `width` x `height` image with the shape of the target.
source_box covering_box(std::uint32_t width, std::uint32_t height, std::uint32_t target_width,
                        std::uint32_t target_height);

/// Resamples `box` of `image` with Lanczos-3 to width x height pixels.
/// Fails: error invalid_argument for an empty box. Cancellation: throws weir::cancelled.
rgb_image crop_resize(const rgb_image& image, const source_box& box, std::uint32_t width, std::uint32_t height,
                      std::stop_token stop = {});

} // namespace weir::media::detail
