#pragma once

#include <weir/media/resample.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace weir::media::detail {

/// Bytes behind each row that the vector code may read and, in rows it writes, overwrite.
inline constexpr std::size_t row_slack_bytes = 128;

/// Horizontal weights in the order that the vector code reads them. A weight w is split into w = high * 4096 + low with
/// 0 <= low < 4096, so that two 16-bit multiply-adds and one shift give the exact 32-bit sum (modulo 2^32, and the sum
/// fits). Four taps make one group of 16 bytes: high(0,1) high(2,3) low(0,1) low(2,3); groups come in twos.
struct packed_taps {
  explicit packed_taps(const axis_taps& taps);

  std::vector<std::uint32_t> first;
  std::vector<std::uint32_t> group_begin; ///< size() + 1 entries, in groups
  std::vector<std::int16_t> words;        ///< 8 per group
};

/// RGBX source row -> RGB row of taps.size() pixels. `in` is readable for 28 bytes past the last tap, `out` writable
/// for one byte past the last pixel.
void horizontal_best(const packed_taps& taps, const std::uint8_t* in, std::uint8_t* out);
void horizontal_scalar(const axis_taps& taps, const std::uint8_t* in, std::uint8_t* out);

/// Weighted sum of `count` rows, byte by byte. Rows are readable and `out` is writable for row_slack_bytes behind.
void vertical_best(const std::int32_t* weights, std::size_t count, const std::uint8_t* const* rows, std::size_t bytes,
                   std::uint8_t* out);
void vertical_scalar(const std::int32_t* weights, std::size_t count, const std::uint8_t* const* rows, std::size_t bytes,
                     std::uint8_t* out);

} // namespace weir::media::detail
