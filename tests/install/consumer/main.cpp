#include <weir/core/run.hpp>
#include <weir/http/client.hpp>
#include <weir/json/value.hpp>
#include <weir/media/base64.hpp>
#include <weir/offload/threadpool.hpp>

#include <cstdio>

int slow_square(int n) { return n * n; }

weir::task<int> sum_of_squares() {
  weir::http::client unused; // links libcurl
  auto [a, b] = co_await weir::gather(weir::run_in_threadpool(slow_square, 3), weir::run_in_threadpool(slow_square, 4));
  co_return a + b;
}

int main() {
  const int sum = weir::run(sum_of_squares());
  const weir::json::value told{{"sum", sum}}; // links Boost.JSON
  std::printf("%s\n", weir::json::serialize(told).c_str());
  return sum == 25 ? 0 : 1;
}
