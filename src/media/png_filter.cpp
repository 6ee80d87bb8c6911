#include "media/png_filter.hpp"

#include <algorithm>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "media/png_filter.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace weir::media::detail::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Computes the five candidates side by side, `stride` apart, and their scores. Rows are zero for 3 bytes before and,
/// up to the vector size, behind.
void filter_row(const std::uint8_t* row, const std::uint8_t* above, std::size_t bytes, std::uint8_t* out,
                std::size_t stride, std::uint64_t* scores) {
  const hn::ScalableTag<std::uint8_t> d;
  const hn::Repartition<std::uint64_t, decltype(d)> d64;
  auto sum0 = hn::Zero(d64), sum1 = sum0, sum2 = sum0, sum3 = sum0, sum4 = sum0;
  const auto zero = hn::Zero(d);
  const auto one = hn::Set(d, 1);
  const std::size_t lanes = hn::Lanes(d);
  const auto magnitude = [&](auto v) HWY_ATTR { return hn::SumsOf8(hn::Min(v, hn::Sub(zero, v))); };
  for (std::size_t at = 0; at < bytes; at += lanes) {
    const auto x = hn::LoadU(d, row + at);
    const auto a = hn::LoadU(d, row + at - 3);
    const auto b = hn::LoadU(d, above + at);
    const auto c = hn::LoadU(d, above + at - 3);
    const auto sub = hn::Sub(x, a);
    const auto up = hn::Sub(x, b);
    const auto average = hn::Sub(x, hn::Sub(hn::AverageRound(a, b), hn::And(hn::Xor(a, b), one)));
    // Paeth in bytes: the third distance is |p_a - p_b| where c lies between a and b, else their sum, which never wins.
    const auto more_b = hn::Max(b, c), less_b = hn::Min(b, c);
    const auto more_a = hn::Max(a, c), less_a = hn::Min(a, c);
    const auto to_a = hn::Sub(more_b, less_b);
    const auto to_b = hn::Sub(more_a, less_a);
    const auto between = hn::Xor(hn::VecFromMask(d, hn::Eq(less_a, c)), hn::VecFromMask(d, hn::Eq(less_b, c)));
    const auto apart = hn::Sub(hn::Max(to_a, to_b), hn::Min(to_a, to_b));
    const auto to_c = hn::IfVecThenElse(between, apart, hn::SaturatedAdd(to_a, to_b));
    const auto a_wins = hn::Eq(hn::Min(hn::Min(to_a, to_b), to_c), to_a);
    const auto b_wins = hn::Eq(hn::Min(to_b, to_c), to_b);
    const auto paeth = hn::Sub(x, hn::IfThenElse(a_wins, a, hn::IfThenElse(b_wins, b, c)));
    hn::StoreU(x, d, out + at);
    hn::StoreU(sub, d, out + stride + at);
    hn::StoreU(up, d, out + 2 * stride + at);
    hn::StoreU(average, d, out + 3 * stride + at);
    hn::StoreU(paeth, d, out + 4 * stride + at);
    // Bytes behind the end are zero in x and above only; they are left out of the scores.
    const auto in_row = hn::FirstN(d, std::min(bytes - at, lanes));
    sum0 = hn::Add(sum0, magnitude(hn::IfThenElseZero(in_row, x)));
    sum1 = hn::Add(sum1, magnitude(hn::IfThenElseZero(in_row, sub)));
    sum2 = hn::Add(sum2, magnitude(hn::IfThenElseZero(in_row, up)));
    sum3 = hn::Add(sum3, magnitude(hn::IfThenElseZero(in_row, average)));
    sum4 = hn::Add(sum4, magnitude(hn::IfThenElseZero(in_row, paeth)));
  }
  scores[0] = hn::GetLane(hn::SumOfLanes(d64, sum0));
  scores[1] = hn::GetLane(hn::SumOfLanes(d64, sum1));
  scores[2] = hn::GetLane(hn::SumOfLanes(d64, sum2));
  scores[3] = hn::GetLane(hn::SumOfLanes(d64, sum3));
  scores[4] = hn::GetLane(hn::SumOfLanes(d64, sum4));
}

} // namespace weir::media::detail::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weir::media::detail {

HWY_EXPORT(filter_row);

namespace {
constexpr std::size_t lead = 64;
constexpr std::size_t slack = 128;
} // namespace

png_filter::png_filter(std::size_t row_bytes)
    : row_bytes_(row_bytes), stride_((lead + row_bytes + slack + 63) / 64 * 64), buffer_(stride_ * 7),
      current_(buffer_.data() + lead), previous_(current_ + stride_) {}

void png_filter::apply(const std::uint8_t* rgb, std::uint8_t* out) {
  std::memcpy(current_, rgb, row_bytes_);
  std::uint8_t* candidates = buffer_.data() + 2 * stride_;
  std::uint64_t scores[5];
  HWY_DYNAMIC_DISPATCH(filter_row)(current_, previous_, row_bytes_, candidates, stride_, scores);
  const auto best = static_cast<std::size_t>(std::min_element(scores, scores + 5) - scores);
  out[0] = static_cast<std::uint8_t>(best);
  std::memcpy(out + 1, candidates + best * stride_, row_bytes_);
  std::swap(current_, previous_);
}

} // namespace weir::media::detail
#endif
