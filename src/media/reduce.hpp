#pragma once

#include "media/row_target.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace weir::media::detail {

/// The blocks that one axis is averaged over: `factor` pixels each. A remainder makes a smaller last block, or, where
/// the axis is seen from its other end, a smaller first one.
struct reduce_axis {
  std::uint32_t size = 0;
  std::uint32_t factor = 1;
  bool from_end = false;

  std::uint32_t blocks() const noexcept { return (size + factor - 1) / factor; }
  std::uint32_t block_size(std::uint32_t block) const noexcept {
    const std::uint32_t rest = size % factor == 0 ? factor : size % factor;
    if (from_end) return block == 0 ? rest : factor;
    return block + 1 == blocks() ? rest : factor;
  }
};

/// Averages blocks of pixels with the integer arithmetic of Pillow's Image.reduce (Reduce.c: half the block size is
/// added to the sum, which is multiplied by 2^24 / size and shifted back).
class row_reducer final : public row_target {
 public:
  row_reducer(reduce_axis x, reduce_axis y, row_target& out);

  std::uint8_t* next_row() override { return row_.data(); }
  void commit_row() override;

 private:
  reduce_axis x_;
  reduce_axis y_;
  row_target& out_;
  std::uint32_t block_ = 0;
  std::uint32_t rows_in_block_ = 0;
  std::vector<std::uint8_t> row_;
  std::vector<std::uint32_t> sums_;
};

} // namespace weir::media::detail
