#include "json/builder.hpp"
#include "json/utf8.hpp"

#include <weir/core/error.hpp>
#include <weir/json/value.hpp>

#include <boost/json/basic_parser_impl.hpp>

#include <algorithm>

namespace weir::json {
namespace {

using detail::bj::error_code;
namespace bj = detail::bj;

constexpr std::size_t deepest = 1000;

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

bj::parse_options detail::checked_options(std::string_view text, const parse_limits& limits) {
  if (text.size() > limits.max_bytes)
    throw error(errc::too_large, "the JSON text has " + std::to_string(text.size()) + " bytes; the limit is " +
                                     std::to_string(limits.max_bytes));
  bj::parse_options options;
  options.max_depth = std::min(limits.max_depth, deepest);
  return options;
}

void detail::check_end(error_code ec, std::size_t used, std::string_view text, const parse_limits& limits) {
  if (!ec && used < text.size()) ec = bj::error::extra_data;
  if (ec == bj::error::array_too_large)
    throw error(errc::too_large, "the JSON text holds more than " + std::to_string(limits.max_values) + " values");
  if (ec)
    throw error(errc::invalid_argument, "invalid JSON at " + place(text, used) + ": " + reason(ec, limits, text, used));
}

value parse(std::string_view text, const parse_limits& limits) {
  bj::basic_parser<detail::builder> parser(detail::checked_options(text, limits), limits.max_values);
  error_code ec;
  const std::size_t used = parser.write_some(false, text.data(), text.size(), ec);
  detail::check_end(ec, used, text, limits);
  return parser.handler().stack.release();
}

} // namespace weir::json
