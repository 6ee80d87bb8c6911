#include <weir/core/timeout.hpp>

#include <string>

namespace weir {

detail::deadline_scope::deadline_scope(scope& parent, clock::time_point when) : inside(parent) {
  fire = [](timer_node* node) noexcept {
    auto* self = static_cast<deadline_scope*>(node);
    self->expired = true;
    self->inside.cancel();
  };
  inside.owner().arm(*this, when);
}

detail::deadline_scope::~deadline_scope() { inside.owner().disarm(*this); }

void detail::throw_timeout(clock::duration allowed) {
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(allowed).count();
  throw error(errc::timeout,
              "not finished within " + (milliseconds % 1000 == 0 ? std::to_string(milliseconds / 1000) + " s"
                                                                 : std::to_string(milliseconds) + " ms"));
}

} // namespace weir
