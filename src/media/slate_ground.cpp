#include <weir/core/cancelled.hpp>

#include <media/slate_ground.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

namespace weir::media::detail {

namespace {

// FNV-1a, 64 bits, with a last mix: neighbours in the text give unrelated colours.
std::uint64_t hash(std::string_view text, std::uint64_t seed) {
  std::uint64_t h = 0xCBF29CE484222325U ^ seed;
  for (char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  h = (h ^ h >> 31) * 0x9E3779B97F4A7C15U;
  return h ^ h >> 29;
}

double part(std::uint64_t& h) {
  h = h * 6364136223846793005U + 1442695040888963407U;
  return static_cast<double>(h >> 40) / static_cast<double>(1 << 24);
}

// OKLab (Bjoern Ottosson, 2020) to sRGB 0..255: equal lightness looks equally light in every hue.
std::array<double, 3> oklch(double lightness, double chroma, double hue) {
  const double a = chroma * std::cos(hue);
  const double b = chroma * std::sin(hue);
  const double l = std::pow(lightness + 0.3963377774 * a + 0.2158037573 * b, 3);
  const double m = std::pow(lightness - 0.1055613458 * a - 0.0638541728 * b, 3);
  const double s = std::pow(lightness - 0.0894841775 * a - 1.2914855480 * b, 3);
  const auto encode = [](double v) {
    v = std::clamp(v, 0.0, 1.0);
    return 255 * (v <= 0.0031308 ? 12.92 * v : 1.055 * std::pow(v, 1 / 2.4) - 0.055);
  };
  return {encode(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
          encode(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
          encode(-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s)};
}

rgb_color rounded(const std::array<double, 3>& c) {
  return {static_cast<std::uint8_t>(std::lround(c[0])), static_cast<std::uint8_t>(std::lround(c[1])),
          static_cast<std::uint8_t>(std::lround(c[2]))};
}

// Ordered dither (Bayer 4 x 4): without it the slow gradient shows bands.
constexpr std::array<std::array<int, 4>, 4> dither = {{{0, 8, 2, 10}, {12, 4, 14, 6}, {3, 11, 1, 9}, {15, 7, 13, 5}}};

std::uint8_t quantize(float value, std::uint32_t x, std::uint32_t y) {
  const float v = value + (static_cast<float>(dither[y & 3][x & 3]) + 0.5F) / 16.0F;
  return static_cast<std::uint8_t>(std::clamp(v, 0.0F, 255.0F));
}

float smooth(float v) {
  v = std::clamp(v, 0.0F, 1.0F);
  return v * v * (3 - 2 * v);
}

} // namespace

slate_palette choose_palette(std::string_view text, std::uint64_t seed) {
  std::uint64_t h = hash(text, seed);
  slate_palette palette;
  palette.hue = part(h) * 2 * std::numbers::pi;
  palette.hue_shift = (part(h) < 0.5 ? -1 : 1) * (0.6 + 0.7 * part(h));
  palette.glow_x = 0.62 + 0.3 * part(h);
  palette.glow_y = 0.05 + 0.35 * part(h);
  palette.accent = rounded(oklch(0.84, 0.13, palette.hue - 0.9 * palette.hue_shift));
  return palette;
}

void paint_ground(rgb_image& card, const slate_palette& palette, std::stop_token stop) {
  constexpr int steps = 1024;
  std::vector<std::array<float, 3>> ramp(steps);
  for (int i = 0; i < steps; ++i) {
    const double t = i / (steps - 1.0); // 0 dark, 1 bright
    const auto c = oklch(0.19 + 0.33 * t, 0.055 + 0.075 * t, palette.hue + palette.hue_shift * (1 - t));
    for (std::size_t k = 0; k < 3; ++k) ramp[static_cast<std::size_t>(i)][k] = static_cast<float>(c[k]);
  }
  const auto width = static_cast<float>(card.width);
  const auto height = static_cast<float>(card.height);
  const float unit = std::min(width, height);
  const auto glow_x = static_cast<float>(palette.glow_x) * width;
  const auto glow_y = static_cast<float>(palette.glow_y) * height;
  const float reach = 0.75F * std::max(width, height);
  const float edge = std::max(1.0F, unit / 500);
  for (std::uint32_t y = 0; y < card.height; ++y) {
    if (stop.stop_requested()) throw cancelled();
    std::uint8_t* pixel = card.row(y);
    const float dy = static_cast<float>(y) - glow_y;
    const float down = static_cast<float>(y) / height;
    for (std::uint32_t x = 0; x < card.width; ++x, pixel += 3) {
      const float dx = static_cast<float>(x) - glow_x;
      const float distance = std::sqrt(dx * dx + dy * dy);
      const float slope = 0.5F * static_cast<float>(x) / width + 0.5F * (1 - down);
      const float glow = smooth(1 - distance / reach);
      const float bright = 0.12F + 0.33F * slope + 0.55F * glow * glow;
      const auto& color = ramp[static_cast<std::size_t>(std::clamp(bright, 0.0F, 1.0F) * (steps - 1))];
      // Discs around the bright spot, each a little lighter than what is outside of it.
      float veil = 0;
      for (float radius : {0.24F, 0.47F, 0.78F})
        veil += std::clamp((radius * unit - distance) / edge + 0.5F, 0.0F, 1.0F) * 0.035F;
      for (std::size_t k = 0; k < 3; ++k) pixel[k] = quantize(color[k] + (255 - color[k]) * veil, x, y);
    }
  }
}

void paint_scrim(rgb_image& card, const slate_palette& palette, std::stop_token stop) {
  const rgb_color dark = rounded(oklch(0.16, 0.04, palette.hue + palette.hue_shift));
  for (std::uint32_t y = 0; y < card.height; ++y) {
    if (stop.stop_requested()) throw cancelled();
    std::uint8_t* pixel = card.row(y);
    const float down = static_cast<float>(y) / static_cast<float>(card.height);
    for (std::uint32_t x = 0; x < card.width; ++x, pixel += 3) {
      const float left = 1 - static_cast<float>(x) / static_cast<float>(card.width);
      blend(pixel, dark, static_cast<unsigned>(85 + 55 * smooth(left) + 55 * smooth(down * 1.6F - 0.6F)));
    }
  }
}

} // namespace weir::media::detail
