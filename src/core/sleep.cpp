#include <weir/core/sleep.hpp>

namespace weir {

constexpr detail::wait_kind sleep_until::kind{"sleep", [](detail::wait_node* node) noexcept {
                                                auto* self = static_cast<sleep_until*>(node);
                                                self->scope_->owner().disarm(*self);
                                                self->finish(true);
                                              }};

sleep_until::sleep_until(clock::time_point when) noexcept : wait_node(kind) {
  due = when;
  fire = [](detail::timer_node* node) noexcept { static_cast<sleep_until*>(node)->finish(); };
}

sleep_until::~sleep_until() {
  if (index != unarmed) scope_->owner().disarm(*this);
}

sleep_until sleep_for(clock::duration duration) noexcept {
  const loop* here = loop::current_or_null();
  const auto now = here ? here->now() : clock::now();
  return sleep_until(duration < clock::time_point::max() - now ? now + duration : clock::time_point::max());
}

} // namespace weir
