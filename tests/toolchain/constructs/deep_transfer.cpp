// A chain of a hundred thousand tasks, each awaiting the next, starts and ends without deep recursion.
#include "../kit.hpp"

namespace kit::deep_transfer {

task<int> chain(int depth) {
  if (depth == 0) {
    co_await pause{};
    co_return 0;
  }
  co_return 1 + co_await chain(depth - 1);
}

task<bool> body() {
  EXPECT(co_await chain(100'000) == 100'000);
  co_return true;
}

const construct here("deep_transfer", body);

} // namespace kit::deep_transfer
