#include "random.hpp"
#include "world.hpp"

#include <fmt/format.h>

#include <charconv>

namespace fake {
namespace {

struct byte_range {
  std::uint64_t first, last; ///< both inclusive
};

enum class range_kind { none, good, unsatisfiable };

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t n = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (text.empty() || failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return n;
}

// A range that is malformed, or more than one, counts as none: the whole is sent (RFC 9110, 14.2).
range_kind parse_range(std::string_view text, std::uint64_t size, byte_range& out) {
  if (!text.starts_with("bytes=") || text.find(',') != text.npos) return range_kind::none;
  text = trim(text.substr(6));
  const auto dash = text.find('-');
  if (dash == text.npos) return range_kind::none;
  const auto a = number(text.substr(0, dash)), b = number(text.substr(dash + 1));
  if (dash == 0) {
    if (!b) return range_kind::none;
    if (*b == 0 || size == 0) return range_kind::unsatisfiable;
    out = {size - std::min(*b, size), size - 1};
    return range_kind::good;
  }
  if (!a || (dash + 1 < text.size() && !b) || (b && *b < *a)) return range_kind::none;
  if (*a >= size) return range_kind::unsatisfiable;
  out = {*a, b ? std::min(*b, size - 1) : size - 1};
  return range_kind::good;
}

} // namespace

answer content_answer(const call& c, content what) {
  answer a;
  if (c.fx.new_etag)
    what.etag = '"' +
                hex_id(hash_text(what.etag) + c.c.number() +
                           static_cast<std::uint64_t>(steady::now().time_since_epoch().count()),
                       32) +
                '"';
  a.headers.emplace_back("Content-Type", what.type);
  a.headers.emplace_back("ETag", what.etag);
  if (!c.fx.no_range) a.headers.emplace_back("Accept-Ranges", "bytes");
  const auto wanted = c.r.header("range");
  const auto condition = c.r.header("if-range");
  byte_range range{};
  const auto kind = !wanted || c.fx.no_range || (condition && *condition != what.etag)
                        ? range_kind::none
                        : parse_range(*wanted, what.size, range);
  if (kind == range_kind::unsatisfiable) {
    auto refused = error_answer({416, "The requested range is not satisfiable."});
    refused.headers.emplace_back("Content-Range", fmt::format("bytes */{}", what.size));
    return refused;
  }
  if (kind == range_kind::good) {
    a.status = 206;
    const auto shift = static_cast<std::uint64_t>(c.fx.range_shift); // wraps on purpose: a negative shift subtracts
    a.headers.emplace_back("Content-Range",
                           fmt::format("bytes {}-{}/{}", range.first + shift, range.last + shift, what.size));
    what.size = range.last - range.first + 1;
    what.read = [inner = std::move(what.read), from = range.first](std::uint64_t offset, std::span<char> out) {
      inner(from + offset, out);
    };
  }
  a.stream = std::move(what);
  return a;
}

} // namespace fake
