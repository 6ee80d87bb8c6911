// Tasks side by side, in groups, with time limits.
#include <weir/core/gather.hpp>
#include <weir/core/run.hpp>
#include <weir/core/sleep.hpp>
#include <weir/core/task_group.hpp>

#include <cstdio>
#include <vector>

using namespace std::chrono_literals;

namespace {

weir::task<int> twice(int x) {
  co_await weir::sleep_for(10ms);
  co_return 2 * x;
}

weir::task<void> tick(int& ticks) {
  for (;;) {
    co_await weir::sleep_for(1ms);
    ++ticks;
  }
}

weir::task<bool> tour() {
  const auto [a, b] = co_await weir::gather(twice(1), twice(2));

  std::vector<weir::task<int>> tasks;
  for (int i = 0; i < 20; ++i) tasks.push_back(twice(i));
  const std::vector<int> many = co_await weir::gather(std::move(tasks), 8); // at most 8 at once

  int ticks = 0;
  co_await weir::with_task_group([&](weir::task_group& group) -> weir::task<void> {
    auto ticking = group.spawn(tick(ticks));
    co_await twice(0);
    ticking.cancel();
  });
  std::printf("%d %d, the last of %zu is %d, %d ticks\n", a, b, many.size(), many.back(), ticks);
  co_return a == 2 && b == 4 && many.back() == 38 && ticks > 0;
}

} // namespace

int main() { return weir::run(twice(21)) == 42 && weir::run(tour()) ? 0 : 1; }
