#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// JSON (RFC 8259): reading what strangers send, writing what strangers read.
namespace weir::json {

using value = boost::json::value;
using object = boost::json::object;
using array = boost::json::array;
using string = boost::json::string;

/// What `parse` accepts before it spends memory.
struct parse_limits {
  /// Objects and arrays inside one another; values over 1000 count as 1000, so that no text can exhaust the stack.
  std::size_t max_depth = 64;
  std::size_t max_bytes = std::size_t{64} << 20; ///< of the text
  /// How many values, counting each object and array and what is in them. Text of many tiny ones ("[1],[1],...") takes
  /// up to 24 times its length in memory, some 100 bytes a value.
  std::size_t max_values = 4'000'000;
};

/// Reads one JSON text. Accepts nothing beyond RFC 8259: no comments, trailing commas, NaN, Infinity, byte order mark,
/// invalid UTF-8 or text after the value. An escaped lone surrogate ("\ud800") is refused, since no UTF-8 string can
/// hold it. A repeated name keeps its last value. Floating-point numbers are rounded correctly (IEEE 754 nearest);
/// one too large for a double is refused, never infinite.
/// Returns: the value; integers as std::int64_t, above its range as std::uint64_t, above that as double.
/// Fails: invalid_argument with line and byte (both from 1) of the first fault; too_large over `max_bytes` or
/// `max_values`.
/// Thread-safety: any thread. Cost: linear; some 5 ns a byte of dense text, 0.2 ns of long strings.
value parse(std::string_view text, const parse_limits& limits = {});

/// How `serialize` writes.
struct serialize_options {
  /// Every character above U+007F becomes a \u escape.
  bool ascii_only = false;
};

/// Writes `v` on a single line without spaces. Never a line break of any kind: U+0085, U+2028 and U+2029 are escaped
/// too, because some readers split lines there. Always valid UTF-8: bytes of a string that are none become U+FFFD.
/// A double keeps a fraction or exponent ("20.0"), and reads back as the same double.
/// Fails: invalid_argument for NaN and infinity, and over 1000 levels of nesting.
/// Thread-safety: any thread. Cost: linear; some 2 ns a byte, 1 ns of long ASCII strings.
std::string serialize(const value& v, serialize_options options = {});
/// As above, for an object that is not inside a value (no copy is made).
std::string serialize(const object& o, serialize_options options = {});

/// Writes `v` for people: one member a line, indented by two spaces, no newline at the end. Otherwise as `serialize`.
std::string serialize_pretty(const value& v, serialize_options options = {});

/// Returns the member `key` of `o`, or nullptr. The pointer lives as long as `o` is unchanged.
const value* find(const object& o, std::string_view key) noexcept;

/// Returns `v` as an integer where it is exactly one: an integer, or a double such as 20.0 up to 2^53. Never a bool.
std::optional<std::int64_t> as_integer(const value& v) noexcept;

/// Returns `v` as a double where it is a number. Never a bool.
std::optional<double> as_number(const value& v) noexcept;

/// Return the member `key` of `o` where it is there and of that type, else `fallback`.
std::string string_or(const object& o, std::string_view key, std::string_view fallback = {});
std::int64_t int_or(const object& o, std::string_view key, std::int64_t fallback) noexcept;
double number_or(const object& o, std::string_view key, double fallback) noexcept;
bool bool_or(const object& o, std::string_view key, bool fallback) noexcept;

/// Returns "null", "boolean", "integer", "number", "string", "array" or "object": the word for `v` in an error.
std::string_view type_name(const value& v) noexcept;

} // namespace weir::json
