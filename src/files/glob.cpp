#include <weir/core/error.hpp>
#include <weir/files/list.hpp>
#include <weir/files/name.hpp>

#include <files/utf8.hpp>

#include <algorithm>
#include <array>
#include <bitset>

namespace weir::files {

namespace {

/// Bit i: the first i elements of the pattern have matched.
using positions = std::bitset<max_pattern_bytes + 1>;

struct range {
  char32_t first, last;
};

/// What matches one character.
struct element {
  std::vector<range> ranges;
  bool negated = false;

  bool matches(char32_t c) const noexcept {
    const bool inside =
        std::any_of(ranges.begin(), ranges.end(), [c](const range& r) { return r.first <= c && c <= r.last; });
    return inside != negated;
  }
};

} // namespace

struct glob::compiled {
  std::vector<element> elements;
  positions loops;                         ///< a star stands here: any character leaves this position as it is
  std::array<positions, 128> ascii;        ///< which elements an ASCII character matches
  std::vector<std::size_t> not_only_ascii; ///< the elements that other characters may match

  positions matching(char32_t c) const noexcept {
    if (c < 128) return ascii[c];
    positions found;
    for (const std::size_t i : not_only_ascii) found[i] = elements[i].matches(c);
    return found;
  }
};

/// Reads the set whose '[' is before `at`. Returns false, and leaves `at`, where it is never closed.
static bool read_set(std::u32string_view pattern, std::size_t& at, element& set) {
  std::size_t i = at;
  set.negated = i < pattern.size() && (pattern[i] == U'!' || pattern[i] == U'^');
  if (set.negated) ++i;
  for (const std::size_t first = i; i < pattern.size(); ++i) {
    if (pattern[i] == U']' && i > first) {
      at = i + 1;
      return true;
    }
    if (i + 2 < pattern.size() && pattern[i + 1] == U'-' && pattern[i + 2] != U']') {
      set.ranges.push_back({pattern[i], pattern[i + 2]});
      i += 2;
    } else {
      set.ranges.push_back({pattern[i], pattern[i]});
    }
  }
  return false;
}

static std::u32string checked(std::string_view pattern) {
  const auto refuse = [&](const char* why) {
    throw error(errc::invalid_argument, "Invalid pattern " + quoted_name(pattern) + ": " + why);
  };
  if (pattern.empty()) refuse("it is empty");
  if (pattern.size() > max_pattern_bytes) refuse("it is longer than 255 bytes");
  std::u32string characters;
  for (std::size_t at = 0; at < pattern.size();) {
    const char32_t c = detail::next_character(pattern, at);
    if (c == detail::ill_formed) refuse("it is not well-formed UTF-8");
    if (detail::is_control(c)) refuse("it holds a control character");
    if (c == U'/') refuse("it holds '/'; name the folder apart from the pattern");
    if (c == U'\\') refuse("it holds a backslash; write [*] for a star itself");
    characters += c;
  }
  return characters;
}

glob::glob(std::string_view pattern) {
  const std::u32string characters = checked(pattern);
  auto made = std::make_shared<compiled>();
  for (std::size_t at = 0; at < characters.size();) {
    const char32_t c = characters[at++];
    element one;
    if (c == U'*') {
      made->loops.set(made->elements.size());
      continue;
    }
    if (c == U'?') {
      one.negated = true; // not one of none
    } else if (c != U'[' || !read_set(characters, at, one)) {
      one = {{{c, c}}, false};
    }
    made->elements.push_back(std::move(one));
  }
  for (std::size_t i = 0; i < made->elements.size(); ++i) {
    const element& one = made->elements[i];
    for (char32_t c = 0; c < 128; ++c) made->ascii[c][i] = one.matches(c);
    const bool wide = std::any_of(one.ranges.begin(), one.ranges.end(), [](const range& r) { return r.last >= 128; });
    if (one.negated || wide) made->not_only_ascii.push_back(i);
  }
  compiled_ = std::move(made);
}

bool glob::matches(std::string_view text) const noexcept {
  positions at;
  at.set(0);
  for (std::size_t i = 0; i < text.size() && at.any();) {
    const char32_t c = detail::next_character(text, i);
    if (c == detail::ill_formed) return false;
    at = ((at & compiled_->matching(c)) << 1) | (at & compiled_->loops);
  }
  return at[compiled_->elements.size()];
}

} // namespace weir::files
