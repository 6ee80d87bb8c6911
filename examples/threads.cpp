// Slow work on threads, while the loop keeps answering.
#include <weir/core/cancelled.hpp>
#include <weir/core/error.hpp>
#include <weir/core/gather.hpp>
#include <weir/core/limiter.hpp>
#include <weir/core/run.hpp>
#include <weir/core/timeout.hpp>
#include <weir/offload/threadpool.hpp>

#include <atomic>
#include <cstdio>
#include <thread>

using namespace std::chrono_literals;

namespace {

int add(int a, int b) { return a + b; }

void slow(std::stop_token stop) {
  while (!stop.stop_requested()) std::this_thread::sleep_for(1ms);
  throw weir::cancelled{}; // a value that is returned all the same would be taken
}

weir::task<bool> tour() {
  const int sum = co_await weir::run_in_threadpool(add, 1, 2);

  weir::limiter pictures(2);
  std::atomic<int> running{0}, most{0};
  std::vector<weir::task<void>> jobs;
  for (int i = 0; i < 6; ++i)
    jobs.push_back(weir::run_in_threadpool(weir::thread_options{.limiter = &pictures}, [&] {
      const int now = ++running;
      if (now > most) most = now;
      std::this_thread::sleep_for(5ms);
      --running;
    }));
  co_await weir::gather(std::move(jobs));

  bool late = false;
  try {
    co_await weir::with_timeout(50ms, weir::run_in_threadpool(slow));
  } catch (const weir::error& e) {
    if (e.code() != weir::errc::timeout) throw;
    late = true;
  }
  std::printf("sum %d, at most %d at once, %s\n", sum, most.load(), late ? "stopped in time" : "not stopped");
  co_return sum == 3 && most <= 2 && late;
}

} // namespace

int main() { return weir::run(tour()) ? 0 : 1; }
