// A range-for over the result of an await, with awaits and an early leave inside.
#include "../kit.hpp"

#include <vector>

namespace kit::await_in_range_for {

task<std::vector<tracked>> three() {
  co_await pause{};
  co_return std::vector<tracked>{tracked(1), tracked(2), tracked(3)};
}

task<int> sum(int stop) {
  int total = 0;
  for (const auto& one : co_await three()) {
    if (one.value() == stop) break;
    if (co_await later(one.value()) == 1) continue;
    total += co_await later(one.value());
  }
  co_return total;
}

task<bool> body() {
  EXPECT(co_await sum(0) == 5);
  EXPECT(co_await sum(3) == 2);
  co_return true;
}

const construct here("await_in_range_for", body);

} // namespace kit::await_in_range_for
