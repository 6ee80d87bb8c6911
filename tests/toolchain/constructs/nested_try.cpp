// Awaits in nested try blocks, and the usual way to wait after a catch.
#include "../kit.hpp"

namespace kit::nested_try {

task<void> fail(int with) {
  co_await pause{};
  throw with;
}

task<bool> body() {
  std::exception_ptr kept;
  try {
    tracked outer(1);
    try {
      tracked inner(2);
      co_await fail(1);
      note('x');
    } catch (int got) {
      note(static_cast<char>('0' + got));
    } catch (...) {
      note('x');
    }
    co_await pause{};
    co_await fail(outer.value() + 1);
  } catch (int got) {
    note(static_cast<char>('0' + got));
    kept = std::current_exception();
  }
  co_await pause{};
  if (kept) note('k');
  EXPECT(trail() == "12k");
  co_return true;
}

const construct here("nested_try", body);

} // namespace kit::nested_try
