#pragma once

#include <cstdint>

namespace weir::media::detail {

/// Where a decoder puts its rows, top to bottom: 4 bytes a pixel (RGBX), the image's width.
class row_target {
 public:
  virtual ~row_target() = default;
  virtual std::uint8_t* next_row() = 0;
  virtual void commit_row() = 0;
  /// True where the next row shows nowhere in the result and need not be written before commit_row().
  virtual bool next_row_unused() const { return false; }
};

} // namespace weir::media::detail
