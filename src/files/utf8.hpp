#pragma once

#include <cstddef>
#include <string_view>

namespace weir::files::detail {

inline constexpr char32_t ill_formed = 0xffffffff;

/// Decodes the character at `at` and moves `at` past it. Ill-formed bytes give `ill_formed` and move by one byte.
/// What is well-formed: Unicode 15.0, table 3-7 (so no surrogates, no overlong forms, nothing above U+10FFFF).
char32_t next_character(std::string_view text, std::size_t& at) noexcept;

/// C0, DEL, C1, U+2028, U+2029: would break a line or a terminal.
bool is_control(char32_t c) noexcept;

/// The marks that change the direction of the text around them (Unicode UAX #9, section 2).
bool is_direction_mark(char32_t c) noexcept;

} // namespace weir::files::detail
