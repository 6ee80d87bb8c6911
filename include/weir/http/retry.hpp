#pragma once

#include <weir/http/headers.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace weir::http {

/// Whether and when a request is sent again after a failure.
///
/// Only what is safe is repeated:
/// - GET, HEAD, OPTIONS and what the request marks as `idempotent`: after every failure of the transport but a limit
///   (too_large), and after the statuses 408, 425, 429, 500, 502, 503 and 504;
/// - everything else: where no byte of the request can have left (`transport_error::request_sent()` false), and after
/// 429;
/// - with `repeat_only_after_429`, for calls that cost money: after a 429 and nothing else, whatever the method.
/// An answer with `x-should-retry: false` is final.
struct retry_policy {
  int max_attempts = 3;                              ///< all told; 1 never repeats
  std::chrono::milliseconds first_wait{250};         ///< doubled for every further attempt
  std::chrono::milliseconds max_wait{8'000};         ///< the longest wait of our own choice
  std::chrono::milliseconds max_server_wait{60'000}; ///< the longest wait at the server's request that is obeyed
  bool repeat_only_after_429 = false;
  bool repeat_after_500 = true; ///< not for servers whose 500 is a fault in their code, which comes again

  /// No repetition at all.
  static retry_policy never() { return {.max_attempts = 1}; }
};

/// What came of an attempt.
struct attempt_outcome {
  int status = 0;           ///< of the answer; 0 where none came
  bool request_sent = true; ///< where none came
  bool limit_met = false;   ///< the attempt ended at a limit of ours: the next would, too
  bool refused = false;     ///< the server said itself not to try again
};

/// Returns: whether a request with this method, marked (or not) as idempotent, may be sent again after `outcome`.
/// The number of attempts is not looked at.
bool may_repeat(const retry_policy& policy, std::string_view method, std::optional<bool> idempotent,
                const attempt_outcome& outcome) noexcept;

/// Whether repeating a request with this method is harmless by the nature of the method (GET, HEAD, OPTIONS, TRACE), or
/// because the caller says so.
bool is_repeatable(std::string_view method, std::optional<bool> idempotent) noexcept;

/// Returns: how long the server asks to wait: `retry-after-ms` (milliseconds, may have a fraction), else `Retry-After`
/// as seconds or as an HTTP date (RFC 9110 10.2.3), counted from the answer's Date, else from `now`, a past one as 0;
/// nothing where there is none that can be understood.
std::optional<std::chrono::milliseconds> retry_after(const headers& answer, std::chrono::system_clock::time_point now);

/// Returns: the wait before attempt number `attempt` + 1: first_wait * 2^(attempt - 1), at most max_wait, of which the
/// upper half is random, so that many clients do not come back at once. `random` is any number.
std::chrono::milliseconds backoff(const retry_policy& policy, int attempt, std::uint32_t random) noexcept;

} // namespace weir::http
