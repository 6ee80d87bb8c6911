#include <fmt/format.h>
#include <media/zoom_frames.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace weir::media::detail {

namespace {

constexpr double end_cut = 0.1;
constexpr int shift = 6;
constexpr int one = 1 << shift; // fixed-point 1 of the filter weights

// Catmull-Rom: goes through the samples, so a zoom of 1 gives the card itself.
void weigh(double phase, std::int16_t (&weights)[4]) {
  const double t = phase;
  const double exact[4] = {0.5 * t * (-1 + t * (2 - t)), 0.5 * (2 + t * t * (3 * t - 5)),
                           0.5 * t * (1 + t * (4 - 3 * t)), 0.5 * t * t * (t - 1)};
  int sum = 0;
  for (int i = 0; i < 4; ++i) sum += weights[i] = static_cast<std::int16_t>(std::lround(exact[i] * one));
  weights[t < 0.5 ? 1 : 2] = static_cast<std::int16_t>(weights[t < 0.5 ? 1 : 2] + one - sum);
}

} // namespace

source_box camera_box(double width, double height, double part) {
  // Ends so near that about a twentieth of the shorter side is cut off at each edge: less than the margin of a card.
  const double last_zoom = 1 / (1 - end_cut * std::min(width, height) / std::max(width, height));
  const double zoom = std::pow(last_zoom, part); // even steps look even only on a logarithmic scale
  const double w = width / zoom;
  const double h = height / zoom;
  const double drift = 0.5 - 0.05 * part; // to the side where the text begins
  return {(width - w) * drift, (height - h) * drift, w, h};
}

zoom_frames::zoom_frames(const rgb_image& card, std::uint32_t frames, std::uint32_t fps, bool timecode)
    : luma_(static_cast<int>(card.width & ~1U), static_cast<int>(card.height & ~1U)),
      blue_(luma_.width / 2, luma_.height / 2), red_(blue_), frames_(frames), fps_(fps), timecode_(timecode) {
  // ITU-R BT.709 with 8 bits, limited range; 16 fraction bits.
  const int width = luma_.width;
  for (int y = 0; y < luma_.height; y += 2) {
    for (int x = 0; x < width; x += 2) {
      int sum[3] = {};
      for (int dy = 0; dy < 2; ++dy)
        for (int dx = 0; dx < 2; ++dx) {
          const std::uint8_t* p = card.row(static_cast<std::uint32_t>(y + dy)) + std::ptrdiff_t{x + dx} * 3;
          luma_.values[static_cast<std::size_t>((y + dy) * width + x + dx)] =
              static_cast<std::uint8_t>(16 + ((11966 * p[0] + 40254 * p[1] + 4064 * p[2] + 32768) >> 16));
          for (int i = 0; i < 3; ++i) sum[i] += p[i];
        }
      const auto at = static_cast<std::size_t>((y / 2) * blue_.width + x / 2);
      const auto chroma = [&](int r, int g, int b) {
        return static_cast<std::uint8_t>(128 + ((r * sum[0] + g * sum[1] + b * sum[2] + (2 << 16)) >> 18));
      };
      blue_.values[at] = chroma(-6596, -22189, 28785);
      red_.values[at] = chroma(28785, -26145, -2640);
    }
  }
}

// Because the zoom stays under 8/7, eight neighbours in the frame read eight neighbours of the card or the place of one
// of them twice: with a fifth tap, five loads of eight samples serve all eight, and the compiler makes vectors of them.
void zoom_frames::weigh_columns(double begin, double size, int width) {
  blocks_.assign(static_cast<std::size_t>((width + 7) / 8), {});
  for (std::size_t b = 0; b < blocks_.size(); ++b) {
    column_block& block = blocks_[b];
    for (int j = 0; j < 8; ++j) {
      const double at = begin + (static_cast<double>(b) * 8 + j + 0.5) * size / width - 0.5;
      const int first = static_cast<int>(std::floor(at)) - 1;
      if (j == 0) block.first = first - 1;
      std::int16_t weights[4];
      weigh(at - std::floor(at), weights);
      for (int k = 0; k < 4; ++k) block.weights[first - block.first - j + k][j] = weights[k];
    }
  }
}

void zoom_frames::zoom(const plane& from, const source_box& box, std::uint8_t* to) {
  const int width = from.width;
  weigh_columns(box.left, box.width, width);
  // Samples beside the line, for the taps that reach over its ends: they see the last one again.
  constexpr int border = 16;
  line_.resize(static_cast<std::size_t>(width + 2 * border));
  std::int16_t* const line = line_.data() + border;
  for (int y = 0; y < from.height; ++y) {
    const double at = box.top + (y + 0.5) * box.height / from.height - 0.5;
    std::int16_t w[4];
    weigh(at - std::floor(at), w);
    const std::uint8_t* rows[4];
    for (int i = 0; i < 4; ++i)
      rows[i] = from.values.data() +
                std::ptrdiff_t{std::clamp(static_cast<int>(std::floor(at)) - 1 + i, 0, from.height - 1)} * width;
    // 16 bits suffice in both passes: 255 * one * 1.25 * 1.25 < 32768.
    for (int x = 0; x < width; ++x)
      line[x] = static_cast<std::int16_t>(static_cast<std::int16_t>(w[0] * rows[0][x] + w[1] * rows[1][x] +
                                                                    w[2] * rows[2][x] + w[3] * rows[3][x] + one / 2) >>
                                          shift);
    std::fill(line_.data(), line, line[0]);
    std::fill(line + width, line + width + border, line[width - 1]);
    for (int x = 0; x < width; x += 8) {
      const column_block& block = blocks_[static_cast<std::size_t>(x / 8)];
      const std::int16_t* samples = line + block.first;
      std::int16_t sums[8];
      for (int j = 0; j < 8; ++j) sums[j] = one / 2;
      for (int k = 0; k < 5; ++k)
        for (int j = 0; j < 8; ++j) sums[j] = static_cast<std::int16_t>(sums[j] + samples[k + j] * block.weights[k][j]);
      std::uint8_t bytes[8];
      for (int j = 0; j < 8; ++j) bytes[j] = static_cast<std::uint8_t>(std::clamp(sums[j] >> shift, 0, 255));
      std::memcpy(to + x, bytes, static_cast<std::size_t>(std::min(8, width - x)));
    }
    to += width;
  }
}

void zoom_frames::draw(std::uint32_t number, std::span<std::uint8_t> frame) {
  const double part = frames_ > 1 ? static_cast<double>(number) / (frames_ - 1) : 0;
  zoom(luma_, camera_box(luma_.width, luma_.height, part), frame.data());
  const source_box small = camera_box(blue_.width, blue_.height, part);
  zoom(blue_, small, frame.data() + luma_.values.size());
  zoom(red_, small, frame.data() + luma_.values.size() + blue_.values.size());
  if (timecode_) overlay(number, frame.data());
}

// Moves luma towards `level` and chroma towards grey by mask * opacity / 256. `left` and `top` are even.
void zoom_frames::mix(std::uint8_t* frame, const coverage& mask, int left, int top, int level, int opacity) const {
  const int width = luma_.width;
  const auto towards = [](std::uint8_t& value, int target, int alpha) {
    value = static_cast<std::uint8_t>(value + (target - value) * alpha / 255);
  };
  for (int y = 0; y < mask.height; ++y)
    for (int x = 0; x < mask.width; ++x)
      towards(frame[(top + y) * width + left + x], level, mask.row(y)[x] * opacity >> 8);
  std::uint8_t* chroma[2] = {frame + luma_.values.size(), frame + luma_.values.size() + blue_.values.size()};
  for (int y = 0; y + 1 < mask.height; y += 2)
    for (int x = 0; x + 1 < mask.width; x += 2) {
      const int alpha = (mask.row(y)[x] + mask.row(y)[x + 1] + mask.row(y + 1)[x] + mask.row(y + 1)[x + 1]) / 4;
      for (std::uint8_t* p : chroma)
        towards(p[(top + y) / 2 * blue_.width + (left + x) / 2], 128, alpha * opacity >> 8);
    }
}

void zoom_frames::overlay(std::uint32_t number, std::uint8_t* frame) {
  const auto even = [](double v) { return static_cast<int>(v / 2) * 2; };
  const double unit = std::min(luma_.width, luma_.height) / 100.0;
  // The bar: how much of the film has run.
  const int bar_height = std::max(2, even(0.8 * unit));
  coverage bar(even(static_cast<double>(luma_.width) * (number + 1) / frames_), bar_height);
  std::fill(bar.values.begin(), bar.values.end(), std::uint8_t{255});
  mix(frame, bar, 0, luma_.height - bar_height, 235, 200);
  // The time as minutes:seconds:frames, in the margin above the text of a card.
  const double size_px = 3.0 * unit;
  if (size_px < 6) return;
  const std::string text = fmt::format("{:02}:{:02}:{:02}", number / fps_ / 60, number / fps_ % 60, number % fps_);
  const std::u32string digits(text.begin(), text.end());
  const double wide = static_cast<double>(face_.width(digits)) * size_px / face_.units_per_em();
  coverage chip(even(wide + 1.8 * unit) + 2, even(4.4 * unit));
  const int left = even(luma_.width - 3.0 * unit) - chip.width;
  if (left < 0) return;
  const int top = even(1.6 * unit);
  std::fill(chip.values.begin(), chip.values.end(), std::uint8_t{255});
  mix(frame, chip, left, top, 16, 90);
  std::fill(chip.values.begin(), chip.values.end(), std::uint8_t{0});
  face_.draw(chip, digits, size_px, (chip.width - wide) / 2, chip.height / 2.0 + size_px * 0.365);
  mix(frame, chip, left, top, 235, 230);
}

} // namespace weir::media::detail
