#include <weir/core/cancelled.hpp>
#include <weir/core/error.hpp>
#include <weir/media/slate.hpp>

#include <fmt/format.h>
#include <media/crop_resize.hpp>
#include <media/font.hpp>
#include <media/slate_ground.hpp>
#include <media/text_layout.hpp>

#include <algorithm>
#include <cmath>

namespace weir::media {

namespace {

using namespace detail;

constexpr std::uint32_t min_side = 16;
constexpr std::uint32_t max_side = 4096;
constexpr std::size_t max_characters = 8192;
constexpr std::size_t max_footer_lines = 3;

void check(const slate_options& options) {
  if (options.width < min_side || options.width > max_side || options.height < min_side || options.height > max_side)
    throw error(errc::invalid_argument, fmt::format("a card may have {} to {} pixels a side, not {}x{}", min_side,
                                                    max_side, options.width, options.height));
  const rgb_image& b = options.background;
  if (b.pixels.size() != std::size_t{b.width} * b.height * 3)
    throw error(errc::invalid_argument,
                fmt::format("the background has {} bytes, which is not {}x{} RGB", b.pixels.size(), b.width, b.height));
}

// Averages over (2 * radius + 1) pixels along one row or column: `step` apart, `count` of them.
void blur_line(std::uint8_t* values, std::ptrdiff_t step, int count, int radius, std::vector<std::uint8_t>& line) {
  line.resize(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) line[static_cast<std::size_t>(i)] = values[i * step];
  const auto at = [&](int i) { return i < 0 || i >= count ? 0 : static_cast<int>(line[static_cast<std::size_t>(i)]); };
  int sum = 0;
  for (int i = -radius; i <= radius; ++i) sum += at(i);
  for (int i = 0; i < count; ++i) {
    values[i * step] = static_cast<std::uint8_t>(sum / (2 * radius + 1));
    sum += at(i + radius + 1) - at(i - radius);
  }
}

// Two box blurs each way: near enough to a Gaussian for a shadow.
coverage shadow_of(coverage mask, int radius) {
  std::vector<std::uint8_t> line;
  for (int pass = 0; pass < 2 && radius > 0; ++pass) {
    for (int y = 0; y < mask.height; ++y) blur_line(mask.row(y), 1, mask.width, radius, line);
    for (int x = 0; x < mask.width; ++x) blur_line(mask.values.data() + x, mask.width, mask.height, radius, line);
  }
  return mask;
}

void lay_over(rgb_image& card, const coverage& mask, const rgb_color& color, double opacity, int offset_y = 0) {
  const auto strength = static_cast<unsigned>(std::lround(opacity * 256));
  for (int y = std::max(0, offset_y); y < mask.height; ++y) {
    const std::uint8_t* alpha = mask.row(y - offset_y);
    std::uint8_t* pixel = card.row(static_cast<std::uint32_t>(y));
    for (int x = 0; x < mask.width; ++x, pixel += 3)
      if (alpha[x] != 0) blend(pixel, color, std::min(255U, alpha[x] * strength >> 8));
  }
}

// A rectangle with soft edges where it does not end on whole pixels.
void fill(coverage& mask, double left, double top, double width, double height) {
  const auto overlap = [](double begin, double size, int at) {
    return std::clamp(std::min(begin + size, at + 1.0) - std::max<double>(begin, at), 0.0, 1.0);
  };
  for (int y = static_cast<int>(top); y < std::min<double>(mask.height, top + height); ++y)
    for (int x = static_cast<int>(left); x < std::min<double>(mask.width, left + width); ++x)
      mask.row(y)[x] = static_cast<std::uint8_t>(255 * overlap(left, width, x) * overlap(top, height, y));
}

} // namespace

rgb_image render_slate(const slate_options& options, std::stop_token stop) {
  check(options);
  const slate_palette palette = choose_palette(options.text, options.seed);
  rgb_image card;
  if (options.background.empty()) {
    card = {options.width, options.height, std::vector<std::uint8_t>(std::size_t{options.width} * options.height * 3)};
    paint_ground(card, palette, stop);
  } else {
    const auto& picture = options.background;
    const auto box = covering_box(picture.width, picture.height, options.width, options.height);
    card = crop_resize(picture, box, options.width, options.height, stop);
    paint_scrim(card, palette, stop);
  }

  const double width = card.width;
  const double height = card.height;
  const double unit = std::min(width, height) / 100;
  const double margin = 7 * unit;
  font face;

  // The footer first: the text gets what is left.
  const double small_px = std::max(3.1 * unit, std::min(11.0, 12 * unit));
  const double small_line = small_px * 1.4;
  const double inner = width - 2 * margin;
  coverage quiet(static_cast<int>(card.width), static_cast<int>(card.height));
  coverage accent = quiet;
  const std::u32string size = drawable_text(fmt::format("{} \u00D7 {}", card.width, card.height), 32);
  const double size_width = static_cast<double>(face.width(size)) * small_px / face.units_per_em();
  const bool has_size = size_width <= inner && height >= 5 * small_line;
  double baseline = height - margin;
  if (has_size) face.draw(quiet, size, small_px, width - margin - size_width, baseline);
  const std::size_t footers = std::min(options.footer.size(), max_footer_lines);
  for (std::size_t i = footers; i-- > 0 && has_size;) {
    const double room = i + 1 == footers ? inner - size_width - 2 * small_px : inner;
    const auto line = cut_line(face, drawable_text(options.footer[i], 512), small_px, room);
    if (line.size() > 1) face.draw(quiet, line, small_px, margin, baseline); // not an ellipsis alone
    if (i != 0) baseline -= small_line;
  }
  const double bar_top = has_size ? baseline - small_line - 2.2 * unit : height - margin / 2;
  if (has_size) fill(accent, margin, bar_top, 11 * unit, std::max(1.0, 0.7 * unit));

  const double top = margin;
  const text_box box{inner, bar_top - 3 * unit - top, std::max(2.6 * unit, std::min(10.0, 20 * unit)), 11 * unit};
  const text_block block = fit_text(face, drawable_text(options.text, max_characters), box);
  coverage words(static_cast<int>(card.width), static_cast<int>(card.height));
  const double ascent = static_cast<double>(face.ascender()) / face.units_per_em();
  const double used = static_cast<double>(block.lines.size()) * block.line_px;
  double y = top + (box.height - used) / 2 + (block.line_px - block.size_px) / 2 + ascent * block.size_px * 0.92;
  for (const auto& line : block.lines) {
    if (stop.stop_requested()) throw cancelled();
    face.draw(words, line, block.size_px, margin, y);
    y += block.line_px;
  }

  lay_over(card, accent, palette.accent, 1.0);
  if (const int radius = static_cast<int>(std::lround(block.size_px * 0.09)); radius > 0)
    lay_over(card, shadow_of(words, radius), {0, 0, 0}, 0.55, std::max(1, radius / 2));
  lay_over(card, words, {255, 255, 255}, 1.0);
  lay_over(card, quiet, {255, 255, 255}, 0.78);
  return card;
}

} // namespace weir::media
