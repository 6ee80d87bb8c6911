// An await as the condition of an if, in a block that declares nothing.
#include "../kit.hpp"

namespace kit::await_in_if {

task<bool> even(int n) {
  co_await pause{};
  co_return n % 2 == 0;
}

task<void> walk(int n) {
  if (co_await even(n)) {
    note('e');
  } else if (co_await even(n + 1)) {
    note('o');
  }
  if (bool again = co_await even(n); !again) note('n');
  note('.');
}

task<void> bare() {
  if (co_await plain{true}) note('a');
  note('b');
}

task<bool> body() {
  co_await bare();
  EXPECT(trail() == "ab");
  co_await walk(2);
  co_await walk(3);
  EXPECT(trail() == "e.on.");
  co_return true;
}

const construct here("await_in_if", body);

} // namespace kit::await_in_if
