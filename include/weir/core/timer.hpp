#pragma once

#include <weir/core/callback.hpp>
#include <weir/core/detail/timer_node.hpp>

namespace weir {

/// Calls a function once, at a time, on the loop that is running where the timer is made. For code that is no coroutine
/// (a coroutine uses sleep_for). Not movable; dies disarmed.
/// Thread-safety: the loop's thread only. Cost of arm and cancel: O(log n) in the number of armed timers, no
/// allocation.
class timer : detail::timer_node {
 public:
  explicit timer(callback<void()> function);
  ~timer();
  timer(const timer&) = delete;
  timer& operator=(const timer&) = delete;

  /// Arms for `due`, or moves an armed timer there. A time that has passed fires in the next turn of the loop.
  void arm(clock::time_point due);
  /// Disarms: the function is not called any more. Harmless where nothing is armed.
  void cancel() noexcept;
  bool armed() const noexcept { return index != unarmed; }

 private:
  loop& loop_;
  callback<void()> function_;
};

} // namespace weir
