#include "json/utf8.hpp"

#include <weir/core/error.hpp>
#include <weir/json/value.hpp>

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/value_stack.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace weir::json {
namespace {

namespace bj = boost::json;
using bj::error_code;

constexpr std::size_t deepest = 1000;

/// Builds the value from the parser's events. It differs from Boost's own builder in the numbers: Boost 1.81 rounds
/// doubles only approximately and lets 1e400 become infinite.
struct builder {
  static constexpr std::size_t max_object_size = bj::object::max_size();
  static constexpr std::size_t max_array_size = bj::array::max_size();
  static constexpr std::size_t max_key_size = bj::string::max_size();
  static constexpr std::size_t max_string_size = bj::string::max_size();

  bj::value_stack stack;
  std::size_t left = 0; // values that may still come
  std::string number;   // the start of a number that the parser hands over in parts

  bool one_more(error_code& ec) {
    if (left-- > 0) return true;
    ec = bj::error::array_too_large;
    return false;
  }

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code& ec) { return one_more(ec); }
  bool on_object_end(std::size_t n, error_code&) { return stack.push_object(n), true; }
  bool on_array_begin(error_code& ec) { return one_more(ec); }
  bool on_array_end(std::size_t n, error_code&) { return stack.push_array(n), true; }
  bool on_key_part(bj::string_view s, std::size_t, error_code&) { return stack.push_chars(s), true; }
  bool on_key(bj::string_view s, std::size_t, error_code&) { return stack.push_key(s), true; }
  bool on_string_part(bj::string_view s, std::size_t, error_code&) { return stack.push_chars(s), true; }
  bool on_string(bj::string_view s, std::size_t, error_code& ec) { return stack.push_string(s), one_more(ec); }
  bool on_number_part(bj::string_view s, error_code&) { return number.append(s.data(), s.size()), true; }
  bool on_int64(std::int64_t i, bj::string_view, error_code& ec) {
    return number.clear(), stack.push_int64(i), one_more(ec);
  }
  bool on_uint64(std::uint64_t u, bj::string_view, error_code& ec) {
    return number.clear(), stack.push_uint64(u), one_more(ec);
  }
  bool on_bool(bool b, error_code& ec) { return stack.push_bool(b), one_more(ec); }
  bool on_null(error_code& ec) { return stack.push_null(), one_more(ec); }
  bool on_comment_part(bj::string_view, error_code&) { return true; }
  bool on_comment(bj::string_view, error_code&) { return true; }

  bool on_double(double approximate, bj::string_view s, error_code& ec) {
    number.append(s.data(), s.size());
    double exact = 0;
    const auto [end, fault] = std::from_chars(number.data(), number.data() + number.size(), exact);
    if (fault == std::errc::result_out_of_range) {
      if (std::abs(approximate) > 1 || std::isnan(approximate)) {
        ec = bj::error::exponent_overflow;
        return false;
      }
      exact = number.front() == '-' ? -0.0 : 0.0; // smaller than the smallest double
    }
    number.clear();
    stack.push_double(exact);
    return one_more(ec);
  }
};

std::string place(std::string_view text, std::size_t offset) {
  offset = std::min(offset, text.size());
  const auto before = text.substr(0, offset);
  const auto line = static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
  const auto line_start = line == 0 ? 0 : before.rfind('\n') + 1;
  return "line " + std::to_string(line + 1) + ", byte " + std::to_string(offset - line_start + 1);
}

/// Returns whether an escape of half a surrogate pair ends at `offset`, or one byte before it.
bool after_half_pair(std::string_view text, std::size_t offset) {
  for (std::size_t end = offset; end >= 6 && end + 1 >= offset; --end) {
    const auto escape = text.substr(end - 6, 4);
    if (escape.starts_with("\\u") && (escape[2] | 0x20) == 'd' && (escape[3] | 0x20) >= '8') return true;
  }
  return false;
}

std::string reason(const error_code& ec, const parse_limits& limits, std::string_view text, std::size_t offset) {
  if (ec == bj::error::incomplete) return "the text ends too early";
  if (ec == bj::error::extra_data) return "text after the end of the value";
  if (ec == bj::error::too_deep)
    return "nested deeper than " + std::to_string(std::min(limits.max_depth, deepest)) + " levels";
  if (ec == bj::error::exponent_overflow) return "number too large";
  if (ec == bj::error::illegal_leading_surrogate || ec == bj::error::illegal_trailing_surrogate ||
      ec == bj::error::expected_utf16_escape)
    return "\\u escape of half a surrogate pair";
  if (ec == bj::error::syntax) {
    if (after_half_pair(text, offset)) return "\\u escape of half a surrogate pair";
    if (offset < text.size() && !detail::next_code_point(text.substr(offset)).valid) return "invalid UTF-8";
    return "syntax error";
  }
  return ec.message();
}

} // namespace

value parse(std::string_view text, const parse_limits& limits) {
  if (text.size() > limits.max_bytes)
    throw error(errc::too_large, "the JSON text has " + std::to_string(text.size()) + " bytes; the limit is " +
                                     std::to_string(limits.max_bytes));
  bj::parse_options options;
  options.max_depth = std::min(limits.max_depth, deepest);
  bj::basic_parser<builder> parser(options);
  parser.handler().stack.reset();
  parser.handler().left = limits.max_values;
  error_code ec;
  const std::size_t used = parser.write_some(false, text.data(), text.size(), ec);
  if (!ec && used < text.size()) ec = bj::error::extra_data;
  if (ec == bj::error::array_too_large)
    throw error(errc::too_large, "the JSON text holds more than " + std::to_string(limits.max_values) + " values");
  if (ec)
    throw error(errc::invalid_argument, "invalid JSON at " + place(text, used) + ": " + reason(ec, limits, text, used));
  return parser.handler().stack.release();
}

} // namespace weir::json
