#include <media/text_layout.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace weir::media::detail {

namespace {

constexpr char32_t ellipsis = 0x2026;
constexpr char32_t replacement = 0xFFFD;
constexpr double line_spacing = 1.25;

// Takes one character off the front; a maximal broken part counts as one U+FFFD.
char32_t next_character(std::string_view& rest) {
  const auto lead = static_cast<unsigned char>(rest[0]);
  rest.remove_prefix(1);
  if (lead < 0x80) return lead;
  const int more = lead >= 0xC2 && lead <= 0xDF   ? 1
                   : lead >= 0xE0 && lead <= 0xEF ? 2
                   : lead >= 0xF0 && lead <= 0xF4 ? 3
                                                  : 0;
  if (more == 0) return replacement;
  char32_t value = lead & (0x3FU >> more);
  // The second byte's range excludes overlong forms, surrogates and what lies behind U+10FFFF (RFC 3629 section 4).
  unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  unsigned high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  for (int i = 0; i < more; ++i) {
    const auto byte = rest.empty() ? 0U : static_cast<unsigned char>(rest[0]);
    if (byte < low || byte > high) return replacement;
    rest.remove_prefix(1);
    value = value << 6 | (byte & 0x3F);
    low = 0x80;
    high = 0xBF;
  }
  return value;
}

bool is_blank(char32_t c) {
  return c == ' ' || c == '\t' || c == 0xA0 || (c >= 0x2000 && c <= 0x200A) || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

bool is_line_end(char32_t c) {
  return c == '\n' || c == '\v' || c == '\f' || c == '\r' || c == 0x85 || c == 0x2028 || c == 0x2029;
}

// Controls, soft hyphen, joiners, direction marks, byte order mark, variation selectors, noncharacters, tags.
bool is_invisible(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0xAD || (c >= 0x200B && c <= 0x200F) ||
         (c >= 0x202A && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF || (c >= 0xFE00 && c <= 0xFE0F) ||
         (c >= 0xFFF9 && c <= 0xFFFB) || (c >= 0xE0000 && c <= 0xE0FFF) || (c & 0xFFFE) == 0xFFFE ||
         (c >= 0xFDD0 && c <= 0xFDEF);
}

struct wrapped {
  std::vector<std::u32string_view> lines;
  std::int64_t widest = 0; // in font units
  bool broke_word = false;
};

// Fills lines greedily. A word wider than the line is broken where it must be.
wrapped wrap(font& face, std::u32string_view text, std::int64_t width) {
  wrapped result;
  const auto add = [&](std::u32string_view line, std::int64_t line_width) {
    result.lines.push_back(line);
    result.widest = std::max(result.widest, line_width);
  };
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t stop = std::min(text.find(U'\n', at), text.size());
    std::size_t begin = at;                        // of the line
    std::size_t blank = std::u32string_view::npos; // the last one in the line
    std::int64_t sum = 0;
    std::int64_t at_blank = 0;
    char32_t before = 0;
    for (std::size_t i = at; i < stop; ++i) {
      const char32_t c = text[i];
      if (c == ' ') {
        blank = i;
        at_blank = sum;
      }
      const int step = face.advance(before, c);
      if (sum + step > width && c != ' ' && i > begin) {
        if (blank != std::u32string_view::npos) {
          add(text.substr(begin, blank - begin), at_blank);
          begin = blank + 1;
        } else {
          add(text.substr(begin, i - begin), sum);
          begin = i;
          result.broke_word = true;
        }
        blank = std::u32string_view::npos;
        sum = face.width(text.substr(begin, i + 1 - begin));
      } else {
        sum += step;
      }
      before = c;
      if (sum > width && begin == i) result.broke_word = true;
    }
    add(text.substr(begin, stop - begin), sum);
    at = stop + 1;
  }
  return result;
}

class fitter {
 public:
  fitter(font& face, std::u32string_view text, const text_box& box) : face_(face), text_(text), box_(box) {}

  std::int64_t units(double px, double size) const {
    return static_cast<std::int64_t>(std::floor(px * face_.units_per_em() / size));
  }

  bool fits(double size, bool may_break) {
    const wrapped w = wrap(face_, text_, units(box_.width, size));
    return (may_break || !w.broke_word) && w.widest <= units(box_.width, size) &&
           static_cast<double>(w.lines.size()) * size * line_spacing <= box_.height;
  }

  // The largest size in steps of 1/8 pixel; 0 where not even the smallest fits.
  double largest(bool may_break) {
    if (!fits(box_.min_px, may_break)) return 0;
    int low = 0;
    int high = std::max(1, static_cast<int>((box_.max_px - box_.min_px) * 8) + 1);
    while (high - low > 1) {
      const int middle = (low + high) / 2;
      (fits(box_.min_px + middle / 8.0, may_break) ? low : high) = middle;
    }
    return box_.min_px + low / 8.0;
  }

  // The narrowest wrapping with the same number of lines: ragged ends become about equal.
  wrapped balanced(double size) {
    std::int64_t high = units(box_.width, size);
    const wrapped widest = wrap(face_, text_, high);
    std::int64_t low = high / 2;
    while (high - low > face_.units_per_em() / 8) {
      const std::int64_t middle = (low + high) / 2;
      const wrapped w = wrap(face_, text_, middle);
      (w.lines.size() == widest.lines.size() && w.broke_word == widest.broke_word ? high : low) = middle;
    }
    return wrap(face_, text_, high);
  }

 private:
  font& face_;
  std::u32string_view text_;
  const text_box& box_;
};

} // namespace

std::u32string drawable_text(std::string_view utf8, std::size_t max_characters) {
  std::u32string text;
  bool was_return = false;
  while (!utf8.empty()) {
    char32_t c = next_character(utf8);
    const bool second_half = c == '\n' && was_return;
    was_return = c == '\r';
    if (second_half) continue;
    if (is_line_end(c))
      c = '\n';
    else if (is_blank(c))
      c = ' ';
    else if (is_invisible(c))
      continue;
    const bool after_blank = text.empty() || text.back() == ' ' || text.back() == '\n';
    if (c == ' ' && after_blank) continue;
    // Not more than one empty line.
    if (c == '\n' && (text.empty() || text.ends_with(U"\n\n"))) continue;
    if (c == '\n' && text.back() == ' ') text.pop_back();
    if (text.size() == max_characters) {
      text.back() = ellipsis;
      break;
    }
    text += c;
  }
  while (!text.empty() && (text.back() == ' ' || text.back() == '\n')) text.pop_back();
  return text;
}

std::u32string cut_line(font& face, std::u32string_view text, double size_px, double width_px, bool goes_on) {
  const auto width = static_cast<std::int64_t>(width_px * face.units_per_em() / size_px);
  if (!goes_on && face.width(text) <= width) return std::u32string(text);
  for (std::size_t size = text.size() + 1; size-- > 0;) {
    if (size > 0 && text[size - 1] == ' ') continue;
    std::u32string line(text.substr(0, size));
    line += ellipsis;
    if (face.width(line) <= width) return line;
  }
  return {};
}

text_block fit_text(font& face, std::u32string_view text, const text_box& box) {
  text_block block;
  if (text.empty() || box.width <= 0 || box.height <= 0) return block;
  fitter fit(face, text, box);
  const double whole = fit.largest(false);
  const double broken = whole >= box.max_px ? 0 : fit.largest(true);
  block.size_px = whole * 2 >= broken ? whole : broken;
  if (block.size_px > 0) {
    for (std::u32string_view line : fit.balanced(block.size_px).lines) block.lines.emplace_back(line);
  } else {
    block.size_px = box.min_px;
    const auto room = static_cast<std::size_t>(box.height / (box.min_px * line_spacing));
    const wrapped all = wrap(face, text, fit.units(box.width, box.min_px));
    for (std::u32string_view line : all.lines) {
      if (block.lines.size() == room) break;
      const bool last = block.lines.size() + 1 == room && room < all.lines.size();
      block.lines.push_back(cut_line(face, line, block.size_px, box.width, last));
    }
  }
  block.line_px = block.size_px * line_spacing;
  return block;
}

} // namespace weir::media::detail
