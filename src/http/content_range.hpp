#pragma once

#include <weir/http/headers.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weir::http {

/// What a Content-Range of a 206 answer says (RFC 9110 14.4): bytes `first` to `last` of `total`.
struct content_range {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::optional<std::uint64_t> total; ///< nothing for "*"
};

/// Returns: nothing where it is no range of bytes, or contradicts itself.
std::optional<content_range> parse_content_range(std::string_view text);

/// Returns: the length in the Content-Range of a 416 answer ("bytes */1000"); nothing where it says none.
std::optional<std::uint64_t> parse_unsatisfied_range(std::string_view text);

/// Returns: what of an answer can stand in If-Range (RFC 9110 13.1.5): its ETag where that is strong, else its
/// Last-Modified where that is a strong validator too, because it lies a second or more before Date (8.8.2.2); else an
/// empty string.
std::string strong_validator(const headers& answer);

} // namespace weir::http
