#include "media/geometry.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#pragma STDC FP_CONTRACT OFF

namespace weir::media::detail {
namespace {

/// Pillow's Image.resize shrinks a very narrow image vertically first.
pass_order order_of(std::uint32_t width, std::uint32_t height, std::int64_t out_height) {
  const bool narrow = height > std::uint64_t{width} * 100 && out_height < height;
  return narrow ? pass_order::vertical_first : pass_order::horizontal_first;
}

/// The side that follows from the other by the aspect: floats and truncation as in the reference, except where that
/// ends short of the target. Then the exact quotient is used, which covers it.
std::int64_t following_side(std::uint32_t side, std::uint32_t other, std::uint32_t target_other, std::uint32_t least) {
  const double ratio = static_cast<double>(target_other) / other;
  const auto rounded = static_cast<std::int64_t>(side * ratio);
  if (rounded >= least) return rounded;
  return std::max<std::int64_t>(std::int64_t{side} * target_other / other, least);
}

scale_plan plan_crop(std::uint32_t width, std::uint32_t height, std::uint32_t w, std::uint32_t h) {
  scale_plan plan;
  std::int64_t scaled_w = w;
  std::int64_t scaled_h = h;
  if (static_cast<double>(width) / height > static_cast<double>(w) / h) {
    scaled_w = following_side(width, height, h, w);
  } else {
    scaled_h = following_side(height, width, w, h);
  }
  plan.x = {width, 0, static_cast<float>(width), scaled_w, (scaled_w - w) / 2, w};
  plan.y = {height, 0, static_cast<float>(height), scaled_h, (scaled_h - h) / 2, h};
  plan.order = order_of(width, height, scaled_h);
  return plan;
}

/// Of floor and ceiling of `exact` the one whose error is less, the floor where they are equal; at least 1.
template <class Error>
std::uint32_t round_by(double exact, Error error) {
  const double low = std::floor(exact);
  const double high = std::ceil(exact);
  return static_cast<std::uint32_t>(std::max(error(high) < error(low) ? high : low, 1.0));
}

struct size {
  std::uint32_t width, height;
};

size fit_into(std::uint32_t width, std::uint32_t height, std::uint32_t w, std::uint32_t h) {
  if (w >= width && h >= height) return {width, height};
  const double aspect = static_cast<double>(width) / height;
  if (static_cast<double>(w) / h >= aspect)
    return {round_by(h * aspect, [&](double n) { return std::abs(aspect - n / h); }), h};
  return {w, round_by(w / aspect, [&](double n) { return n == 0 ? 0.0 : std::abs(aspect - w / n); })};
}

scale_plan plan_pad(std::uint32_t width, std::uint32_t height, std::uint32_t w, std::uint32_t h, bool decoder_shrinks) {
  constexpr double gap = 2.0; // Pillow's reducing_gap
  scale_plan plan;
  const auto [new_w, new_h] = fit_into(width, height, w, h);
  const bool fits = new_w == width && new_h == height && w >= width && h >= height;
  plan.left = (w - new_w) / 2;
  plan.top = (h - new_h) / 2;
  if (decoder_shrinks && !fits) {
    const std::uint32_t room = std::min(width / (2 * w), height / (2 * h));
    plan.decode_scale = room >= 8 ? 8 : room >= 4 ? 4 : room >= 2 ? 2 : 1;
  }
  const std::uint32_t s = plan.decode_scale;
  const std::uint32_t decoded_w = (width + s - 1) / s;
  const std::uint32_t decoded_h = (height + s - 1) / s;
  double box_w = static_cast<double>(width) / s;
  double box_h = static_cast<double>(height) / s;
  if (fits || (decoded_w == new_w && decoded_h == new_h)) {
    plan.x = axis_spec::whole(decoded_w, decoded_w);
    plan.y = axis_spec::whole(decoded_h, decoded_h);
    return plan;
  }
  plan.reduce_x = std::max(static_cast<std::uint32_t>(box_w / new_w / gap), 1U);
  plan.reduce_y = std::max(static_cast<std::uint32_t>(box_h / new_h / gap), 1U);
  const std::uint32_t in_w = (decoded_w + plan.reduce_x - 1) / plan.reduce_x;
  const std::uint32_t in_h = (decoded_h + plan.reduce_y - 1) / plan.reduce_y;
  box_w /= plan.reduce_x;
  box_h /= plan.reduce_y;
  plan.x = {in_w, 0, static_cast<float>(box_w), new_w, 0, new_w};
  plan.y = {in_h, 0, static_cast<float>(box_h), new_h, 0, new_h};
  plan.order = order_of(in_w, in_h, new_h);
  return plan;
}

} // namespace

scale_plan plan_scaling(resize_mode mode, std::uint32_t width, std::uint32_t height, std::uint32_t target_width,
                        std::uint32_t target_height, bool decoder_can_shrink) {
  if (mode == resize_mode::crop) return plan_crop(width, height, target_width, target_height);
  if (mode == resize_mode::pad) return plan_pad(width, height, target_width, target_height, decoder_can_shrink);
  scale_plan plan;
  plan.x = axis_spec::whole(width, target_width);
  plan.y = axis_spec::whole(height, target_height);
  plan.order = order_of(width, height, target_height);
  return plan;
}

} // namespace weir::media::detail
