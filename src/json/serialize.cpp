#include "json/utf8.hpp"

#include <weir/core/error.hpp>
#include <weir/json/value.hpp>

#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

namespace weir::json {
namespace {

constexpr int deepest = 1000;

/// True where every one of the eight bytes of `word` is printable ASCII other than the quote and the backslash.
/// Each test sets a byte's top bit where it holds ("Bit Twiddling Hacks", haszero and hasless); a borrow can only
/// raise a false alarm beside a true one, never hide one.
bool all_plain(std::uint64_t word) noexcept {
  constexpr std::uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
  const std::uint64_t quote = word ^ (ones * '"'), backslash = word ^ (ones * '\\');
  return (((word - ones * 0x20) | (quote - ones) | (backslash - ones) | word) & tops) == 0;
}

bool plain(unsigned char c) noexcept { return c >= 0x20 && c < 0x80 && c != '"' && c != '\\'; }

class writer {
 public:
  writer(serialize_options options, bool pretty) : ascii_only_(options.ascii_only), pretty_(pretty) {}

  void write(const value& v) {
    switch (v.kind()) {
    case boost::json::kind::null:
      out_ += "null";
      return;
    case boost::json::kind::bool_:
      out_ += v.get_bool() ? "true" : "false";
      return;
    case boost::json::kind::int64:
      return write_number(v.get_int64());
    case boost::json::kind::uint64:
      return write_number(v.get_uint64());
    case boost::json::kind::double_:
      return write_double(v.get_double());
    case boost::json::kind::string:
      return write_string({v.get_string().data(), v.get_string().size()});
    case boost::json::kind::array:
      return write_array(v.get_array());
    case boost::json::kind::object:
      return write_object(v.get_object());
    }
  }

  void write_object(const object& o) {
    if (o.empty()) return void(out_ += "{}");
    open('{');
    bool first = true;
    for (const auto& member : o) {
      next(first);
      write_string({member.key().data(), member.key().size()});
      out_ += pretty_ ? ": " : ":";
      write(member.value());
    }
    close('}');
  }

  std::string take() { return std::move(out_); }

 private:
  void write_array(const array& a) {
    if (a.empty()) return void(out_ += "[]");
    open('[');
    bool first = true;
    for (const auto& item : a) {
      next(first);
      write(item);
    }
    close(']');
  }

  void open(char bracket) {
    if (++depth_ > deepest) throw error(errc::invalid_argument, "a JSON value is nested deeper than 1000 levels");
    out_ += bracket;
  }
  void next(bool& first) {
    if (!first) out_ += ',';
    first = false;
    new_line();
  }
  void close(char bracket) {
    --depth_;
    new_line();
    out_ += bracket;
  }
  void new_line() {
    if (pretty_) out_.append(1, '\n').append(static_cast<std::size_t>(depth_) * 2, ' ');
  }

  template <class Number>
  void write_number(Number number) {
    std::array<char, 32> text;
    const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
    out_.append(text.data(), end);
  }

  void write_double(double number) {
    if (!std::isfinite(number)) throw error(errc::invalid_argument, "JSON has no NaN and no infinity");
    const std::size_t start = out_.size();
    write_number(number); // the shortest text that reads back as the same double
    if (out_.find_first_of(".e", start) == std::string::npos) out_ += ".0";
  }

  void write_string(std::string_view s) {
    out_ += '"';
    while (!s.empty()) {
      const std::size_t run = plain_run(s);
      out_.append(s, 0, run);
      s.remove_prefix(run);
      if (!s.empty()) s.remove_prefix(write_special(s));
    }
    out_ += '"';
  }

  static std::size_t plain_run(std::string_view s) noexcept {
    std::size_t i = 0;
    for (std::uint64_t word; i + 8 <= s.size(); i += 8) {
      std::memcpy(&word, s.data() + i, 8);
      if (!all_plain(word)) break;
    }
    while (i < s.size() && plain(static_cast<unsigned char>(s[i]))) ++i;
    return i;
  }

  /// Writes the first character of `s`, which is no plain one; returns the bytes that it took.
  std::size_t write_special(std::string_view s) {
    switch (s.front()) {
    case '"':
      return out_ += "\\\"", 1;
    case '\\':
      return out_ += "\\\\", 1;
    case '\n':
      return out_ += "\\n", 1;
    case '\r':
      return out_ += "\\r", 1;
    case '\t':
      return out_ += "\\t", 1;
    case '\b':
      return out_ += "\\b", 1;
    case '\f':
      return out_ += "\\f", 1;
    }
    const auto point = detail::next_code_point(s);
    const char32_t c = point.value;
    const bool line_break = c == 0x85 || c == 0x2028 || c == 0x2029;
    if (c >= 0x10000 && ascii_only_) {
      write_escape(static_cast<unsigned>(0xD800 + ((c - 0x10000) >> 10)));
      write_escape(static_cast<unsigned>(0xDC00 + ((c - 0x10000) & 0x3FF)));
    } else if (c < 0x20 || line_break || ascii_only_) {
      write_escape(static_cast<unsigned>(c));
    } else if (point.valid) {
      out_.append(s, 0, point.length);
    } else {
      out_ += "\xEF\xBF\xBD"; // U+FFFD
    }
    return point.length;
  }

  void write_escape(unsigned unit) {
    constexpr char digits[] = "0123456789abcdef";
    out_ += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4) out_ += digits[unit >> shift & 0xF];
  }

  std::string out_;
  int depth_ = 0;
  bool ascii_only_;
  bool pretty_;
};

} // namespace

std::string serialize(const value& v, serialize_options options) {
  writer w(options, false);
  w.write(v);
  return w.take();
}

std::string serialize(const object& o, serialize_options options) {
  writer w(options, false);
  w.write_object(o);
  return w.take();
}

std::string serialize_pretty(const value& v, serialize_options options) {
  writer w(options, true);
  w.write(v);
  return w.take();
}

} // namespace weir::json
