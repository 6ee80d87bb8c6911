#pragma once

#include <weir/media/rgb_image.hpp>

#include <media/crop_resize.hpp>
#include <media/font.hpp>

#include <cstdint>
#include <span>
#include <vector>

namespace weir::media::detail {

/// The part of a width x height card that is seen at `part` (0..1) of the film.
source_box camera_box(double width, double height, double part);

/// One plane of 8-bit samples.
struct plane {
  plane(int w, int h) : width(w), height(h), values(static_cast<std::size_t>(w) * static_cast<std::size_t>(h)) {}
  int width;
  int height;
  std::vector<std::uint8_t> values;
};

/// Draws the frames of an animatic as planar 4:2:0 (BT.709, limited range): luma, then the two chroma planes.
/// Not thread-safe.
class zoom_frames {
 public:
  /// `card` has at least 2 pixels a side; an odd last row or column is left out.
  zoom_frames(const rgb_image& card, std::uint32_t frames, std::uint32_t fps, bool timecode);

  std::uint32_t width() const noexcept { return static_cast<std::uint32_t>(luma_.width); }
  std::uint32_t height() const noexcept { return static_cast<std::uint32_t>(luma_.height); }
  std::size_t frame_bytes() const noexcept { return luma_.values.size() + 2 * blue_.values.size(); }

  /// Draws frame `number` into `frame`, which has frame_bytes().
  void draw(std::uint32_t number, std::span<std::uint8_t> frame);

 private:
  void zoom(const plane& from, const source_box& box, std::uint8_t* to);
  void weigh_columns(double begin, double size, int width);
  void overlay(std::uint32_t number, std::uint8_t* frame);
  void mix(std::uint8_t* frame, const coverage& mask, int left, int top, int level, int opacity) const;

  plane luma_, blue_, red_;
  std::uint32_t frames_;
  std::uint32_t fps_;
  bool timecode_;
  font face_;
  std::vector<std::int16_t> line_;
  // Eight columns of a frame: the first sample that they read, and what each of them makes of the k-th behind it.
  struct column_block {
    int first;
    std::int16_t weights[5][8];
  };
  std::vector<column_block> blocks_;
};

} // namespace weir::media::detail
