// Awaits as loop conditions: while, do, for.
#include "../kit.hpp"

namespace kit::await_in_while {

task<bool> below(int& n, int limit) {
  co_await pause{};
  co_return ++n < limit;
}

task<int> walk() {
  int n = 0;
  while (co_await below(n, 5)) note('w');
  do note('d');
  while (co_await below(n, 8));
  for (int i = co_await later(0); co_await below(n, 11); i += co_await later(1)) note(static_cast<char>('0' + i));
  co_return n;
}

task<void> bare() {
  while (co_await plain{false}) note('x');
  note('a');
}

task<bool> body() {
  co_await bare();
  EXPECT(trail() == "a");
  EXPECT(co_await walk() == 11);
  EXPECT(trail() == "wwwwddd01");
  co_return true;
}

const construct here("await_in_while", body);

} // namespace kit::await_in_while
