#include <weir/core/timer.hpp>

#include <utility>

namespace weir {

timer::timer(callback<void()> function) : loop_(loop::current()), function_(std::move(function)) {
  fire = [](detail::timer_node* node) noexcept {
    // A copy: the function may destroy the timer that holds it.
    const auto call = static_cast<timer*>(node)->function_;
    call();
  };
}

timer::~timer() { cancel(); }

void timer::arm(clock::time_point when) { loop_.arm(*this, when); }

void timer::cancel() noexcept { loop_.disarm(*this); }

} // namespace weir
