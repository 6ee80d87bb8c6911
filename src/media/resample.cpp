#include "media/resample_kernels.hpp"

#include <weir/core/cancelled.hpp>
#include <weir/core/error.hpp>
#include <weir/media/resample.hpp>

#include <algorithm>
#include <utility>

namespace weir::media {
namespace {

std::size_t padded(std::size_t bytes) { return (bytes + 63) / 64 * 64 + detail::row_slack_bytes; }

} // namespace

struct row_resampler::state {
  axis_taps x;
  axis_taps y;
  pass_order order;
  row_sink sink;
  resample_kernel kernel;
  detail::packed_taps packed;
  std::size_t in_stride;   // a source row
  std::size_t ring_stride; // a row that waits for the vertical pass
  std::size_t ring_rows;
  std::vector<std::uint8_t> ring;
  std::vector<std::uint8_t> in_row;  // horizontally first: the source row being written
  std::vector<std::uint8_t> mid_row; // vertically first: the row between the passes
  std::vector<std::uint8_t> out_row;
  std::vector<const std::uint8_t*> taken;
  std::uint32_t rows_in = 0;
  std::uint32_t rows_out = 0;

  state(axis_taps x_taps, axis_taps y_taps, pass_order pass, row_sink out, resample_kernel which)
      : x(std::move(x_taps)), y(std::move(y_taps)), order(pass), sink(std::move(out)), kernel(which), packed(x),
        in_stride(padded(std::size_t{x.in_size()} * 4)),
        ring_stride(order == pass_order::horizontal_first ? padded(std::size_t{x.size()} * 3) : in_stride),
        ring_rows(y.max_taps() + std::size_t{1}), ring(ring_stride * ring_rows),
        out_row(padded(std::size_t{x.size()} * 3)), taken(y.max_taps()) {
    (order == pass_order::horizontal_first ? in_row : mid_row).resize(in_stride);
  }

  std::uint8_t* slot(std::uint32_t row) { return ring.data() + row % ring_rows * ring_stride; }

  void horizontal(const std::uint8_t* in, std::uint8_t* out) const {
    if (kernel == resample_kernel::scalar) return detail::horizontal_scalar(x, in, out);
    detail::horizontal_best(packed, in, out);
  }

  void vertical(std::uint32_t row, std::size_t from, std::size_t bytes, std::uint8_t* out) {
    const auto weights = y.weights(row);
    for (std::size_t tap = 0; tap < weights.size(); ++tap)
      taken[tap] = slot(y.first(row) + static_cast<std::uint32_t>(tap)) + from;
    const auto pass = kernel == resample_kernel::scalar ? detail::vertical_scalar : detail::vertical_best;
    pass(weights.data(), weights.size(), taken.data(), bytes, out);
  }

  void emit() {
    while (rows_out < y.size() && y.first(rows_out) + y.weights(rows_out).size() <= rows_in) {
      const std::size_t out_bytes = std::size_t{x.size()} * 3;
      if (order == pass_order::horizontal_first) {
        vertical(rows_out, 0, out_bytes, out_row.data());
      } else {
        const std::size_t from = std::size_t{x.begin()} * 4;
        vertical(rows_out, from, std::size_t{x.end()} * 4 - from, mid_row.data() + from);
        horizontal(mid_row.data(), out_row.data());
      }
      sink(rows_out++, {out_row.data(), out_bytes});
    }
  }
};

row_resampler::row_resampler(axis_taps x, axis_taps y, pass_order order, row_sink sink, resample_kernel kernel)
    : state_(std::make_unique<state>(std::move(x), std::move(y), order, std::move(sink), kernel)) {}

row_resampler::~row_resampler() = default;
row_resampler::row_resampler(row_resampler&&) noexcept = default;
row_resampler& row_resampler::operator=(row_resampler&&) noexcept = default;

std::span<std::uint8_t> row_resampler::next_row() {
  state& s = *state_;
  std::uint8_t* row = s.order == pass_order::horizontal_first ? s.in_row.data() : s.slot(s.rows_in);
  return {row, std::size_t{s.x.in_size()} * 4};
}

bool row_resampler::next_row_unused() const noexcept {
  return state_->rows_in < state_->y.begin() || state_->rows_in >= state_->y.end();
}

void row_resampler::commit_row() {
  state& s = *state_;
  if (s.rows_in >= s.y.in_size()) throw error(errc::invalid_argument, "resample: more rows than the image has");
  const bool used = !next_row_unused();
  if (used && s.order == pass_order::horizontal_first) s.horizontal(s.in_row.data(), s.slot(s.rows_in));
  ++s.rows_in;
  if (used) s.emit();
}

std::size_t row_resampler::memory_bytes(const axis_taps& x, const axis_taps& y, pass_order order) noexcept {
  const std::size_t in_stride = padded(std::size_t{x.in_size()} * 4);
  const std::size_t out_stride = padded(std::size_t{x.size()} * 3);
  return (order == pass_order::horizontal_first ? out_stride : in_stride) * (y.max_taps() + std::size_t{1}) +
         in_stride + out_stride;
}

std::vector<std::uint8_t> resample_rgb(std::span<const std::uint8_t> rgb, std::uint32_t width, std::uint32_t height,
                                       std::uint32_t out_width, std::uint32_t out_height, std::stop_token stop,
                                       resample_kernel kernel) {
  if (width == 0 || height == 0 || out_width == 0 || out_height == 0 || rgb.size() != std::size_t{width} * height * 3)
    throw error(errc::invalid_argument, "resample: the sides must be at least 1 and the data width * height * 3 bytes");
  std::vector<std::uint8_t> out(std::size_t{out_width} * out_height * 3);
  const auto keep = [&](std::uint32_t y, std::span<const std::uint8_t> row) {
    std::copy(row.begin(), row.end(), out.begin() + static_cast<std::ptrdiff_t>(row.size() * y));
  };
  const bool narrow = height > std::uint64_t{width} * 100 && out_height < height;
  row_resampler rows(axis_taps(axis_spec::whole(width, out_width)), axis_taps(axis_spec::whole(height, out_height)),
                     narrow ? pass_order::vertical_first : pass_order::horizontal_first, keep, kernel);
  for (std::uint32_t y = 0; y < height; ++y) {
    if (stop.stop_requested()) throw cancelled{};
    const auto row = rows.next_row();
    const std::uint8_t* in = rgb.data() + std::size_t{y} * width * 3;
    for (std::uint32_t x = 0; x < width; ++x) std::copy_n(in + std::size_t{x} * 3, 3, row.data() + std::size_t{x} * 4);
    rows.commit_row();
  }
  return out;
}

} // namespace weir::media
