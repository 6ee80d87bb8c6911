#include "media/image_files.hpp"

#include <weir/core/error.hpp>
#include <weir/media/prepare.hpp>

#include <libdeflate.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

namespace {

using namespace weir::media;
using namespace weir::media::testing;

/// data/generate.py describes the inputs and how the sums came about.
TEST(prepare_golden, pixels_equal_pillow_12) {
  std::ifstream goldens(data_path("goldens.txt"));
  std::string line;
  int compared = 0;
  while (std::getline(goldens, line)) {
    std::istringstream fields(line);
    std::string name, mode, crc, adler;
    prepare_options options;
    fields >> name >> options.width >> options.height >> mode >> crc >> adler;
    options.mode = mode == "pad" ? resize_mode::pad : mode == "rescale" ? resize_mode::rescale : resize_mode::crop;
    const picture out = decode(prepare(data_file(name), options));
    ASSERT_EQ(out.width, options.width);
    ASSERT_EQ(out.height, options.height);
    EXPECT_EQ(libdeflate_crc32(0, out.rgb.data(), out.rgb.size()), std::stoul(crc, nullptr, 16)) << line;
    EXPECT_EQ(libdeflate_adler32(1, out.rgb.data(), out.rgb.size()), std::stoul(adler, nullptr, 16)) << line;
    ++compared;
  }
  EXPECT_GE(compared, 600);
}

/// The colours that the profile means, as LittleCMS gives them through Pillow; rounding differs between its versions.
TEST(prepare_golden, profiles_are_converted_to_srgb) {
  for (const std::string name : {"wide_gamut.jpg", "wide_gamut.png", "wide_gamut.webp", "grey_profile.png"}) {
    const bool webp = name == "wide_gamut.webp";
    std::string expected = webp ? "wide_gamut.png" : name;
    std::replace(expected.begin(), expected.end(), '.', '_');
    const picture right = decode(data_file(expected + ".expected.png"));
    bytes png;
    const auto result = prepare_image(image_source::from_bytes(data_file(name)),
                                      target(right.width, right.height, resize_mode::rescale), into(png));
    EXPECT_TRUE(result.colour_converted) << name;
    const picture out = decode(png);
    int worst = 0;
    for (std::size_t i = 0; i < out.rgb.size(); ++i) worst = std::max(worst, std::abs(out.rgb[i] - right.rgb[i]));
    EXPECT_LE(worst, 2) << name;
  }
}

TEST(prepare_golden, profiles_that_say_srgb_or_nothing_leave_the_pixels) {
  for (const std::string name : {"srgb_profile.png", "broken_profile.png", "broken_profile.jpg"}) {
    bytes png;
    const auto result =
        prepare_image(image_source::from_bytes(data_file(name)), target(48, 32, resize_mode::rescale), into(png));
    EXPECT_FALSE(result.colour_converted) << name;
    if (name.ends_with(".png")) {
      const auto other = decode(prepare(data_file("wide_gamut.png"), target(48, 32, resize_mode::rescale)));
      EXPECT_NE(decode(png).rgb, other.rgb) << "the same pixels with a real profile must look different";
    }
  }
}

TEST(prepare_golden, all_orientations_show_the_same_way_up) {
  // The files hold the same pixels; what differs is how they are to be shown.
  const auto shown = [](int orientation) {
    return decode(
        prepare(data_file("orientation" + std::to_string(orientation) + ".jpg"),
                orientation >= 5 ? target(50, 96, resize_mode::rescale) : target(96, 50, resize_mode::rescale)));
  };
  const picture plain = shown(1);
  for (int orientation = 2; orientation <= 8; ++orientation) {
    const picture turned = shown(orientation);
    std::size_t wrong = 0;
    for (std::uint32_t y = 0; y < turned.height; ++y)
      for (std::uint32_t x = 0; x < turned.width; ++x) {
        std::uint32_t from_x = orientation >= 5 ? y : x;
        std::uint32_t from_y = orientation >= 5 ? x : y;
        if (orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8) from_x = 95 - from_x;
        if (orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7) from_y = 49 - from_y;
        wrong += std::memcmp(turned.rgb.data() + (std::size_t{y} * turned.width + x) * 3,
                             plain.rgb.data() + (std::size_t{from_y} * 96 + from_x) * 3, 3) != 0;
      }
    EXPECT_EQ(wrong, 0U) << orientation;
  }
}

} // namespace
