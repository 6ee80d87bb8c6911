#pragma once

#include <weir/http/message.hpp>

#include <string>
#include <string_view>

namespace weir::http::detail {

/// Fills `path` and `query` of `into` from its `method` and `target`, for all four forms of RFC 9112 3.2. For the
/// absolute form `authority` becomes the host that the target names; otherwise it is left alone.
/// Returns: 0, or the status to refuse the request with.
int split_target(request& into, std::string& authority);

/// True if `value` may be a Host field: empty, a name, an IPv4 address or a bracketed IPv6 address, with an optional
/// decimal port.
bool is_valid_host(std::string_view value) noexcept;

/// Decodes the percent signs of a path as request::path describes. Returns: false if it is not validly encoded, holds
/// a control byte (encoded or not), or has a segment "." or "..".
bool decode_path(std::string_view raw, std::string& into);

} // namespace weir::http::detail
