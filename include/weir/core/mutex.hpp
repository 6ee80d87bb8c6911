#pragma once

#include <weir/core/limiter.hpp>

namespace weir {

/// Lets one task at a time into a stretch that waits in between. Fair: in order of arrival.
/// Thread-safety: the loop's thread only. Between waits a loop needs no mutex.
class mutex {
 public:
  mutex() noexcept : mutex(nullptr) {}
  /// `name`, for reports, outlives the mutex: a literal.
  explicit mutex(const char* name) noexcept : one_(1u, name) {}

  /// Waits for its turn; the permit that it returns unlocks when it dies. Cancellation: leaves the queue at once.
  limiter::waiter lock() noexcept { return limiter::waiter(one_, 1, kind); }
  /// Locks where nobody holds it or waits for it; else returns an empty permit.
  permit try_lock() noexcept { return one_.try_acquire(); }

  bool is_locked() const noexcept { return one_.in_use() != 0; }
  /// Returns how many tasks wait for it.
  std::size_t waiting() const noexcept { return one_.waiting(); }
  std::string_view name() const noexcept { return one_.name(); }

 private:
  static constexpr detail::wait_kind kind{"mutex", &limiter::waiter::give_up, &limiter::waiter::name_of};

  limiter one_;
};

} // namespace weir
