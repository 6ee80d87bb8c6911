#pragma once

#include <weir/core/cancelled.hpp>
#include <weir/core/shield.hpp>
#include <weir/kitsu/client.hpp>

#include <concepts>
#include <exception>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace weir::kitsu {

struct session_options {
  second_factor factor;
  client_options client;
};

/// Runs `body(studio)` and logs out on every way out of it: its end, an exception, cancellation. What is not from
/// log_in is not revoked (client::log_out).
/// Returns: what the body returns. Fails: with what the body throws. Cancellation: of the body; logging out takes two
/// seconds at most.
template <class Body>
  requires std::invocable<Body&, client&>
std::invoke_result_t<Body&, client&> run_and_log_out(client studio, Body body) {
  using result = typename std::invoke_result_t<Body&, client&>::value_type;
  std::conditional_t<std::is_void_v<result>, std::monostate, std::optional<result>> value;
  std::exception_ptr failure;
  try {
    if constexpr (std::is_void_v<result>)
      co_await body(studio);
    else
      value.emplace(co_await body(studio));
  } catch (...) {
    failure = std::current_exception();
  }
  co_await shield(studio.log_out());
  if (failure) std::rethrow_exception(failure);
  if constexpr (!std::is_void_v<result>) co_return std::move(*value);
}

/// Logs in and runs `body(client)` as run_and_log_out does.
///
///     co_await kitsu::create_session(host, email, password, [](kitsu::client& studio) -> task<void> {
///       const auto projects = co_await studio.fetch_all("projects/open");
///     });
///
/// Fails: also login_error where the login is refused; as client and log_in.
template <class Body>
  requires std::invocable<Body&, client&>
std::invoke_result_t<Body&, client&> create_session(std::string host, std::string email, std::string password,
                                                    Body body, session_options options = {}) {
  client studio(host, std::move(options.client));
  login_outcome outcome = co_await studio.log_in(std::move(email), std::move(password), std::move(options.factor));
  if (!outcome) throw login_error(std::move(outcome));
  co_return co_await run_and_log_out(std::move(studio), std::move(body));
}

} // namespace weir::kitsu
