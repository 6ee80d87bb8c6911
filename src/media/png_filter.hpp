#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace weir::media::detail {

/// Filters the rows of an RGB image (PNG specification, section 9) and picks for each the filter whose output, read as
/// signed bytes, has the least sum of magnitudes.
class png_filter {
 public:
  explicit png_filter(std::size_t row_bytes);

  /// Writes the filter number and the filtered row: row_bytes + 1 bytes.
  void apply(const std::uint8_t* rgb, std::uint8_t* out);

 private:
  std::size_t row_bytes_;
  std::size_t stride_;
  std::vector<std::uint8_t> buffer_; ///< two rows with zeros before and behind them, then five candidates
  std::uint8_t* current_;
  std::uint8_t* previous_;
};

} // namespace weir::media::detail
