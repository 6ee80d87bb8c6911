#pragma once

#include <weir/core/mutex.hpp>
#include <weir/core/stop.hpp>
#include <weir/core/task.hpp>

#include <concepts>
#include <string_view>

namespace weir {

/// Lets tasks that hold a mutex wait until another task has changed what it guards.
///
///     auto guard = co_await lock.lock();
///     co_await filled.wait(guard, [&] { return !queue.empty(); });
///
/// Between waits a loop needs neither: only where a guarded stretch itself waits, and several tasks take part.
/// Thread-safety: the loop's thread only.
class condition {
 public:
  condition() noexcept = default;
  /// `name`, for reports, outlives the condition: a literal.
  explicit condition(const char* name) noexcept : name_(name) {}
  condition(const condition&) = delete;
  condition& operator=(const condition&) = delete;

  /// Gives up the mutex that `guard` holds, waits for a notification, and takes the mutex again, in its turn.
  /// Returns with the mutex held, also when it throws. Fails: errc::invalid_argument where `guard` holds nothing.
  /// Cancellation: ends the wait for the notification, not that for the mutex. A cancelled task always throws
  /// `cancelled`; a notification that it had been given already goes to the next waiter.
  task<void> wait(permit& guard);

  /// Waits until `holds()` is true, which is asked with the mutex held: first at once, then after each notification.
  /// Everything else as above.
  template <std::predicate Predicate>
  task<void> wait(permit& guard, Predicate holds) {
    if (!guard) refuse();
    this_task::throw_if_cancelled();
    while (!holds()) co_await wait(guard);
  }

  /// Wakes the task that has waited longest, or nobody. Whoever notifies need not hold the mutex.
  void notify_one() noexcept;
  /// Wakes everybody who waits now.
  void notify_all() noexcept;

  std::size_t waiting() const noexcept { return waiting_; }
  std::string_view name() const noexcept { return name_ ? name_ : ""; }

 private:
  class waiter;
  [[noreturn]] static void refuse();

  const char* name_ = nullptr;
  std::size_t waiting_ = 0;
  detail::list<detail::wait_node, detail::in_queue> waiters_;
};

} // namespace weir
