#pragma once

#include <weir/core/error.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace weir::kitsu {

/// Why a call to a Kitsu server failed.
enum class failure {
  invalid,                   ///< 400, 415, 422 and others: the server refuses what was sent; see field_errors()
  not_authenticated,         ///< 401, and 422 about the token: log in again
  two_factor_setup_required, ///< 403: this account must set up two-factor authentication before anything else
  not_allowed,               ///< 403: the role of this user does not permit it
  not_found,                 ///< 404: no such entity, or no such route (the server says the same for both)
  method_not_allowed,        ///< 405
  conflict,                  ///< 409
  too_large,                 ///< 413, and an answer longer than max_response_bytes
  rate_limited,              ///< 429
  server_error,              ///< 500 and others that the server's own code answers
  gateway,                   ///< 502, 503, 504, or an error page that a proxy answered instead of the server
  not_kitsu,                 ///< an answer, but not that of a Kitsu server: a page, a redirect, another program
  unreachable,               ///< no connection: unknown name, refused, certificate not trusted
  broken_off,                ///< the connection ended before the answer was whole
  timeout,                   ///< nothing came for too long
};

/// The lower-case name of `what`, for example "not_found".
std::string_view to_string(failure what) noexcept;

/// What the server has against one field of what was sent.
struct field_error {
  std::string field;
  std::string message;
  bool operator==(const field_error&) const = default;
};

/// What happened, in full.
struct failed_call {
  failure why = failure::invalid;
  std::string method; ///< "GET", ...
  std::string path;   ///< below the API's root, without the query
  int status = 0;     ///< 0 where no answer came
  /// What the server says, from `message`, else `error`, else `msg` of its JSON, where that is a text; else the title
  /// of its page; at most 500 characters; may be empty.
  std::string message;
  std::vector<field_error> field_errors;
  std::string body; ///< of the answer: its first 16 KiB
  int attempts = 1; ///< how often it was sent
  /// True for a POST, PUT or DELETE whose answer is lost or unclear: the server may have carried it out. Look before
  /// you repeat it.
  bool may_have_been_carried_out = false;
};

/// Thrown by every call to a Kitsu server that fails there or on the way. The text holds method, path, status and what
/// the server says; never a token, a password, or a query.
///
/// code(): invalid_argument (invalid, method_not_allowed), permission_denied (not_authenticated,
/// two_factor_setup_required, not_allowed), not_found, already_exists (conflict), too_large, unavailable (rate_limited,
/// gateway, unreachable, broken_off), timeout, remote (server_error, not_kitsu).
class request_error : public error {
 public:
  explicit request_error(failed_call call);

  failure why() const noexcept { return call_.why; }
  const std::string& method() const noexcept { return call_.method; }
  const std::string& path() const noexcept { return call_.path; }
  const std::string& message() const noexcept { return call_.message; }
  const std::vector<field_error>& field_errors() const noexcept { return call_.field_errors; }
  const std::string& body() const noexcept { return call_.body; }
  int attempts() const noexcept { return call_.attempts; }
  bool may_have_been_carried_out() const noexcept { return call_.may_have_been_carried_out; }
  const failed_call& call() const noexcept { return call_; }

 private:
  failed_call call_;
};

} // namespace weir::kitsu
