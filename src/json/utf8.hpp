#pragma once

#include <cstddef>
#include <string_view>

namespace weir::json::detail {

/// One step through UTF-8 text: the code point and the bytes it takes; `valid` is false for a byte that starts no
/// well-formed sequence (Unicode 15, table 3-7), which is then stepped over alone.
struct code_point {
  char32_t value = 0;
  unsigned length = 1;
  bool valid = true;
};

/// Returns the code point at the start of `text`, which must not be empty.
inline code_point next_code_point(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto follows = [&](std::size_t i) { return i < text.size() && (byte(i) & 0xC0) == 0x80; };
  const unsigned first = byte(0);
  if (first < 0x80) return {first, 1, true};
  if (first >= 0xC2 && first <= 0xDF && follows(1)) return {(first & 0x1F) << 6 | (byte(1) & 0x3F), 2, true};
  if ((first & 0xF0) == 0xE0 && follows(1) && follows(2)) {
    const char32_t point = (first & 0x0F) << 12 | (byte(1) & 0x3Fu) << 6 | (byte(2) & 0x3Fu);
    if (point >= 0x800 && (point < 0xD800 || point > 0xDFFF)) return {point, 3, true};
  }
  if (first >= 0xF0 && first <= 0xF4 && follows(1) && follows(2) && follows(3)) {
    const char32_t point = (first & 0x07) << 18 | (byte(1) & 0x3Fu) << 12 | (byte(2) & 0x3Fu) << 6 | (byte(3) & 0x3Fu);
    if (point >= 0x10000 && point <= 0x10FFFF) return {point, 4, true};
  }
  return {0xFFFD, 1, false};
}

/// Returns how many code points `text` holds: the length that JSON Schema counts.
inline std::size_t count_code_points(std::string_view text) noexcept {
  std::size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return count;
}

} // namespace weir::json::detail
