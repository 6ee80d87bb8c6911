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
  bool await_suspend(std::coroutine_handle<Promise> waiter, std::source_location at = std::source_location::current()) {
    if (!begin(waiter, at)) return false;
    scope_->owner().arm(*this, due);
    return true;
  }
  void await_resume() const { check(); }

 private:
  static const detail::wait_kind kind;
};

/// Waits for `duration`. Everything else as for sleep_until.
sleep_until sleep_for(clock::duration duration) noexcept;

/// Waits until the caller is cancelled: for a task whose work is done elsewhere, and a program that runs until it is
/// told to stop. Fails: always ends by throwing `cancelled`.
class [[nodiscard]] until_cancelled : detail::wait_node {
 public:
  until_cancelled() noexcept : wait_node(kind) {}
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> waiter,
                     std::source_location at = std::source_location::current()) noexcept {
    return begin(waiter, at);
  }
  void await_resume() const { check(); }

 private:
  static constexpr detail::wait_kind kind{"its cancellation", &leave_queue, nullptr, true};
};

} // namespace weir
