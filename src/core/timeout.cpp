#include <weir/core/timeout.hpp>

#include <algorithm>
#include <string>

namespace weir {

static clock::time_point after(clock::time_point now, clock::duration allowed) noexcept {
  return allowed < clock::time_point::max() - now ? now + allowed : clock::time_point::max();
}

time_limit::time_limit(detail::promise_base& opener, clock::duration allowed)
    : time_limit(opener, after(opener.current->owner().now(), allowed)) {}

time_limit::time_limit(detail::promise_base& opener, clock::time_point when)
    : outer_(*opener.current), inside_(opener, "time limit"), began_(outer_.owner().now()), when_(when) {
  fire = [](timer_node* node) noexcept { static_cast<time_limit*>(node)->act(); };
  move_to(when);
}

time_limit::~time_limit() { outer_.owner().disarm(*this); }

void time_limit::act() noexcept {
  expired_ = true;
  inside_.cancel();
}

void time_limit::move_to(clock::time_point when) {
  if (expired_) return;
  when_ = when;
  inside_.deadline = std::min(outer_.deadline, when);
  loop& owner = outer_.owner();
  owner.disarm(*this);
  if (when == clock::time_point::max()) return;
  if (when <= owner.now())
    act();
  else
    owner.arm(*this, when);
}

void time_limit::restart(clock::duration allowed) {
  began_ = outer_.owner().now();
  move_to(after(began_, allowed));
}

void time_limit::fail() const {
  const auto milliseconds = std::chrono::round<std::chrono::milliseconds>(when_ - began_).count();
  throw error(errc::timeout,
              "not finished within " + (milliseconds % 1000 == 0 ? std::to_string(milliseconds / 1000) + " s"
                                                                 : std::to_string(milliseconds) + " ms"));
}

} // namespace weir
