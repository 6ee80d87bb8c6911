// co_return, break and continue out of scopes that hold values, between suspensions.
#include "../kit.hpp"

namespace kit::leave_early {

task<int> leave(int how) {
  tracked outer(100);
  for (int i = 0; i < 3; ++i) {
    tracked inner(i);
    co_await pause{};
    if (how == i) co_return outer.value() + inner.value();
    try {
      tracked deepest(i);
      if (how == 10 + i) break;
      if (co_await later(i == 1)) continue;
    } catch (...) {
      co_return -1;
    }
  }
  co_return outer.value();
}

task<bool> body() {
  EXPECT(co_await leave(0) == 100);
  EXPECT(co_await leave(2) == 102);
  EXPECT(co_await leave(11) == 100);
  EXPECT(co_await leave(99) == 100);
  co_return true;
}

const construct here("leave_early", body);

} // namespace kit::leave_early
