#include <files/utf8.hpp>

namespace weir::files::detail {

char32_t next_character(std::string_view text, std::size_t& at) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(at++);
  if (lead < 0x80) return lead;
  unsigned low = 0x80, high = 0xbf; // the range of the second byte alone depends on the first
  std::size_t more = 0;
  if (lead >= 0xc2 && lead <= 0xdf) {
    more = 1;
  } else if (lead >= 0xe0 && lead <= 0xef) {
    more = 2;
    if (lead == 0xe0) low = 0xa0;
    if (lead == 0xed) high = 0x9f;
  } else if (lead >= 0xf0 && lead <= 0xf4) {
    more = 3;
    if (lead == 0xf0) low = 0x90;
    if (lead == 0xf4) high = 0x8f;
  } else {
    return ill_formed;
  }
  if (text.size() - at < more) return ill_formed;
  char32_t c = lead & (0x3fU >> more);
  for (std::size_t i = 0; i < more; ++i) {
    const unsigned b = byte(at + i);
    if (b < low || b > high) return ill_formed;
    c = (c << 6) | (b & 0x3f);
    low = 0x80;
    high = 0xbf;
  }
  at += more;
  return c;
}

bool is_control(char32_t c) noexcept { return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x2028 || c == 0x2029; }

bool is_direction_mark(char32_t c) noexcept {
  return c == 0x61c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

} // namespace weir::files::detail
