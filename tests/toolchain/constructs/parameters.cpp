// Parameters are moved into the frame, live as long as it, and each is destroyed once.
#include "../kit.hpp"

namespace kit::parameters {

task<int> keep(tracked by_value, move_only moved, const tracked& by_reference, tracked&& by_rvalue) {
  co_await pause{};
  tracked taken = std::move(by_rvalue);
  co_return by_value.value() + moved.value() + by_reference.value() + taken.value();
}

struct counter {
  tracked base;
  task<int> add(tracked n) const {
    co_await pause{};
    co_return base.value() + n.value();
  }
};

task<bool> body() {
  tracked here(3);
  EXPECT(co_await keep(1, 2, here, tracked(4)) == 10);
  EXPECT(co_await keep(here, move_only(5), tracked(6), 7) == 21);
  EXPECT(co_await counter{8}.add(here) == 11);
  { auto never_started = keep(here, 1, here, 2); }
  co_return true;
}

const construct here("parameters", body);

} // namespace kit::parameters
