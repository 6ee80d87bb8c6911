#include <weir/core/cancelled.hpp>
#include <weir/core/error.hpp>
#include <weir/media/slate.hpp>

#include <gtest/gtest.h>
#include <media/text_layout.hpp>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>

namespace {

using namespace weir::media;
using namespace weir::media::detail;

slate_options card(std::string text, std::uint32_t width = 640, std::uint32_t height = 360) {
  slate_options options;
  options.text = std::move(text);
  options.width = width;
  options.height = height;
  return options;
}

struct white_area {
  std::size_t count = 0;
  std::uint32_t left = 1 << 20, right = 0, top = 1 << 20, bottom = 0;
};

// The ground is never white: what is white is text.
white_area white_pixels(const rgb_image& image) {
  white_area area;
  for (std::uint32_t y = 0; y < image.height; ++y)
    for (std::uint32_t x = 0; x < image.width; ++x) {
      const std::uint8_t* p = image.row(y) + std::size_t{x} * 3;
      if (p[0] < 253 || p[1] < 253 || p[2] < 253) continue;
      ++area.count;
      area.left = std::min(area.left, x);
      area.right = std::max(area.right, x);
      area.top = std::min(area.top, y);
      area.bottom = std::max(area.bottom, y);
    }
  return area;
}

// Relative luminance, WCAG 2.2.
double luminance(const std::uint8_t* p) {
  const auto linear = [](double v) {
    v /= 255;
    return v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4);
  };
  return 0.2126 * linear(p[0]) + 0.7152 * linear(p[1]) + 0.0722 * linear(p[2]);
}

TEST(slate, same_options_same_pixels) {
  slate_options options = card("A lighthouse in a storm");
  options.footer = {"slate", "second line"};
  const rgb_image one = render_slate(options);
  EXPECT_EQ(one.width, 640U);
  EXPECT_EQ(one.height, 360U);
  EXPECT_EQ(one.pixels.size(), 640U * 360 * 3);
  EXPECT_TRUE(one == render_slate(options));
  options.seed = 1;
  EXPECT_FALSE(one == render_slate(options));
  options.seed = 0;
  options.footer[0] = "other";
  EXPECT_FALSE(one == render_slate(options));
}

TEST(slate, text_fills_the_card_inside_its_margins) {
  for (auto [width, height] : {std::pair{1280U, 720U}, {720U, 1280U}, {1024U, 1024U}, {256U, 256U}, {1792U, 1024U}}) {
    for (const char* text :
         {"A cat", "A lighthouse keeper's cat watches a thunderstorm roll in over a slate-grey sea"}) {
      const white_area area = white_pixels(render_slate(card(text, width, height)));
      const std::uint32_t margin = std::min(width, height) / 20;
      EXPECT_GT(area.count, std::size_t{width} * height / 400) << width << ' ' << text;
      EXPECT_GE(area.left, margin) << width << ' ' << text;
      EXPECT_LE(area.right, width - margin) << width << ' ' << text;
      EXPECT_GE(area.top, margin) << width << ' ' << text;
      EXPECT_LE(area.bottom, height - margin) << width << ' ' << text;
    }
  }
}

TEST(slate, text_contrasts_with_the_ground) {
  for (int i = 0; i < 60; ++i) {
    slate_options options = card("", 160, 90);
    options.seed = static_cast<std::uint64_t>(i);
    const rgb_image image = render_slate(options);
    EXPECT_EQ(white_pixels(image).count, 0U);
    double lightest = 0;
    // The upper half has no footer.
    for (std::size_t at = 0; at < image.pixels.size() / 2; at += 3)
      lightest = std::max(lightest, luminance(image.pixels.data() + at));
    EXPECT_GE(1.05 / (lightest + 0.05), 3.0) << "seed " << i; // WCAG 2.2 level AA for large text
  }
}

TEST(slate, every_size_and_any_bytes) {
  std::mt19937 random(7);
  for (auto [width, height] :
       {std::pair{16U, 16U}, {17U, 33U}, {16U, 4096U}, {4096U, 16U}, {64U, 64U}, {99U, 501U}, {2048U, 300U}}) {
    for (std::size_t size : {0, 1, 50, 5000}) {
      slate_options options = card(std::string(size, '\0'), width, height);
      for (char& c : options.text) c = static_cast<char>(random());
      options.footer = {options.text, "x", "y", "not drawn"};
      EXPECT_EQ(render_slate(options).pixels.size(), std::size_t{width} * height * 3);
    }
  }
}

TEST(slate, refuses_bad_sizes_and_backgrounds) {
  for (auto [width, height] : {std::pair{15U, 100U}, {100U, 15U}, {4097U, 100U}, {100U, 4097U}, {0U, 0U}}) {
    try {
      render_slate(card("x", width, height));
      ADD_FAILURE() << width << "x" << height;
    } catch (const weir::error& e) {
      EXPECT_EQ(e.code(), weir::errc::invalid_argument);
      EXPECT_NE(std::string_view(e.what()).find(std::to_string(width) + "x" + std::to_string(height)),
                std::string_view::npos);
    }
  }
  slate_options options = card("x");
  options.background = {10, 10, std::vector<std::uint8_t>(299)};
  EXPECT_THROW(render_slate(options), weir::error);
}

TEST(slate, background_covers_the_card_and_is_darkened) {
  slate_options options = card("words", 320, 180);
  options.background = {50, 200, std::vector<std::uint8_t>(50 * 200 * 3)};
  for (std::uint32_t y = 0; y < 200; ++y)
    for (std::uint32_t x = 0; x < 50; ++x)
      options.background.row(y)[x * 3 + (x < 25 ? 0 : 2)] = 255; // left half red, right half blue
  const rgb_image image = render_slate(options);
  const std::uint8_t* left = image.row(5) + 5 * 3;
  const std::uint8_t* right = image.row(5) + 310 * 3;
  EXPECT_GT(left[0], left[2] + 30);
  EXPECT_GT(right[2], right[0] + 30);
  EXPECT_LT(luminance(right), 0.15);
  EXPECT_LT(left[0], 220);
  EXPECT_GT(white_pixels(image).count, 50U);
}

TEST(slate, a_stop_request_ends_it) {
  std::stop_source source;
  source.request_stop();
  EXPECT_THROW(render_slate(card("x"), source.get_token()), weir::cancelled);
}

TEST(slate_text, only_what_can_be_drawn_is_kept) {
  EXPECT_EQ(drawable_text("  a\t b\r\nc\n\n\n\nd \n", 100), U"a b\nc\n\nd");
  EXPECT_EQ(drawable_text("a\x01\x1B[2J\x7F\xC2\x85"
                          "b",
                          100),
            U"a[2J\nb");
  EXPECT_EQ(drawable_text("a\u200B\u202Eb\uFEFF\u00ADc\uFE0F", 100), U"abc");
  EXPECT_EQ(drawable_text("\u00E9\u20AC\U0001F3AC", 100), U"\u00E9\u20AC\U0001F3AC");
  EXPECT_EQ(drawable_text("abcdef", 6), U"abcdef");
  EXPECT_EQ(drawable_text("abcdefg", 6), U"abcde\u2026");
  EXPECT_EQ(drawable_text("", 6), U"");
}

TEST(slate_text, broken_utf8_becomes_one_replacement_for_each_maximal_part) {
  EXPECT_EQ(drawable_text("a\xFFz", 9), U"a\uFFFDz");
  EXPECT_EQ(drawable_text("\x80\xBF", 9), U"\uFFFD\uFFFD");
  EXPECT_EQ(drawable_text("\xC0\xAF", 9), U"\uFFFD\uFFFD");                     // overlong
  EXPECT_EQ(drawable_text("\xE0\x80\xAF", 9), U"\uFFFD\uFFFD\uFFFD");           // overlong
  EXPECT_EQ(drawable_text("\xED\xA0\x80", 9), U"\uFFFD\uFFFD\uFFFD");           // surrogate
  EXPECT_EQ(drawable_text("\xF4\x90\x80\x80", 9), U"\uFFFD\uFFFD\uFFFD\uFFFD"); // behind U+10FFFF
  EXPECT_EQ(drawable_text("\xF0\x9F\x8E", 9), U"\uFFFD");                       // cut off
  EXPECT_EQ(drawable_text("\xF0\x9F\x8E"
                          "A",
                          9),
            U"\uFFFDA");
  EXPECT_EQ(drawable_text("\xE2\x82", 9), U"\uFFFD");
}

double width_px(font& face, const text_block& block) {
  double widest = 0;
  for (const auto& line : block.lines)
    widest = std::max(widest, static_cast<double>(face.width(line)) * block.size_px / face.units_per_em());
  return widest;
}

TEST(slate_text, fits_the_box_at_the_largest_size) {
  font face;
  const text_box box{600, 300, 10, 80};
  const auto text = drawable_text("The quick brown fox jumps over the lazy dog near the river bank at dawn", 1000);
  const text_block block = fit_text(face, text, box);
  EXPECT_LE(width_px(face, block), 600);
  EXPECT_LE(static_cast<double>(block.lines.size()) * block.line_px, 300);
  EXPECT_GT(static_cast<double>(block.lines.size()) * block.line_px, 180);
  std::u32string joined;
  for (const auto& line : block.lines) joined += (joined.empty() ? U"" : U" ") + line;
  EXPECT_EQ(joined, text); // every word, in order, none broken
  EXPECT_EQ(fit_text(face, U"Hi", box).size_px, 80);
  EXPECT_EQ(fit_text(face, U"a\nb\n\nc", box).lines, (std::vector<std::u32string>{U"a", U"b", U"", U"c"}));
}

TEST(slate_text, breaks_a_word_only_where_it_must) {
  font face;
  const text_block url = fit_text(face, std::u32string(200, U'w'), {600, 300, 10, 80});
  EXPECT_GT(url.lines.size(), 1U);
  EXPECT_LE(width_px(face, url), 600);
  std::size_t characters = 0;
  for (const auto& line : url.lines) characters += line.size();
  EXPECT_EQ(characters, 200U);
}

TEST(slate_text, cuts_what_does_not_fit) {
  font face;
  std::u32string text;
  for (int i = 0; i < 500; ++i) text += U"word ";
  const text_block block = fit_text(face, text, {200, 100, 10, 40});
  EXPECT_EQ(block.size_px, 10);
  EXPECT_EQ(block.lines.size(), 8U);
  EXPECT_EQ(block.lines.back().back(), U'\u2026');
  EXPECT_EQ(block.lines.front().find(U'\u2026'), std::u32string::npos);
  EXPECT_LE(width_px(face, block), 200);
  EXPECT_TRUE(fit_text(face, text, {200, 5, 10, 40}).lines.empty());
  EXPECT_TRUE(fit_text(face, text, {0, 100, 10, 40}).lines.empty());
  EXPECT_EQ(cut_line(face, U"abc", 10, 1000), U"abc");
  EXPECT_EQ(cut_line(face, U"abc def ghi", 10, 40).back(), U'\u2026');
  EXPECT_EQ(cut_line(face, U"abc", 10, 1), U"");
}

TEST(slate_text, a_missing_character_is_a_box) {
  font face;
  const auto drawn = [&](std::u32string_view text) {
    coverage mask(60, 60);
    face.draw(mask, text, 40, 5, 45);
    return mask.values;
  };
  const auto box = drawn(U"\u4E00");
  EXPECT_EQ(box, drawn(U"\U0001F3AC"));
  EXPECT_NE(box, drawn(U"A"));
  EXPECT_GT(std::count_if(box.begin(), box.end(), [](auto v) { return v > 200; }), 50);
  // Outside of the mask nothing is written.
  coverage small(10, 10);
  face.draw(small, U"WWWW", 80, -30, 20);
  face.draw(small, U"WWWW", 20, 100, -50);
}

} // namespace
