#include <weir/core/error.hpp>
#include <weir/media/resample.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>

// A fused multiply-add would round differently from the reference.
#pragma STDC FP_CONTRACT OFF

namespace weir::media {
namespace {

constexpr double support_radius = 3.0;
constexpr int fraction_bits = 22;

double sinc(double x) {
  if (x == 0.0) return 1.0;
  x *= std::numbers::pi;
  return std::sin(x) / x;
}

double lanczos3(double x) { return x >= -support_radius && x < support_radius ? sinc(x) * sinc(x / 3) : 0.0; }

std::int32_t to_fixed(double weight) {
  const double scaled = weight * (1 << fraction_bits);
  return static_cast<std::int32_t>(weight < 0 ? scaled - 0.5 : scaled + 0.5);
}

} // namespace

axis_taps::axis_taps(const axis_spec& spec) : in_size_(spec.in_size) {
  const double box = static_cast<double>(spec.box_end - spec.box_begin);
  if (spec.in_size == 0 || !(box > 0) || spec.window_size == 0 || spec.window_first < 0 ||
      spec.window_first + spec.window_size > spec.out_size)
    throw error(errc::invalid_argument, "resample: the source, the box and the window must not be empty");
  const double scale = box / static_cast<double>(spec.out_size);
  const double filter_scale = std::max(scale, 1.0);
  const double support = support_radius * filter_scale;
  const double inverse = 1.0 / filter_scale;
  const bool unchanged =
      spec.out_size == spec.in_size && spec.box_begin == 0 && spec.box_end == static_cast<float>(spec.in_size);
  first_.reserve(spec.window_size);
  offset_.reserve(spec.window_size + std::size_t{1});
  offset_.push_back(0);
  std::vector<double> exact;
  for (std::uint32_t i = 0; i < spec.window_size; ++i) {
    const std::int64_t at = spec.window_first + i;
    if (unchanged) {
      first_.push_back(static_cast<std::uint32_t>(at));
      weights_.push_back(1 << fraction_bits);
      offset_.push_back(weights_.size());
      continue;
    }
    const double centre = static_cast<double>(spec.box_begin) + (static_cast<double>(at) + 0.5) * scale;
    const auto begin = static_cast<std::int64_t>(std::max(centre - support + 0.5, 0.0));
    const auto end = std::min<std::int64_t>(static_cast<std::int64_t>(centre + support + 0.5), spec.in_size);
    exact.clear();
    double sum = 0;
    for (std::int64_t tap = begin; tap < end; ++tap) {
      exact.push_back(lanczos3((static_cast<double>(tap) - centre + 0.5) * inverse));
      sum += exact.back();
    }
    for (const double weight : exact) weights_.push_back(to_fixed(sum != 0.0 ? weight / sum : weight));
    first_.push_back(static_cast<std::uint32_t>(begin));
    offset_.push_back(weights_.size());
  }
  measure();
}

axis_taps axis_taps::mirrored() const {
  axis_taps other;
  other.in_size_ = in_size_;
  other.offset_.push_back(0);
  for (std::uint32_t i = size(); i-- > 0;) {
    const auto taps = weights(i);
    other.weights_.insert(other.weights_.end(), taps.rbegin(), taps.rend());
    other.first_.push_back(in_size_ - first_[i] - static_cast<std::uint32_t>(taps.size()));
    other.offset_.push_back(other.weights_.size());
  }
  other.measure();
  return other;
}

void axis_taps::measure() {
  begin_ = in_size_;
  end_ = 0;
  max_taps_ = 0;
  for (std::uint32_t i = 0; i < size(); ++i) {
    const auto taps = static_cast<std::uint32_t>(weights(i).size());
    begin_ = std::min(begin_, first_[i]);
    end_ = std::max(end_, first_[i] + taps);
    max_taps_ = std::max(max_taps_, taps);
  }
}

} // namespace weir::media
