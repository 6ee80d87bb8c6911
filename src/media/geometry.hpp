#pragma once

#include <weir/media/image_info.hpp>
#include <weir/media/prepare.hpp>
#include <weir/media/resample.hpp>

namespace weir::media::detail {

/// How an image of a known shown size gets to the target: the steps and their numbers, in the frame as shown (after
/// orientation). The numbers are Pillow 12's for `resize` + `crop`, `thumbnail` + `paste` and `resize`.
struct scale_plan {
  std::uint32_t decode_scale = 1; ///< 1, 2, 4 or 8: the JPEG decoder is asked for 1/n
  std::uint32_t reduce_x = 1;     ///< box average over this many decoded columns ...
  std::uint32_t reduce_y = 1;     ///< ... and rows
  axis_spec x;                    ///< then Lanczos
  axis_spec y;
  pass_order order = pass_order::horizontal_first;
  std::uint32_t left = 0; ///< where the result lies in the target; the rest is black
  std::uint32_t top = 0;
};

/// `decoder_can_shrink`: pad mode takes a smaller picture from the JPEG decoder where Pillow would.
scale_plan plan_scaling(resize_mode mode, std::uint32_t width, std::uint32_t height, std::uint32_t target_width,
                        std::uint32_t target_height, bool decoder_can_shrink);

} // namespace weir::media::detail
