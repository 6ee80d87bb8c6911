#include "media/reduce.hpp"

#include <algorithm>

namespace weir::media::detail {
namespace {

/// 2^24 / size in single precision, truncated: the reference's rounding is part of its result.
std::uint32_t multiplier_of(std::uint32_t size) {
  return static_cast<std::uint32_t>(4294967296.0F / static_cast<float>(size << 8));
}

} // namespace

row_reducer::row_reducer(reduce_axis x, reduce_axis y, row_target& out)
    : x_(x), y_(y), out_(out), row_(std::size_t{x.size} * 4 + 64), sums_(std::size_t{x.blocks()} * 3) {}

void row_reducer::commit_row() {
  const std::uint8_t* pixel = row_.data();
  std::uint32_t* sum = sums_.data();
  for (std::uint32_t block = 0; block < x_.blocks(); ++block, sum += 3)
    for (std::uint32_t i = x_.block_size(block); i > 0; --i, pixel += 4)
      for (int c = 0; c < 3; ++c) sum[c] += pixel[c];
  const std::uint32_t height = y_.block_size(block_);
  if (++rows_in_block_ < height) return;
  std::uint8_t* out = out_.next_row();
  sum = sums_.data();
  for (std::uint32_t block = 0; block < x_.blocks(); ++block, sum += 3, out += 4) {
    const std::uint32_t size = x_.block_size(block) * height;
    const std::uint32_t multiplier = multiplier_of(size);
    for (int c = 0; c < 3; ++c) out[c] = static_cast<std::uint8_t>((sum[c] + size / 2) * multiplier >> 24);
  }
  std::fill(sums_.begin(), sums_.end(), 0);
  rows_in_block_ = 0;
  ++block_;
  out_.commit_row();
}

} // namespace weir::media::detail
