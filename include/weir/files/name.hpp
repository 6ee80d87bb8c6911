#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// The names of files as clients give them: relative to a root, parts divided by '/'.
///
/// A valid name is well-formed UTF-8 (no surrogates, no overlong forms) of 1 to 1024 bytes; each part has 1 to 255
/// bytes, is neither "." nor "..", does not begin with ".weir" (Weir's own working files) and neither begins nor ends
/// with a space. Refused anywhere: a leading or doubled '/', control characters (C0, DEL, C1, line and paragraph
/// separators), the marks that reverse the direction of text (they make "gpj.exe" look like "exe.jpg"), and the
/// backslash: it is a folder divider to half of the clients and an ordinary character to the other half. Names are
/// compared byte by byte; no case folding, no Unicode normalization.
namespace weir::files {

inline constexpr std::size_t max_name_bytes = 1024;
inline constexpr std::size_t max_part_bytes = 255;      ///< NAME_MAX of Linux (limits.h)
inline constexpr std::size_t max_extension_bytes = 32;  ///< with its dot; a longer tail is part of the stem
inline constexpr std::size_t max_displayed_bytes = 120; ///< what display_name keeps

/// Refuses a name that breaks the rules above.
/// Fails: errc::invalid_argument; the text shows the name (see display_name) and the rule.
/// Thread-safety: any thread. Cost: no system call, linear in the name, at most 1024 bytes are looked at.
void validate_name(std::string_view name);

/// True where validate_name would pass. Thread-safety: any thread. Cost: as validate_name.
bool is_valid_name(std::string_view name) noexcept;

/// Returns `name` fit for a message or a log line: what is not printable is escaped (\n, \xff, \u{202e}), and what is
/// longer than max_displayed_bytes is cut and ends in "...". Never fails on hostile bytes.
/// Thread-safety: any thread. Cost: linear in max_displayed_bytes, not in the name.
std::string display_name(std::string_view name);

/// display_name between single quotes: 'a/b.png'.
std::string quoted_name(std::string_view name);

/// Views into the name that was split; valid as long as that string.
struct name_parts {
  std::string_view folder;    ///< before the last '/'; empty when there is none
  std::string_view stem;      ///< the last part without its extension
  std::string_view extension; ///< with its dot, ".png"; empty when there is none
};

/// Splits "a/b.tar.gz" into "a", "b.tar", ".gz". A leading dot starts no extension, nor does a last one, nor one that
/// would be longer than max_extension_bytes. Thread-safety: any thread.
name_parts split_extension(std::string_view name) noexcept;

/// The last part of a name. Thread-safety: any thread.
std::string_view last_part(std::string_view name) noexcept;

/// "folder/part", or "part" when `folder` is empty. Thread-safety: any thread.
std::string join_name(std::string_view folder, std::string_view part);

/// Returns "a/b_2.png" for ("a/b.png", 2). The stem is shortened at a character's border where the result would be
/// longer than a name may be. Thread-safety: any thread.
std::string numbered_name(std::string_view name, unsigned number);

} // namespace weir::files
