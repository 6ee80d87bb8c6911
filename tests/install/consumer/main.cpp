#include <weir/core/error.hpp>
#include <weir/core/run.hpp>
#include <weir/core/sleep.hpp>
#include <weir/http/client.hpp>
#include <weir/json/value.hpp>
#include <weir/media/base64.hpp>
#include <weir/observe/report.hpp>
#include <weir/offload/threadpool.hpp>
#include <weir/testing/run_test.hpp>

#include <cstdio>

int slow_square(int n) { return n * n; }

weir::task<int> sum_of_squares() {
  weir::http::client unused; // links libcurl
  auto [a, b] = co_await weir::gather(weir::run_in_threadpool(slow_square, 3), weir::run_in_threadpool(slow_square, 4));
  co_return a + b;
}

int main() {
  const int sum = weir::run(sum_of_squares());
  // The rooms beside the others: no GoogleTest is needed for them, except by who includes task_test.hpp.
  const auto problems = weir::testing::run_test([](weir::testing::test_context&) -> weir::task<void> {
    co_await weir::sleep_for(std::chrono::milliseconds(1));
    if (weir::observe::snapshot().loop.timers_fired != 1) throw weir::error(weir::errc::internal, "no timer fired");
  });
  if (!problems.empty()) return 2;
  const weir::json::value told{{"sum", sum}}; // links Boost.JSON
  std::printf("%s\n", weir::json::serialize(told).c_str());
  return sum == 25 ? 0 : 1;
}
