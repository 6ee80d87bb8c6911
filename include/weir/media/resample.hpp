#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <vector>

namespace weir::media {

/// One axis of a resize: the source interval [box_begin, box_end) becomes `out_size` pixels, of which only the window
/// [window_first, window_first + window_size) is computed. A window may reach neither below 0 nor past out_size.
/// The box is single precision because Pillow's is: with the same box the same weights come out.
struct axis_spec {
  std::uint32_t in_size = 0;
  float box_begin = 0;
  float box_end = 0;
  std::int64_t out_size = 0;
  std::int64_t window_first = 0;
  std::uint32_t window_size = 0;

  /// The whole of `in_size` pixels to the whole of `out_size`.
  static axis_spec whole(std::uint32_t in_size, std::uint32_t out_size) {
    return {in_size, 0.0F, static_cast<float>(in_size), out_size, 0, out_size};
  }
};

/// The Lanczos-3 weights of one axis, window only: for each output pixel the first source pixel and the weights in
/// fixed point with 22 fraction bits, rounded half away from zero, exactly as Pillow 12 computes them (Resample.c:
/// support 3 times the reduction, weights normalised in double, first and last tap rounded to the nearest and clamped
/// to the source).
class axis_taps {
 public:
  /// Fails: error invalid_argument for an empty source, box or window.
  /// Cost: 4 bytes per weight, about 6 * max(1, in/out) weights per output pixel.
  explicit axis_taps(const axis_spec& spec);

  std::uint32_t in_size() const noexcept { return in_size_; }
  std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(first_.size()); }

  /// The first source pixel that output pixel `i` of the window reads.
  std::uint32_t first(std::uint32_t i) const noexcept { return first_[i]; }

  /// The weights of output pixel `i`; their sum is within rounding of 1 << 22.
  std::span<const std::int32_t> weights(std::uint32_t i) const noexcept {
    return {weights_.data() + offset_[i], offset_[i + 1] - offset_[i]};
  }

  /// The source pixels that the window reads at all: [begin, end).
  std::uint32_t begin() const noexcept { return begin_; }
  std::uint32_t end() const noexcept { return end_; }
  std::uint32_t max_taps() const noexcept { return max_taps_; }

  /// The table of the same axis seen from the other end: source and window both reversed. Resampling a mirrored source
  /// with it gives the mirrored result, bit for bit.
  axis_taps mirrored() const;

 private:
  axis_taps() = default;
  void measure();

  std::uint32_t in_size_ = 0;
  std::uint32_t begin_ = 0;
  std::uint32_t end_ = 0;
  std::uint32_t max_taps_ = 0;
  std::vector<std::uint32_t> first_;
  std::vector<std::size_t> offset_;
  std::vector<std::int32_t> weights_;
};

/// Which pass comes first. Between the passes values are rounded to 8 bits, so the order shows in the result.
/// Pillow 12 goes horizontally first, except where a source is over 100 times as high as wide and gets lower.
enum class pass_order { horizontal_first, vertical_first };

/// Which code does the arithmetic. Both give the same bytes; `scalar` exists to compare with.
enum class resample_kernel { best, scalar };

/// Resamples an image while its rows come in: holds only the rows that the vertical pass still needs.
///
/// Rows go in from top to bottom as RGBX (4 bytes a pixel, the 4th is ignored) through `next_row` and `commit_row`;
/// rows come out from top to bottom as RGB (3 bytes a pixel) as soon as they are complete.
/// Thread-safety: none; use one object per image.
/// Cost: memory is (vertical taps + 1) rows: of the window's width (3 bytes a pixel) horizontally first, else of the
/// source's width (4 bytes a pixel). Time is about 1.5 ms per megapixel of source on AVX2.
class row_resampler {
 public:
  /// Receives output row `y` of the window; the span is valid during the call only.
  using row_sink = std::function<void(std::uint32_t y, std::span<const std::uint8_t> rgb)>;

  row_resampler(axis_taps x, axis_taps y, pass_order order, row_sink sink,
                resample_kernel kernel = resample_kernel::best);
  ~row_resampler();
  row_resampler(row_resampler&&) noexcept;
  row_resampler& operator=(row_resampler&&) noexcept;

  /// Where the caller writes the next source row: x.in_size() * 4 bytes.
  std::span<std::uint8_t> next_row();

  /// Takes the row written to next_row() and emits the output rows that are complete now.
  /// Fails: whatever the sink throws; error invalid_argument for more than y.in_size() rows.
  void commit_row();

  /// True where the next source row influences no output row: it may be committed without being written.
  bool next_row_unused() const noexcept;

  /// Bytes that an object for these tables allocates beside the tables.
  static std::size_t memory_bytes(const axis_taps& x, const axis_taps& y, pass_order order) noexcept;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

/// Resizes a whole 8-bit RGB image in memory with Lanczos-3, as `Image.resize((w, h), LANCZOS)` of Pillow 12 does.
/// Returns: out_width * out_height * 3 bytes, rows without padding.
/// Fails: error invalid_argument where a side is 0 or `rgb` has another size than width * height * 3.
/// Cancellation: throws weir::cancelled within a row of a stop request.
std::vector<std::uint8_t> resample_rgb(std::span<const std::uint8_t> rgb, std::uint32_t width, std::uint32_t height,
                                       std::uint32_t out_width, std::uint32_t out_height, std::stop_token stop = {},
                                       resample_kernel kernel = resample_kernel::best);

} // namespace weir::media
