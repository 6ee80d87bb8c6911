// What README.md shows, run.
// [readme]
#include <weir/core/gather.hpp>
#include <weir/core/run.hpp>
#include <weir/core/timeout.hpp>
#include <weir/offload/threadpool.hpp>

int slow_square(int n) { return n * n; } // any function that blocks or computes

weir::task<int> sum_of_squares() {
  auto [a, b] = co_await weir::gather(weir::run_in_threadpool(slow_square, 3),  // both at once,
                                      weir::run_in_threadpool(slow_square, 4)); // the loop goes on
  co_return a + b;
}

int main() { return weir::run(weir::with_timeout(std::chrono::seconds(5), sum_of_squares())) == 25 ? 0 : 1; }
// [end]
