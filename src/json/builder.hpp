#pragma once

#include <weir/json/value.hpp>

#include <boost/json/basic_parser.hpp>
#include <boost/json/value_stack.hpp>

#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace weir::json::detail {

namespace bj = boost::json;
using bj::error_code;

/// Builds the value from the parser's events. It differs from Boost's own builder in the numbers: Boost 1.81 rounds
/// doubles only approximately and lets 1e400 become infinite.
struct builder {
  static constexpr std::size_t max_object_size = bj::object::max_size();
  static constexpr std::size_t max_array_size = bj::array::max_size();
  static constexpr std::size_t max_key_size = bj::string::max_size();
  static constexpr std::size_t max_string_size = bj::string::max_size();

  explicit builder(std::size_t max_values) : left(max_values) { stack.reset(); }

  unsigned char space[8 * 1024]; // of the stack, until it needs more
  bj::value_stack stack{{}, space, sizeof space};
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

/// The options of a parser. Fails: too_large over max_bytes.
bj::parse_options checked_options(std::string_view text, const parse_limits& limits);

/// Fails: where `ec` is an error, or text is left behind the first `used` bytes.
void check_end(error_code ec, std::size_t used, std::string_view text, const parse_limits& limits);

} // namespace weir::json::detail
