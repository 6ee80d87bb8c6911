#pragma once

#include <span>
#include <string>
#include <string_view>

namespace weir::json {

/// Returns the one of `candidates` that a person who wrote `name` probably meant, or an empty string where none is
/// near: equal apart from case, '-' and '_', or at most a third of its letters (one, in a word of three) mistyped,
/// missing, extra or swapped. The first of equals wins. Thread-safety: any thread. Cost: product of the lengths, for
/// each candidate; a `name` over 64 bytes costs nothing.
std::string closest(std::string_view name, std::span<const std::string> candidates);

/// Returns " (did you mean 'x'?)" for `closest`, or an empty string: to be appended to an error text.
std::string did_you_mean(std::string_view name, std::span<const std::string> candidates);

/// Returns `name` fit for an error text: at most 64 bytes, control characters and invalid UTF-8 replaced.
std::string printable(std::string_view name);

} // namespace weir::json
