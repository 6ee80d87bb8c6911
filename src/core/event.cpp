#include <weir/core/event.hpp>

namespace weir {

void event::set() noexcept {
  set_ = true;
  while (!waiters_.empty()) waiters_.pop_front().finish();
}

} // namespace weir
