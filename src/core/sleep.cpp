#include <weir/core/sleep.hpp>

namespace weir {

sleep_until::sleep_until(clock::time_point when) noexcept {
  due = when;
  fire = [](detail::timer_node* node) noexcept { static_cast<sleep_until*>(node)->finish(); };
  on_cancel = [](detail::wait_node* node) noexcept {
    auto* self = static_cast<sleep_until*>(node);
    self->scope_->owner().disarm(*self);
    self->finish(true);
  };
}

sleep_until::~sleep_until() {
  if (index != unarmed) scope_->owner().disarm(*this);
}

} // namespace weir
