#pragma once

#include <weir/core/detail/timer_node.hpp>
#include <weir/core/error.hpp>
#include <weir/core/task.hpp>

#include <concepts>
#include <optional>

namespace weir {

/// The time limit of a piece of work that is under way; the body of `with_timeout` may move it.
/// Thread-safety: the loop's thread only.
class time_limit : detail::timer_node {
 public:
  time_limit(const time_limit&) = delete;
  time_limit& operator=(const time_limit&) = delete;
  ~time_limit();

  /// When it acts; `clock::time_point::max()`: never.
  clock::time_point deadline() const noexcept { return when_; }
  /// Moves it. A time that has passed acts at once. No effect once it has acted.
  void move_to(clock::time_point when);
  /// Gives the work `allowed` from now on.
  void restart(clock::duration allowed);
  /// Returns whether it has acted: the work was cancelled.
  bool expired() const noexcept { return expired_; }

  // For the functions below.
  time_limit(detail::promise_base& opener, clock::duration allowed);
  time_limit(detail::promise_base& opener, clock::time_point when);
  detail::scope& inside() noexcept { return inside_; }
  /// Whether a cancellation that leaves the work is this limit's doing and not that of a scope around it.
  bool is_cause() const noexcept { return expired_ && !outer_.is_cancelled(); }
  [[noreturn]] void fail() const;

 private:
  void act() noexcept;

  detail::scope& outer_;
  detail::scope inside_;
  clock::time_point began_;
  clock::time_point when_;
  bool expired_ = false;
};

/// Runs `work`, and cancels it once `allowed` has passed. Waits for its end either way: nothing of it runs afterwards.
/// Nested time limits: the earliest one acts. No time at all, or less: `work` is cancelled at its first wait.
/// `clock::duration::max()`: no limit.
/// Returns what `work` returns, also when it finished in spite of the cancellation.
/// Fails: errc::timeout when the time ran out; else as `work`. Cancellation: passed on to `work`.
template <class T>
task<T> with_timeout(clock::duration allowed, task<T> work) {
  time_limit limit(co_await detail::this_frame{}, allowed);
  try {
    co_return co_await detail::in_scope<T>{std::move(work), limit.inside()};
  } catch (const cancelled&) {
    if (!limit.is_cause()) throw;
  }
  limit.fail();
}

/// As above for `body(limit)`, which may look at its time limit and move it.
template <class Body>
  requires std::invocable<Body&, time_limit&>
auto with_timeout(clock::duration allowed, Body body) -> std::invoke_result_t<Body&, time_limit&> {
  using value_type = typename std::invoke_result_t<Body&, time_limit&>::value_type;
  time_limit limit(co_await detail::this_frame{}, allowed);
  try {
    co_return co_await detail::in_scope<value_type>{body(limit), limit.inside()};
  } catch (const cancelled&) {
    if (!limit.is_cause()) throw;
  }
  limit.fail();
}

/// As with_timeout, up to a point in time.
template <class T>
task<T> with_deadline(clock::time_point when, task<T> work) {
  time_limit limit(co_await detail::this_frame{}, when);
  try {
    co_return co_await detail::in_scope<T>{std::move(work), limit.inside()};
  } catch (const cancelled&) {
    if (!limit.is_cause()) throw;
  }
  limit.fail();
}

/// As with_timeout for work that may as well be left undone.
/// Returns the value, or nothing when the time ran out (std::optional<std::monostate> for a task<void>).
template <class T>
task<std::optional<detail::unvoid<T>>> move_on_after(clock::duration allowed, task<T> work) {
  time_limit limit(co_await detail::this_frame{}, allowed);
  try {
    detail::in_scope<T> inside{std::move(work), limit.inside()};
    if constexpr (std::is_void_v<T>) {
      co_await inside;
      co_return std::monostate{};
    } else {
      co_return co_await inside;
    }
  } catch (const cancelled&) {
    if (!limit.is_cause()) throw;
  }
  co_return std::nullopt;
}

} // namespace weir
