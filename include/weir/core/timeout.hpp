#pragma once

#include <weir/core/detail/timer_node.hpp>
#include <weir/core/error.hpp>
#include <weir/core/task.hpp>

namespace weir {

namespace detail {

/// A scope that cancels itself when its time is up.
class deadline_scope : timer_node {
 public:
  deadline_scope(scope& parent, clock::time_point when);
  ~deadline_scope();

  scope inside;
  bool expired = false;
};

[[noreturn]] void throw_timeout(clock::duration allowed);

} // namespace detail

/// Runs `work`, and cancels it once `allowed` has passed. Waits for its end either way: nothing of it runs afterwards.
/// Nested time limits: the earliest one acts.
/// Returns what `work` returns, also when it finished in spite of the cancellation.
/// Fails: errc::timeout when the time ran out; else as `work`. Cancellation: passed on to `work`.
template <class T>
task<T> with_timeout(clock::duration allowed, task<T> work) {
  detail::scope& outer = co_await detail::this_scope{};
  detail::deadline_scope limit(outer, clock::now() + allowed);
  try {
    co_return co_await detail::in_scope<T>{std::move(work), limit.inside};
  } catch (const cancelled&) {
    if (outer.is_cancelled() || !limit.expired) throw;
  }
  detail::throw_timeout(allowed);
}

} // namespace weir
