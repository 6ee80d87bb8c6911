#include "media/image_files.hpp"

#include <weir/core/cancelled.hpp>
#include <weir/core/error.hpp>
#include <weir/media/png_write.hpp>

#include <libdeflate.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <random>

namespace {

using namespace weir::media;
using namespace weir::media::testing;

bytes write(std::uint32_t width, std::uint32_t height, std::span<const std::uint8_t> rgb) {
  bytes out;
  EXPECT_EQ(write_png(width, height, rgb, into(out)), out.size());
  return out;
}

TEST(png_write, pixels_come_back) {
  std::mt19937 random(4);
  struct shape {
    std::uint32_t width, height;
  };
  for (const auto& [w, h] : {shape{1, 1}, shape{1, 50}, shape{50, 1}, shape{21, 5}, shape{22, 5}, shape{64, 33},
                             shape{171, 90}, shape{1280, 3}}) {
    std::vector<std::uint8_t> noise(std::size_t{w} * h * 3);
    for (auto& byte : noise) byte = static_cast<std::uint8_t>(random());
    EXPECT_EQ(decode(write(w, h, noise)).rgb, noise) << w << "x" << h;
    const auto smooth = smooth_pixels(w, h);
    EXPECT_EQ(decode(write(w, h, smooth)).rgb, smooth) << w << "x" << h;
    const std::vector<std::uint8_t> flat(std::size_t{w} * h * 3, 77);
    EXPECT_EQ(decode(write(w, h, flat)).rgb, flat) << w << "x" << h;
  }
}

/// The filtered rows inside a PNG of ours.
std::vector<std::uint8_t> filtered_rows(const bytes& png, std::size_t size) {
  std::vector<std::uint8_t> stream;
  for (std::size_t at = 8; at + 12 <= png.size();) {
    std::size_t length = 0;
    for (std::size_t i = 0; i < 4; ++i) length = length << 8 | std::to_integer<std::size_t>(png[at + i]);
    const auto* body = reinterpret_cast<const std::uint8_t*>(png.data()) + at + 8;
    if (std::memcmp(body - 4, "IDAT", 4) == 0) stream.insert(stream.end(), body, body + length);
    at += length + 12;
  }
  std::vector<std::uint8_t> out(size);
  const std::unique_ptr<libdeflate_decompressor, void (*)(libdeflate_decompressor*)> inflate(
      libdeflate_alloc_decompressor(), libdeflate_free_decompressor);
  EXPECT_EQ(libdeflate_zlib_decompress(inflate.get(), stream.data(), stream.size(), out.data(), out.size(), nullptr),
            LIBDEFLATE_SUCCESS);
  return out;
}

int paeth(int left, int above, int corner) {
  const int p = left + above - corner;
  const int to_a = std::abs(p - left), to_b = std::abs(p - above), to_c = std::abs(p - corner);
  return to_a <= to_b && to_a <= to_c ? left : to_b <= to_c ? above : corner;
}

TEST(png_write, each_row_gets_the_filter_of_the_least_sum) {
  // Rows made so that each filter has some that suit it.
  const std::size_t w = 203, h = 60, line = w * 3;
  std::mt19937 random(11);
  std::vector<std::uint8_t> rgb(line * h);
  const auto at = [&](std::size_t y, std::size_t i, std::size_t up, std::size_t left) -> int {
    return y < up || i < left ? 0 : rgb[(y - up) * line + i - left];
  };
  for (std::size_t y = 0; y < h; ++y)
    for (std::size_t i = 0; i < line; ++i) {
      const int left = at(y, i, 0, 3), above = at(y, i, 1, 0), corner = at(y, i, 1, 3);
      const int grain = static_cast<int>(random() % 3) - 1;
      const int value[] = {static_cast<int>(random() % 5), left + 9 * grain, above + grain, (left + above) / 2 + grain,
                           paeth(left, above, corner) + grain};
      rgb[y * line + i] = static_cast<std::uint8_t>(value[random() % 16 == 0 ? y / 5 % 5 : y % 5]);
    }
  const auto rows = filtered_rows(write(w, h, rgb), (line + 1) * h);
  std::array<int, 5> chosen{};
  for (std::size_t y = 0; y < h; ++y) {
    std::array<long, 5> sums{};
    for (std::size_t i = 0; i < line; ++i) {
      const int left = at(y, i, 0, 3), above = at(y, i, 1, 0), corner = at(y, i, 1, 3);
      const int predicted[] = {0, left, above, (left + above) / 2, paeth(left, above, corner)};
      for (std::size_t filter = 0; filter < 5; ++filter)
        sums[filter] += std::abs(static_cast<std::int8_t>(rgb[y * line + i] - predicted[filter]));
    }
    const std::size_t filter = rows[y * (line + 1)];
    ASSERT_LT(filter, 5U);
    EXPECT_EQ(sums[filter], *std::min_element(sums.begin(), sums.end())) << "row " << y;
    ++chosen[filter];
  }
  for (std::size_t filter = 0; filter < 5; ++filter) EXPECT_GT(chosen[filter], 0) << "filter " << filter;
  EXPECT_EQ(decode(write(w, h, rgb)).rgb, rgb);
}

TEST(png_write, large_images_stream_with_bounded_memory) {
  const std::uint32_t w = 2500, h = 1500;
  EXPECT_LT(png_writer::memory_bytes(w, h), 3U << 20);
  const auto rgb = smooth_pixels(w, h);
  bytes out;
  std::size_t parts_before_last_row = 0;
  png_writer writer(w, h, into(out));
  for (std::uint32_t y = 0; y < h; ++y) {
    if (y + 1 == h) parts_before_last_row = out.size();
    writer.write_row(std::span(rgb).subspan(std::size_t{y} * w * 3, std::size_t{w} * 3));
  }
  writer.finish();
  EXPECT_GT(parts_before_last_row, out.size() / 2);
  EXPECT_EQ(decode(out).rgb, rgb);
}

TEST(png_write, graphics_are_deflated_thoroughly) {
  // A drawing: few colours, long runs and repeats. zlib's default level, as other writers use it, makes 4.1 kB of it.
  const std::uint32_t w = 1280, h = 720;
  std::vector<std::uint8_t> rgb(std::size_t{w} * h * 3, 20);
  for (std::uint32_t y = 0; y < h; ++y)
    for (std::uint32_t x = 0; x < w; ++x)
      if ((x / 40 + y / 40) % 2 == 0) rgb[(std::size_t{y} * w + x) * 3 + y / 240] = 200;
  const auto png = write(w, h, rgb);
  EXPECT_LT(png.size(), 8'000U);
  EXPECT_EQ(decode(png).rgb, rgb);
}

TEST(png_write, sizes_stay_near_a_slow_deflate) {
  const std::uint32_t w = 800, h = 450;
  std::mt19937 random(3);
  std::vector<std::uint8_t> photo(std::size_t{w} * h * 3), grey(photo.size()), drawing(photo.size(), 30);
  for (std::uint32_t y = 0; y < h; ++y)
    for (std::uint32_t x = 0; x < w; ++x) {
      const std::size_t at = (std::size_t{y} * w + x) * 3;
      const auto light = static_cast<int>(90 + 60 * std::sin(x * 0.01) * std::cos(y * 0.013));
      const auto shade = static_cast<std::uint8_t>(light + static_cast<int>(random() % 16));
      for (std::size_t c = 0; c < 3; ++c) {
        photo[at + c] = static_cast<std::uint8_t>(light + static_cast<int>(random() % 16));
        grey[at + c] = shade;
        if ((x / 9 * 7 + y / 30 * 5) % 11 == c) drawing[at + c] = static_cast<std::uint8_t>(80 * c + 60);
      }
    }
  for (const auto* rgb : {&photo, &grey, &drawing}) {
    const auto png = write(w, h, *rgb);
    EXPECT_EQ(decode(png).rgb, *rgb);
    const auto rows = filtered_rows(png, (w * 3 + 1) * std::size_t{h});
    const std::unique_ptr<libdeflate_compressor, void (*)(libdeflate_compressor*)> slow(libdeflate_alloc_compressor(6),
                                                                                        libdeflate_free_compressor);
    bytes out(rows.size());
    const auto least = libdeflate_zlib_compress(slow.get(), rows.data(), rows.size(), out.data(), out.size());
    EXPECT_LT(static_cast<double>(png.size()), 1.1 * static_cast<double>(least) + 4096);
  }
}

TEST(png_write, rows_are_checked) {
  bytes out;
  const std::vector<std::uint8_t> row(30);
  EXPECT_THROW(png_writer(0, 5, into(out)), weir::error);
  png_writer writer(10, 2, into(out));
  EXPECT_THROW(writer.write_row(std::span(row).first(27)), weir::error);
  writer.write_row(row);
  EXPECT_THROW(writer.finish(), weir::error);
  writer.write_row(row);
  EXPECT_THROW(writer.write_row(row), weir::error);
  writer.finish();
  EXPECT_THROW(write_png(3, 3, std::span(row), into(out)), weir::error);
}

TEST(png_write, stops_when_asked_and_passes_the_sinks_failure_on) {
  const auto rgb = smooth_pixels(64, 64);
  std::stop_source stop;
  bytes out;
  int rows = 0;
  EXPECT_THROW(write_png(
                   64, 64,
                   [&](std::uint32_t y) {
                     if (++rows == 10) stop.request_stop();
                     return std::span(rgb).subspan(std::size_t{y} * 192, 192);
                   },
                   into(out), stop.get_token()),
               weir::cancelled);
  EXPECT_EQ(rows, 10);
  struct full {};
  EXPECT_THROW(write_png(64, 64, rgb, [](std::span<const std::byte>) { throw full{}; }), full);
}

} // namespace
