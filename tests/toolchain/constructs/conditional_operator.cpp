// An await in one branch of the conditional operator.
#include "../kit.hpp"

namespace kit::conditional_operator {

task<int> pick(bool left, bool right) {
  tracked here(1);
  tracked chosen = left ? co_await later(tracked(2)) : here;
  tracked again = right ? here : co_await later(tracked(4));
  co_return chosen.value() + again.value() * 10;
}

task<bool> body() {
  EXPECT(co_await pick(true, true) == 12);
  EXPECT(co_await pick(false, false) == 41);
  EXPECT((co_await later(true) ? co_await later(1) : co_await later(2)) == 1);
  EXPECT((co_await later(false) ? co_await later(1) : co_await later(2)) == 2);
  co_return true;
}

const construct here("conditional_operator", body);

} // namespace kit::conditional_operator
