// An await as the value of a switch, and awaits inside its cases.
#include "../kit.hpp"

namespace kit::await_in_switch {

task<int> choose(int n) {
  switch (co_await later(n)) {
  case 1:
    note('1');
    [[fallthrough]];
  case 2:
    if (co_await later(true)) note('2');
    break;
  case 3: {
    tracked inside(3);
    co_return co_await later(30) + inside.value();
  }
  default:
    co_await pause{};
    note('d');
  }
  co_return n;
}

task<void> bare() {
  switch (co_await plain{7}) {
  case 7:
    note('a');
    break;
  default:
    note('x');
  }
  note('b');
}

task<bool> body() {
  co_await bare();
  EXPECT(trail() == "ab");
  EXPECT(co_await choose(1) == 1);
  EXPECT(co_await choose(2) == 2);
  EXPECT(co_await choose(3) == 33);
  EXPECT(co_await choose(4) == 4);
  EXPECT(trail() == "122d");
  co_return true;
}

const construct here("await_in_switch", body);

} // namespace kit::await_in_switch
