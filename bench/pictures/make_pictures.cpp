// Makes the source pictures that every engine is measured with, always the same ones:
//   weir-bench-pictures DIR
// Each is drawn like a photograph (smooth shapes, texture in several sizes, the noise of a sensor), for flat test
// charts would flatter some codecs. The JPEG of 12 megapixels, at quality 90, comes out near 2 MB.
#include <weir/media/png_write.hpp>

#include <jpeglib.h>
#include <webp/encode.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

namespace {

struct picture {
  unsigned width, height;
  std::vector<std::uint8_t> rgb;
};

void require(bool good, const std::string& what) {
  if (good) return;
  std::fprintf(stderr, "weir-bench-pictures: %s\n", what.c_str());
  std::exit(1);
}

std::uint32_t mix(std::uint32_t x) {
  x ^= x >> 16;
  x *= 0x7feb352dU;
  x ^= x >> 15;
  x *= 0x846ca68bU;
  return x ^ (x >> 16);
}

/// A fixed value in 0..1 for a grid point.
float at_point(std::uint32_t x, std::uint32_t y, std::uint32_t layer) {
  return static_cast<float>(mix(x * 0x9e3779b1U ^ mix(y * 0x85ebca77U ^ layer)) >> 8) / 16777216.0F;
}

/// Adds smooth noise whose grid is `cell` pixels wide.
void add_layer(std::vector<float>& to, unsigned width, unsigned height, float cell, float strength,
               std::uint32_t layer) {
  std::vector<float> weight(width);
  std::vector<std::uint32_t> column(width);
  for (unsigned x = 0; x < width; ++x) {
    const float place = static_cast<float>(x) / cell;
    column[x] = static_cast<std::uint32_t>(place);
    const float part = place - std::floor(place);
    weight[x] = part * part * (3 - 2 * part);
  }
  for (unsigned y = 0; y < height; ++y) {
    const float place = static_cast<float>(y) / cell;
    const auto row = static_cast<std::uint32_t>(place);
    const float part = place - std::floor(place), down = part * part * (3 - 2 * part);
    float left = 0, right = 0;
    std::uint32_t known = ~0U;
    for (unsigned x = 0; x < width; ++x) {
      const std::uint32_t i = column[x];
      if (i != known) {
        left = at_point(i, row, layer) * (1 - down) + at_point(i, row + 1, layer) * down;
        right = at_point(i + 1, row, layer) * (1 - down) + at_point(i + 1, row + 1, layer) * down;
        known = i;
      }
      to[std::size_t{y} * width + x] += strength * (left + (right - left) * weight[x] - 0.5F);
    }
  }
}

picture draw(unsigned width, unsigned height) {
  picture made{width, height, std::vector<std::uint8_t>(std::size_t{width} * height * 3)};
  const std::size_t count = std::size_t{width} * height;
  std::vector<float> light(count, 0.45F), tint(count, 0.0F), warmth(count, 0.0F);
  const auto side = static_cast<float>(width);
  add_layer(light, width, height, side / 3, 0.7F, 1);
  add_layer(light, width, height, side / 11, 0.35F, 2);
  add_layer(light, width, height, side / 40, 0.2F, 3);
  add_layer(light, width, height, side / 150, 0.1F, 4);
  add_layer(light, width, height, 24, 0.08F, 10);
  add_layer(light, width, height, 9, 0.08F, 5);
  add_layer(light, width, height, 4, 0.1F, 11);
  add_layer(tint, width, height, side / 4, 0.4F, 6);
  add_layer(warmth, width, height, side / 6, 0.4F, 7);
  // Fine colour, too: texture in grey alone makes the three channels alike, which no camera does.
  add_layer(tint, width, height, 5, 0.07F, 12);
  add_layer(warmth, width, height, 6, 0.07F, 13);
  for (std::size_t i = 0; i < count; ++i) {
    // Above the edge of a shape it is darker: photographs have hard edges, and rings around them cost bits.
    const float shape = warmth[i] + tint[i] > 0.05F ? 0.8F : 1.05F;
    const float base = light[i] * shape,
                colour[3] = {base + 0.5F * warmth[i], base - 0.2F * tint[i], base + 0.4F * tint[i] - 0.3F * warmth[i]};
    for (unsigned c = 0; c < 3; ++c) {
      const float grain =
          (at_point(static_cast<std::uint32_t>(i), c, 8) + at_point(static_cast<std::uint32_t>(i), c, 9) - 1) * 5.0F;
      made.rgb[i * 3 + c] = static_cast<std::uint8_t>(std::clamp(colour[c] * 255.0F + grain, 0.0F, 255.0F));
    }
  }
  return made;
}

void write_jpeg(const picture& from, const std::string& path, bool progressive) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  require(file != nullptr, "cannot write " + path);
  jpeg_compress_struct encoder;
  jpeg_error_mgr errors;
  encoder.err = ::jpeg_std_error(&errors);
  ::jpeg_create_compress(&encoder);
  ::jpeg_stdio_dest(&encoder, file);
  encoder.image_width = from.width;
  encoder.image_height = from.height;
  encoder.input_components = 3;
  encoder.in_color_space = JCS_RGB;
  ::jpeg_set_defaults(&encoder);
  ::jpeg_set_quality(&encoder, 90, TRUE);
  if (progressive) ::jpeg_simple_progression(&encoder);
  ::jpeg_start_compress(&encoder, TRUE);
  while (encoder.next_scanline < from.height) {
    auto* row = const_cast<JSAMPROW>(from.rgb.data() + std::size_t{encoder.next_scanline} * from.width * 3);
    ::jpeg_write_scanlines(&encoder, &row, 1);
  }
  ::jpeg_finish_compress(&encoder);
  ::jpeg_destroy_compress(&encoder);
  require(std::fclose(file) == 0, "cannot write " + path);
}

void write_png(const picture& from, const std::string& path) {
  std::ofstream file(path, std::ios::binary);
  weir::media::write_png(from.width, from.height, from.rgb, [&file](std::span<const std::byte> bytes) {
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  });
  require(file.good(), "cannot write " + path);
}

void write_webp(const picture& from, const std::string& path) {
  std::uint8_t* bytes = nullptr;
  const std::size_t size = ::WebPEncodeRGB(from.rgb.data(), static_cast<int>(from.width), static_cast<int>(from.height),
                                           static_cast<int>(from.width * 3), 90, &bytes);
  require(size > 0, "libwebp could not encode");
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes), static_cast<std::streamsize>(size));
  ::WebPFree(bytes);
  require(file.good(), "cannot write " + path);
}

} // namespace

int main(int argc, char** argv) {
  require(argc == 2, "use: weir-bench-pictures DIR");
  const std::string folder = std::string(argv[1]) + "/";
  const picture photo = draw(4000, 3000);
  write_jpeg(photo, folder + "photo_12mp.jpg", false);
  write_jpeg(photo, folder + "photo_12mp_progressive.jpg", true);
  write_webp(photo, folder + "photo_12mp.webp");
  write_png(draw(2464, 1632), folder + "photo_4mp.png");
  write_jpeg(draw(1024, 1024), folder + "photo_1024.jpg", false);
}
