#pragma once

#include <weir/core/error.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace weir::http {

/// Thrown where no complete answer came: errc::unavailable (no connection, a broken one, a body cut short), timeout,
/// too_large (a limit on the answer) or corrupt (not HTTP, or not what its headers say).
/// The text names method and URL, the URL without user name, password and query.
class transport_error : public error {
 public:
  transport_error(errc code, const std::string& message, bool request_sent)
      : error(code, message), request_sent_(request_sent) {}

  /// Whether the server may have got the request, or a part of it, and acted on it: true from the moment at which the
  /// first byte of it may have left. False, for certain, where no connection came about: name not found, connection
  /// refused, TLS refused.
  bool request_sent() const noexcept { return request_sent_; }

 private:
  bool request_sent_;
};

/// How much of an answer is kept as status_error::body.
inline constexpr std::size_t max_error_body_bytes = 16 * 1024;

/// Thrown with errc::remote for an answer whose status is an error: by `require_success`, by `download`, by `stream`
/// with `only_success`, and where the server asks to wait longer than the retry policy allows. `status()` has the
/// number.
class status_error : public error {
 public:
  status_error(int status, const std::string& message, std::optional<std::chrono::milliseconds> retry_after = {},
               std::string_view body = {})
      : error(errc::remote, message), retry_after_(retry_after), body_(body.substr(0, max_error_body_bytes)) {
    with_status(status);
  }

  /// How long the server asked to wait (Retry-After), where it did.
  std::optional<std::chrono::milliseconds> retry_after() const noexcept { return retry_after_; }

  /// The beginning of the body of the answer, at most max_error_body_bytes, as far as it arrived: what the server has
  /// to say. It is not in what(), as nobody knows what is in it. Empty where the body was not read.
  const std::string& body() const noexcept { return body_; }

 private:
  std::optional<std::chrono::milliseconds> retry_after_;
  std::string body_;
};

} // namespace weir::http
