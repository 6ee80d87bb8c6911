// Awaits in one list in braces run from left to right, each seeing what those before it did.
#include "../kit.hpp"

namespace kit::order_in_braces {

struct three {
  int a, b, c;
};

task<int> count(int& n) {
  co_await pause{};
  co_return ++n;
}

template <class... N>
task<int> sum(N... n) {
  co_return (co_await later(n) + ...);
}

task<bool> body() {
  int n = 0;
  three made{co_await count(n), co_await count(n), co_await count(n) * 10 + n};
  EXPECT(made.a == 1 && made.b == 2 && made.c == 33);
  int list[] = {co_await count(n), n, co_await count(n), n};
  EXPECT(list[0] == 4 && list[1] == 4 && list[2] == 5 && list[3] == 5);
  EXPECT(co_await sum(1, 2, 3, 4) == 10);
  co_return true;
}

const construct here("order_in_braces", body);

} // namespace kit::order_in_braces
