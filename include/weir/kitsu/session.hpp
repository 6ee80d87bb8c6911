#pragma once

#include <weir/core/cancelled.hpp>
#include <weir/core/shield.hpp>
#include <weir/kitsu/client.hpp>

#include <concepts>
#include <exception>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>

namespace weir::kitsu {

struct session_options {
  second_factor factor;
  client_options client;
};

/// Logs in, runs `body(client)`, and logs out on every way out of it: its end, an exception, cancellation.
///
///     co_await kitsu::create_session(host, email, password, [](kitsu::client& studio) -> task<void> {
///       const auto projects = co_await studio.fetch_all("projects/open");
///     });
///
/// Returns: what the body returns. Fails: login_error where the login is refused; as client and log_in; with what the
/// body throws. Cancellation: of the body; logging out takes two seconds at most.
template <class Body>
  requires std::invocable<Body&, client&>
std::invoke_result_t<Body&, client&> create_session(std::string host, std::string email, std::string password,
                                                    Body body, session_options options = {}) {
  client studio(host, std::move(options.client));
  login_outcome outcome = co_await studio.log_in(std::move(email), std::move(password), std::move(options.factor));
  if (!outcome) throw login_error(std::move(outcome));
  using result = typename std::invoke_result_t<Body&, client&>::value_type;
  std::exception_ptr failure;
  if constexpr (std::is_void_v<result>) {
    try {
      co_await body(studio);
    } catch (...) {
      failure = std::current_exception();
    }
    co_await shield(studio.log_out());
    if (failure) std::rethrow_exception(failure);
  } else {
    std::optional<result> value;
    try {
      value.emplace(co_await body(studio));
    } catch (...) {
      failure = std::current_exception();
    }
    co_await shield(studio.log_out());
    if (failure) std::rethrow_exception(failure);
    co_return std::move(*value);
  }
}

} // namespace weir::kitsu
