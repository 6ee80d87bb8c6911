#pragma once

#include <weir/core/limiter.hpp>

namespace weir {

/// Lets one task at a time into a stretch that waits in between. Fair: in order of arrival.
/// Thread-safety: the loop's thread only. Between waits a loop needs no mutex.
class mutex {
 public:
  /// Waits for its turn; the permit that it returns unlocks when it dies. Cancellation: leaves the queue at once.
  limiter::waiter lock() noexcept { return one_.acquire(); }
  bool is_locked() const noexcept { return one_.in_use() != 0; }

 private:
  limiter one_{1};
};

} // namespace weir
