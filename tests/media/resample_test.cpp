#include <weir/core/cancelled.hpp>
#include <weir/core/error.hpp>
#include <weir/media/resample.hpp>

#include <gtest/gtest.h>
#include <hwy/highway.h>
#include <hwy/targets.h>

#include <algorithm>
#include <cstring>
#include <random>

namespace {

using namespace weir::media;

std::vector<std::uint8_t> noise(std::size_t bytes, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<std::uint8_t> out(bytes);
  for (auto& byte : out) {
    const auto value = random();
    // Extremes make the clamping matter.
    byte = value % 3 == 0 ? 0 : value % 3 == 1 ? 255 : static_cast<std::uint8_t>(value >> 8);
  }
  return out;
}

struct shape {
  std::uint32_t width, height, out_width, out_height;
};

class every_target : public ::testing::TestWithParam<shape> {};

TEST_P(every_target, gives_the_bytes_of_the_scalar_code) {
  const auto [w, h, ow, oh] = GetParam();
  const auto rgb = noise(std::size_t{w} * h * 3, w * 7 + h);
  const auto expected = resample_rgb(rgb, w, h, ow, oh, {}, resample_kernel::scalar);
  int targets = 0;
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    EXPECT_TRUE(resample_rgb(rgb, w, h, ow, oh) == expected) << hwy::TargetName(target);
    ++targets;
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  EXPECT_GE(targets, 1);
}

INSTANTIATE_TEST_SUITE_P(shapes, every_target,
                         ::testing::Values(shape{1, 1, 1, 1}, shape{1, 1, 33, 17}, shape{97, 61, 40, 31},
                                           shape{64, 64, 64, 64}, shape{300, 3, 17, 90}, shape{5, 777, 31, 40},
                                           shape{640, 351, 128, 72}, shape{129, 130, 131, 259}, shape{3000, 20, 16, 16},
                                           shape{11, 9, 1280, 3}, shape{2, 2000, 3, 500}));

TEST(resample, window_equals_the_same_part_of_the_whole) {
  const std::uint32_t w = 211, h = 173, ow = 90, oh = 120;
  const auto rgb = noise(std::size_t{w} * h * 3, 5);
  const auto whole = resample_rgb(rgb, w, h, ow, oh);
  for (const auto order : {pass_order::horizontal_first, pass_order::vertical_first}) {
    auto x = axis_spec::whole(w, ow);
    auto y = axis_spec::whole(h, oh);
    x.window_first = 13, x.window_size = 50;
    y.window_first = 29, y.window_size = 31;
    std::uint32_t rows = 0;
    std::size_t different = 0;
    row_resampler part(axis_taps(x), axis_taps(y), order, [&](std::uint32_t row, std::span<const std::uint8_t> out) {
      EXPECT_EQ(row, rows++);
      ASSERT_EQ(out.size(), 150U);
      different += std::memcmp(out.data(), whole.data() + ((row + 29) * ow + 13) * 3, 150) != 0;
    });
    for (std::uint32_t row = 0; row < h; ++row) {
      if (!part.next_row_unused()) {
        const auto to = part.next_row();
        for (std::uint32_t i = 0; i < w; ++i) std::memcpy(to.data() + i * 4, rgb.data() + (row * w + i) * 3, 3);
      }
      part.commit_row();
    }
    EXPECT_EQ(rows, 31U);
    // The 8-bit value between the passes makes the order visible.
    if (order == pass_order::horizontal_first) {
      EXPECT_EQ(different, 0U);
    } else {
      EXPECT_GT(different, 0U);
    }
    EXPECT_THROW(part.commit_row(), weir::error);
  }
}

TEST(resample, mirrored_taps_mirror_the_result) {
  const axis_taps taps(axis_spec::whole(100, 37));
  const axis_taps back = taps.mirrored();
  ASSERT_EQ(back.size(), taps.size());
  for (std::uint32_t i = 0; i < taps.size(); ++i) {
    const auto a = taps.weights(i);
    const auto b = back.weights(36 - i);
    ASSERT_TRUE(std::equal(a.begin(), a.end(), b.rbegin(), b.rend()));
    EXPECT_EQ(back.first(36 - i), 100 - taps.first(i) - a.size());
  }
}

TEST(resample, unchanged_axis_copies) {
  const auto rgb = noise(40 * 30 * 3, 9);
  EXPECT_EQ(resample_rgb(rgb, 40, 30, 40, 30), rgb);
}

TEST(resample, memory_follows_the_window) {
  auto wide = axis_spec::whole(2000, 1);
  wide.out_size = 1'440'000, wide.window_first = 719'360, wide.window_size = 1280;
  const auto bytes =
      row_resampler::memory_bytes(axis_taps(wide), axis_taps(axis_spec::whole(1, 720)), pass_order::horizontal_first);
  EXPECT_LT(bytes, 100'000U);
}

TEST(resample, refuses_nonsense) {
  const std::vector<std::uint8_t> rgb(12);
  EXPECT_THROW(resample_rgb(rgb, 2, 2, 0, 1), weir::error);
  EXPECT_THROW(resample_rgb(rgb, 2, 3, 1, 1), weir::error);
  auto outside = axis_spec::whole(10, 10);
  outside.window_first = 5;
  EXPECT_THROW(axis_taps{outside}, weir::error);
}

TEST(resample, stops_when_asked) {
  std::stop_source stop;
  stop.request_stop();
  const std::vector<std::uint8_t> rgb(300);
  EXPECT_THROW(resample_rgb(rgb, 10, 10, 5, 5, stop.get_token()), weir::cancelled);
}

} // namespace
