#include <weir/core/limiter.hpp>

namespace weir {

permit limiter::try_acquire(std::size_t units) noexcept {
  if (!waiters_.empty() || !fits(units)) return {};
  in_use_ += units;
  return permit(*this, units);
}

void limiter::release(std::size_t units) noexcept {
  in_use_ -= units;
  serve();
}

void limiter::serve() noexcept {
  while (!waiters_.empty()) {
    auto& oldest = static_cast<waiter&>(waiters_.front());
    if (!fits(oldest.units_)) return;
    waiters_.pop_front();
    --waiting_;
    in_use_ += oldest.units_;
    oldest.finish();
  }
}

void limiter::set_capacity(std::size_t capacity) noexcept {
  capacity_ = capacity;
  serve();
}

void limiter::waiter::give_up(detail::wait_node* node) noexcept {
  auto* self = static_cast<waiter*>(node);
  static_cast<detail::list_hook<detail::in_queue>*>(self)->unlink();
  --self->owner_.waiting_;
  self->finish(true);
  self->owner_.serve(); // a large request that leaves may let smaller ones behind it in
}

} // namespace weir
