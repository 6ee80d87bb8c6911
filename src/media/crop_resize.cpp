#include <weir/core/cancelled.hpp>
#include <weir/media/resample.hpp>

#include <media/crop_resize.hpp>

#include <algorithm>

namespace weir::media::detail {

source_box covering_box(std::uint32_t width, std::uint32_t height, std::uint32_t target_width,
                        std::uint32_t target_height) {
  const double scale = std::min(static_cast<double>(width) / target_width, static_cast<double>(height) / target_height);
  const double w = std::min<double>(width, target_width * scale);
  const double h = std::min<double>(height, target_height * scale);
  return {(width - w) / 2, (height - h) / 2, w, h};
}

rgb_image crop_resize(const rgb_image& image, const source_box& box, std::uint32_t width, std::uint32_t height,
                      std::stop_token stop) {
  rgb_image out{width, height, std::vector<std::uint8_t>(std::size_t{width} * height * 3)};
  const auto axis = [](std::uint32_t in, double begin, double size, std::uint32_t to) {
    const double end = std::min<double>(in, begin + size);
    return axis_taps({in, static_cast<float>(std::max(0.0, begin)), static_cast<float>(end), to, 0, to});
  };
  row_resampler rows(axis(image.width, box.left, box.width, width), axis(image.height, box.top, box.height, height),
                     pass_order::horizontal_first, [&](std::uint32_t y, std::span<const std::uint8_t> rgb) {
                       std::copy(rgb.begin(), rgb.end(), out.row(y));
                     });
  for (std::uint32_t y = 0; y < image.height; ++y) {
    if (stop.stop_requested()) throw cancelled();
    if (!rows.next_row_unused()) {
      const std::uint8_t* from = image.row(y);
      std::uint8_t* to = rows.next_row().data();
      for (std::uint32_t x = 0; x < image.width; ++x, from += 3, to += 4) {
        to[0] = from[0];
        to[1] = from[1];
        to[2] = from[2];
        to[3] = 0;
      }
    }
    rows.commit_row();
  }
  return out;
}

} // namespace weir::media::detail
