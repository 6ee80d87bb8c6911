#pragma once

#include <weir/http/message.hpp>

#include <cstdint>
#include <ctime>
#include <string>

namespace weir::http::detail {

/// How the client finds the end of a body (RFC 9112 6.3).
enum class framing { none, length, chunked, until_close };

/// What `Connection` says. HTTP/1.1 stays open unless told, HTTP/1.0 closes unless told.
enum class persistence { unsaid, close, keep_alive };

struct head_options {
  framing body = framing::length;
  std::uint64_t length = 0;
  persistence connection = persistence::unsaid;
};

/// Appends a status line, `Date`, the fields of `fields` that are the handler's to set, and the framing to `out`.
void append_head(std::string& out, int status, const headers& fields, const head_options& options);

/// Appends the `Date` line for `now` (RFC 9110 5.6.7). The text of one second is made once per thread.
void append_date(std::string& out, std::time_t now);

/// True for answers that have no body whatever their fields say.
constexpr bool is_bodiless(int status) noexcept { return status < 200 || status == 204 || status == 304; }

} // namespace weir::http::detail
