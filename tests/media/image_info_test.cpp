#include "media/image_files.hpp"

#include <weir/media/image_info.hpp>

namespace {

using namespace weir::media;
using namespace weir::media::testing;

bytes text(std::string_view value) {
  bytes out(value.size());
  std::memcpy(out.data(), value.data(), value.size());
  return out;
}

struct expectation {
  const char* file;
  image_format format;
  std::uint32_t width, height;
  int orientation;
  bool alpha, interlaced, animated;
};

TEST(image_info, reads_the_header_of_each_kind) {
  const expectation table[] = {
      {"rgb.png", image_format::png, 101, 67, 1, false, false, false},
      {"rgb_adam7.png", image_format::png, 101, 67, 1, false, true, false},
      {"rgba.png", image_format::png, 101, 67, 1, true, false, false},
      {"palette_trns.png", image_format::png, 83, 59, 1, true, false, false},
      {"orientation7.png", image_format::png, 101, 67, 7, false, false, false},
      {"plain.jpg", image_format::jpeg, 203, 151, 1, false, false, false},
      {"progressive.jpg", image_format::jpeg, 203, 151, 1, false, true, false},
      {"orientation6.jpg", image_format::jpeg, 96, 50, 6, false, false, false},
      {"wide.jpg", image_format::jpeg, 3000, 20, 1, false, false, false},
      {"lossy.webp", image_format::webp, 121, 90, 1, false, false, false},
      {"lossless.webp", image_format::webp, 121, 90, 1, false, false, false},
      {"alpha.webp", image_format::webp, 121, 90, 1, true, false, false},
      {"orientation6.webp", image_format::webp, 121, 90, 6, false, false, false},
      {"animated.webp", image_format::webp, 64, 48, 1, false, false, true},
  };
  for (const auto& right : table) {
    const auto file = data_file(right.file);
    const auto info = probe_image(file);
    ASSERT_TRUE(info) << right.file;
    EXPECT_EQ(info->format, right.format) << right.file;
    EXPECT_EQ(info->width, right.width) << right.file;
    EXPECT_EQ(info->height, right.height) << right.file;
    EXPECT_EQ(info->orientation, right.orientation) << right.file;
    EXPECT_EQ(info->has_alpha, right.alpha) << right.file;
    EXPECT_EQ(info->interlaced, right.interlaced) << right.file;
    EXPECT_EQ(info->animated, right.animated) << right.file;
    EXPECT_EQ(info->shown_width(), right.orientation >= 5 ? right.height : right.width);
    EXPECT_EQ(info->frame_bytes > 0, right.interlaced || right.format == image_format::webp) << right.file;
    // The first bytes are enough for the size.
    if (const auto head = probe_image(std::span(file).first(std::min<std::size_t>(file.size(), 700)))) {
      EXPECT_EQ(head->width, right.width) << right.file;
    } else {
      ADD_FAILURE() << right.file << ": no size in the first 700 bytes";
    }
  }
}

TEST(image_info, survives_every_prefix_and_flipped_byte) {
  for (const char* name :
       {"orientation7.png", "orientation6.jpg", "orientation6.webp", "animated.webp", "wide_gamut.jpg"}) {
    const auto file = data_file(name);
    for (std::size_t size = 0; size < std::min<std::size_t>(file.size(), 900); ++size)
      (void)probe_image(std::span(file).first(size));
    auto changed = file;
    for (std::size_t at = 0; at < std::min<std::size_t>(file.size(), 900); ++at)
      for (const int value : {0, 1, 0x7f, 0xff}) {
        changed[at] = static_cast<std::byte>(value);
        if (const auto info = probe_image(changed)) {
          EXPECT_GT(info->pixels(), 0U);
          EXPECT_GE(info->orientation, 1);
          EXPECT_LE(info->orientation, 8);
        }
        changed[at] = file[at];
      }
  }
}

TEST(image_info, too_short_or_contradictory_headers_give_nothing) {
  EXPECT_FALSE(probe_image({}));
  EXPECT_FALSE(probe_image(text("\xff\xd8\xff")));
  EXPECT_FALSE(probe_image(text("\x89PNG\r\n\x1a\n")));
  EXPECT_FALSE(probe_image(text("RIFF....WEBP")));
  auto zero_wide = data_file("rgb.png");
  for (int i = 16; i < 20; ++i) zero_wide[static_cast<std::size_t>(i)] = std::byte{0};
  EXPECT_FALSE(probe_image(zero_wide));
  auto bad_colour = data_file("rgb.png");
  bad_colour[25] = std::byte{5};
  EXPECT_FALSE(probe_image(bad_colour));
}

TEST(image_info, tells_formats_by_magic_and_names_what_it_does_not_take) {
  EXPECT_EQ(sniff_format(data_file("plain.jpg")), image_format::jpeg);
  EXPECT_EQ(sniff_format(text("GIF89a")), image_format::unknown);
  EXPECT_EQ(mime_type(image_format::jpeg), "image/jpeg");
  EXPECT_EQ(mime_type(image_format::png), "image/png");
  EXPECT_EQ(mime_type(image_format::webp), "image/webp");
  EXPECT_EQ(mime_type(image_format::unknown), "application/octet-stream");
  EXPECT_EQ(describe_bytes(text("GIF89a...")), "a GIF image");
  EXPECT_EQ(describe_bytes(text("<?xml version='1.0'?><svg xmlns='...'/>")), "an SVG drawing");
  EXPECT_EQ(describe_bytes(text("<!doctype html>")), "XML or HTML text");
  EXPECT_EQ(describe_bytes(text("hello\n")), "text");
  EXPECT_EQ(describe_bytes(text("{\"error\": 1}")), "JSON text");
  EXPECT_EQ(describe_bytes({}), "an empty file");
  EXPECT_EQ(describe_bytes(text("\x01\x02\x03")), "binary data of an unknown kind");
  EXPECT_EQ(describe_bytes(text("RIFF....WAVE")), "a RIFF file that is not WebP");
}

} // namespace
