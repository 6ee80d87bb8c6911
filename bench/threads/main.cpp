// Tasks that wait for a function that does nothing on a pool thread, again and again:
//   weir-bench-threads weir WAITERS THREADS SECONDS [LINGER_US]
#include "../common/hops.hpp"

#include <weir/core/gather.hpp>
#include <weir/core/run.hpp>
#include <weir/offload/threadpool.hpp>

#include <vector>

namespace {

using namespace weir::bench;

weir::task<void> waiter(weir::thread_limiter& threads, hop_times& times) {
  auto begin = hop_times::clock::now();
  for (;;) {
    co_await weir::run_in_threadpool({.limiter = &threads}, nothing_much);
    const auto end = hop_times::clock::now();
    if (!times.note(begin, end)) co_return;
    begin = end;
  }
}

weir::task<void> all_waiters(const hop_options& options, hop_times& times) {
  weir::thread_limiter threads(options.threads);
  std::vector<weir::task<void>> waiters;
  for (std::size_t i = 0; i < options.waiters; ++i) waiters.push_back(waiter(threads, times));
  co_await weir::gather(std::move(waiters));
}

} // namespace

int main(int argc, char** argv) {
  const auto options = read_hop_options(argc, argv);
  if (!options) return 2;
  weir::set_thread_linger(options->linger);
  hop_times times(*options);
  weir::run(all_waiters(*options, times));
  times.print();
}
