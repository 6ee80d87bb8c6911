#include "media/image_files.hpp"

#include <weir/core/cancelled.hpp>
#include <weir/core/error.hpp>
#include <weir/media/encode.hpp>
#include <weir/media/image_info.hpp>

#include <algorithm>
#include <cmath>

namespace {

using namespace weir::media;
using namespace weir::media::testing;

double signal_to_noise(const std::vector<std::uint8_t>& a, const std::vector<std::uint8_t>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return 10 * std::log10(255.0 * 255.0 / std::max(sum / static_cast<double>(a.size()), 1e-9));
}

TEST(encode, each_format_reads_back_as_what_was_given) {
  const std::uint32_t w = 201, h = 97;
  std::vector<std::uint8_t> rgb(std::size_t{w} * h * 3);
  for (std::uint32_t y = 0; y < h; ++y)
    for (std::uint32_t x = 0; x < w; ++x) {
      std::uint8_t* pixel = rgb.data() + (std::size_t{y} * w + x) * 3;
      pixel[0] = static_cast<std::uint8_t>(x), pixel[1] = static_cast<std::uint8_t>(y * 2), pixel[2] = 90;
    }
  for (const auto format : {image_format::png, image_format::jpeg, image_format::webp}) {
    bytes file;
    EXPECT_EQ(encode_image(rgb, w, h, format, into(file)), file.size());
    const auto info = probe_image(file);
    ASSERT_TRUE(info);
    EXPECT_EQ(info->format, format);
    const auto back = decode(prepare(file, target(w, h, resize_mode::rescale))).rgb;
    ASSERT_EQ(back.size(), rgb.size());
    EXPECT_GT(signal_to_noise(back, rgb), format == image_format::png ? 90.0 : 36.0) << format_name(format);
  }
}

TEST(encode, quality_counts) {
  const auto rgb = smooth_pixels(160, 120);
  for (const auto format : {image_format::jpeg, image_format::webp}) {
    bytes low, high;
    encode_image(rgb, 160, 120, format, into(low), {.quality = 30});
    encode_image(rgb, 160, 120, format, into(high), {.quality = 95});
    EXPECT_LT(low.size() * 2, high.size()) << format_name(format);
  }
}

TEST(encode, refuses_nonsense) {
  bytes out;
  const std::vector<std::uint8_t> rgb(300);
  EXPECT_THROW(encode_image(rgb, 10, 11, image_format::png, into(out)), weir::error);
  EXPECT_THROW(encode_image(rgb, 0, 10, image_format::png, into(out)), weir::error);
  EXPECT_THROW(encode_image(rgb, 10, 10, image_format::unknown, into(out)), weir::error);
  EXPECT_THROW(encode_image(rgb, 10, 10, image_format::jpeg, into(out), {.quality = 0}), weir::error);
  const std::vector<std::uint8_t> strip(20'000 * 3);
  EXPECT_THROW(encode_image(strip, 20'000, 1, image_format::webp, into(out)), weir::error);
  EXPECT_TRUE(out.empty());
}

TEST(encode, stops_when_asked) {
  std::stop_source stop;
  stop.request_stop();
  bytes out;
  const auto rgb = smooth_pixels(64, 64);
  for (const auto format : {image_format::png, image_format::jpeg, image_format::webp})
    EXPECT_THROW(encode_image(rgb, 64, 64, format, into(out), {}, stop.get_token()), weir::cancelled);
}

} // namespace
