#pragma once

#include <weir/media/prepare.hpp>

#include <gtest/gtest.h>
#include <png.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

/// Helpers of the image tests.
namespace weir::media::testing {

using bytes = std::vector<std::byte>;

struct picture {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::vector<std::uint8_t> rgb;
};

inline std::string data_path(const std::string& name) {
  const std::string here = __FILE__;
  return here.substr(0, here.rfind('/')) + "/data/" + name;
}

inline bytes read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  const std::vector<char> text((std::istreambuf_iterator<char>(file)), {});
  bytes out(text.size());
  if (!text.empty()) std::memcpy(out.data(), text.data(), text.size());
  return out;
}

inline bytes data_file(const std::string& name) { return read_file(data_path(name)); }

inline byte_sink into(bytes& out) {
  return [&out](std::span<const std::byte> part) { out.insert(out.end(), part.begin(), part.end()); };
}

/// Decodes a PNG with libpng, which checks every length and sum.
inline picture decode(const bytes& png) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  picture out;
  EXPECT_NE(png_image_begin_read_from_memory(&image, png.data(), png.size()), 0) << image.message;
  EXPECT_EQ(image.format, static_cast<png_uint_32>(PNG_FORMAT_RGB));
  image.format = PNG_FORMAT_RGB;
  out.width = image.width;
  out.height = image.height;
  out.rgb.resize(PNG_IMAGE_SIZE(image));
  EXPECT_NE(png_image_finish_read(&image, nullptr, out.rgb.data(), 0, nullptr), 0) << image.message;
  EXPECT_EQ(image.warning_or_error, 0U) << image.message;
  return out;
}

inline prepare_options target(std::uint32_t width, std::uint32_t height, resize_mode mode = resize_mode::crop) {
  prepare_options options;
  options.width = width;
  options.height = height;
  options.mode = mode;
  return options;
}

inline bytes prepare(const bytes& file, const prepare_options& options) {
  bytes png;
  const auto result = prepare_image(image_source::from_bytes(file), options, into(png));
  EXPECT_EQ(result.output_bytes, png.size());
  return png;
}

inline std::vector<std::uint8_t> smooth_pixels(std::uint32_t width, std::uint32_t height) {
  std::vector<std::uint8_t> rgb(std::size_t{width} * height * 3);
  std::uint32_t noise = 1;
  for (std::uint32_t y = 0; y < height; ++y)
    for (std::uint32_t x = 0; x < width; ++x) {
      noise = noise * 1664525 + 1013904223;
      std::uint8_t* pixel = rgb.data() + (std::size_t{y} * width + x) * 3;
      pixel[0] = static_cast<std::uint8_t>(x * 255 / width);
      pixel[1] = static_cast<std::uint8_t>(y * 255 / height);
      pixel[2] = static_cast<std::uint8_t>((x + y + (noise >> 28)) & 255);
    }
  return rgb;
}

} // namespace weir::media::testing
