#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace weir::app {

/// `text` on one line and fit for a terminal, whoever wrote it: line breaks and tabs become spaces; other control
/// characters, marks that reverse the direction of text, and bytes that are no UTF-8 are escaped (\x1b, \u{202e}).
std::string harmless(std::string_view text);

/// How many columns of a terminal `text` takes, which is `harmless` already: wide characters two, combining ones none.
std::size_t display_width(std::string_view text);

/// `text`, or as much of its beginning as fits in `columns` with a "…" behind it.
std::string cut_to_width(const std::string& text, std::size_t columns);

/// "1.5 MiB"
std::string bytes_text(double bytes);

} // namespace weir::app
