#pragma once

#include <weir/core/detail/timer_node.hpp>
#include <weir/core/task.hpp>

namespace weir {

/// Waits until `due`; a time that has passed only lets others run first.
/// Cancellation: ends the wait at once. Cost: O(log n) in the number of armed timers, no allocation.
class [[nodiscard]] sleep_until : detail::wait_node, detail::timer_node {
 public:
  explicit sleep_until(clock::time_point when) noexcept;
  ~sleep_until();

  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> waiter) {
    if (!begin(waiter)) return false;
    scope_->owner().arm(*this, due);
    return true;
  }
  void await_resume() const { check(); }
};

/// Waits for `duration`. Everything else as for sleep_until.
inline sleep_until sleep_for(clock::duration duration) noexcept { return sleep_until(clock::now() + duration); }

} // namespace weir
