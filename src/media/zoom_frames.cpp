#include <fmt/format.h>
#include <media/zoom_frames.hpp>

#include <algorithm>
#include <cmath>

namespace weir::media::detail {

namespace {

constexpr double last_zoom = 1.12;
constexpr int one = 64; // fixed-point 1 of the filter weights

int clamp_byte(int v) { return std::clamp(v, 0, 255); }

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
  const double zoom = std::pow(last_zoom, part); // even steps look even only on a logarithmic scale
  const double w = width / zoom;
  const double h = height / zoom;
  return {(width - w) * (0.5 - 0.2 * part), (height - h) * (0.5 - 0.1 * part), w, h};
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

void zoom_frames::zoom(const plane& from, const source_box& box, std::uint8_t* to) {
  const int width = from.width;
  const auto tap_of = [](double begin, double size, int count, int i) {
    const double at = begin + (i + 0.5) * size / count - 0.5;
    tap t{static_cast<std::int32_t>(std::floor(at)) - 1, {}};
    weigh(at - std::floor(at), t.weights);
    return t;
  };
  taps_.resize(static_cast<std::size_t>(width));
  for (int x = 0; x < width; ++x) taps_[static_cast<std::size_t>(x)] = tap_of(box.left, box.width, width, x);
  // The line has room for the taps that reach over its ends; they see the last sample again.
  constexpr int border = 3;
  line_.resize(static_cast<std::size_t>(width + 2 * border));
  for (int y = 0; y < from.height; ++y) {
    const tap t = tap_of(box.top, box.height, from.height, y);
    const std::uint8_t* rows[4];
    for (int i = 0; i < 4; ++i)
      rows[i] = from.values.data() + std::ptrdiff_t{std::clamp(t.at + i, 0, from.height - 1)} * width;
    const std::int16_t a = t.weights[0], b = t.weights[1], c = t.weights[2], d = t.weights[3];
    std::int16_t* line = line_.data() + border;
    // 16 bits suffice: 255 * one * (1 + 2 * 0.07) < 32768. Four fraction bits stay for the second pass.
    for (int x = 0; x < width; ++x)
      line[x] = static_cast<std::int16_t>(
          static_cast<std::int16_t>(a * rows[0][x] + b * rows[1][x] + c * rows[2][x] + d * rows[3][x] + 2) >> 2);
    for (int i = 1; i <= border; ++i) {
      line[-i] = line[0];
      line[width - 1 + i] = line[width - 1];
    }
    for (int x = 0; x < width; ++x) {
      const tap& h = taps_[static_cast<std::size_t>(x)];
      const std::int16_t* s = line + h.at;
      const int sum = s[0] * h.weights[0] + s[1] * h.weights[1] + s[2] * h.weights[2] + s[3] * h.weights[3];
      *to++ = static_cast<std::uint8_t>(clamp_byte((sum + 512) >> 10));
    }
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
