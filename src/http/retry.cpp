#include "http/curl.hpp"

#include <weir/http/retry.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ctime>
#include <string>

namespace weir::http {
namespace {

using std::chrono::milliseconds;

// Longer waits than a week are one and the same refusal; the bound keeps the arithmetic away from overflow.
constexpr double longest_ms = 7.0 * 24 * 3600 * 1000;

std::optional<double> number(std::string_view text) {
  double value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

milliseconds bounded(double ms) { return milliseconds(static_cast<std::int64_t>(std::clamp(ms, 0.0, longest_ms))); }

} // namespace

bool is_repeatable(std::string_view method, std::optional<bool> idempotent) noexcept {
  if (idempotent) return *idempotent;
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "TRACE";
}

bool may_repeat(const retry_policy& policy, std::string_view method, std::optional<bool> idempotent,
                const attempt_outcome& outcome) noexcept {
  if (outcome.refused || outcome.limit_met) return false;
  if (policy.repeat_only_after_429) return outcome.status == 429;
  if (outcome.status == 429) return true;
  const bool repeatable = is_repeatable(method, idempotent);
  if (outcome.status == 0) return repeatable || !outcome.request_sent;
  if (!repeatable) return false;
  switch (outcome.status) {
  case 500:
    return policy.repeat_after_500;
  case 408:
  case 425:
  case 502:
  case 503:
  case 504:
    return true;
  default:
    return false;
  }
}

std::optional<milliseconds> retry_after(const headers& answer, std::chrono::system_clock::time_point now) {
  if (const auto text = answer.get("retry-after-ms"))
    if (const auto ms = number(*text); ms && *ms >= 0) return bounded(*ms);
  const auto text = answer.get("Retry-After");
  if (!text) return std::nullopt;
  if (const auto seconds = number(*text)) {
    if (*seconds < 0) return std::nullopt;
    return bounded(*seconds * 1000);
  }
  const std::time_t date = curl_getdate(std::string(*text).c_str(), nullptr);
  if (date < 0) return std::nullopt;
  // By the clock of whoever wrote the date, where that is told: ours may be an hour off.
  const auto sent = answer.get("Date");
  const std::time_t theirs = sent ? curl_getdate(std::string(*sent).c_str(), nullptr) : -1;
  const auto wait = std::chrono::system_clock::from_time_t(date) -
                    (theirs < 0 ? now : std::chrono::system_clock::from_time_t(theirs));
  return bounded(std::chrono::duration<double, std::milli>(wait).count());
}

milliseconds backoff(const retry_policy& policy, int attempt, std::uint32_t random) noexcept {
  double wait = static_cast<double>(policy.first_wait.count()) * std::pow(2.0, std::clamp(attempt - 1, 0, 30));
  wait = std::min(wait, static_cast<double>(policy.max_wait.count()));
  return bounded(wait * (0.5 + 0.5 * (random / 4294967295.0)));
}

} // namespace weir::http
