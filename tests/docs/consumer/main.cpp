// [first]
#include <weir/core/run.hpp>
#include <weir/core/sleep.hpp>

#include <cstdio>

using namespace std::chrono_literals;

weir::task<int> twice(int x) {
  co_await weir::sleep_for(10ms);
  co_return 2 * x;
}

int main() { std::printf("%d\n", weir::run(twice(21))); }
// [end]
