#include "display_text.hpp"

#include <locale.h>
#include <wchar.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>

namespace weir::app {

namespace {

struct code_point {
  std::uint32_t value = 0;
  std::size_t bytes = 1;
  bool valid = false;
};

/// The first code point of `text`, which is not empty (Unicode 15, table 3-7).
code_point first_of(std::string_view text) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = at(0);
  if (lead < 0x80) return {lead, 1, true};
  const std::size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < bytes) return {lead};
  std::uint32_t value = lead & (0xFFu >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((at(i) & 0xC0) != 0x80) return {lead};
    value = (value << 6) | (at(i) & 0x3Fu);
  }
  const bool overlong = (bytes == 3 && value < 0x800) || (bytes == 4 && value < 0x10000);
  if (overlong || (value >= 0xD800 && value < 0xE000) || value > 0x10FFFF) return {lead};
  return {value, bytes, true};
}

/// Characters that move the cursor, end a line, or turn the direction of text.
bool acts_on_a_terminal(std::uint32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029 || c == 0x200E || c == 0x200F ||
         c == 0x61C || (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0xFEFF;
}

int columns_of(std::uint32_t c) {
  // The C library's table, whatever the user's locale is.
  static const locale_t unicode = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  if (!unicode) return 1;
  const locale_t before = ::uselocale(unicode);
  const int columns = ::wcwidth(static_cast<wchar_t>(c));
  ::uselocale(before);
  return columns < 0 ? 1 : columns;
}

} // namespace

std::string harmless(std::string_view text) {
  std::string out;
  char escaped[16];
  while (!text.empty()) {
    const code_point c = first_of(text);
    if (c.valid && (c.value == '\n' || c.value == '\t' || c.value == '\r')) {
      out += ' ';
    } else if (!c.valid || acts_on_a_terminal(c.value)) {
      std::snprintf(escaped, sizeof escaped, c.value < 0x100 ? "\\x%02x" : "\\u{%x}", static_cast<unsigned>(c.value));
      out += escaped;
    } else {
      out.append(text.substr(0, c.bytes));
    }
    text.remove_prefix(c.bytes);
  }
  return out;
}

std::size_t display_width(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    const code_point c = first_of(text);
    columns += static_cast<std::size_t>(columns_of(c.value));
    text.remove_prefix(c.bytes);
  }
  return columns;
}

std::string cut_to_width(const std::string& text, std::size_t columns) {
  if (display_width(text) <= columns) return text;
  if (columns == 0) return {};
  std::string_view rest = text;
  std::size_t used = 0;
  while (!rest.empty()) {
    const code_point c = first_of(rest);
    const auto width = static_cast<std::size_t>(columns_of(c.value));
    if (used + width > columns - 1) break;
    used += width;
    rest.remove_prefix(c.bytes);
  }
  return text.substr(0, text.size() - rest.size()) + "…";
}

std::string bytes_text(double bytes) {
  const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  while (bytes >= 1024 && unit + 1 < std::size(units)) {
    bytes /= 1024;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 || bytes >= 100 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
  return text;
}

} // namespace weir::app
