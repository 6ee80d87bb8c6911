// The same as bench/threads with asio::thread_pool, in its two fastest forms (co_spawn on the pool takes up to twice as
// long):
//   weir-bench-asio-threads [--reactor] FORM WAITERS THREADS SECONDS
#include "../../common/hops.hpp"
#include "asio.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/thread_pool.hpp>

#include <cstdio>
#include <deque>

namespace {

using namespace weir::bench;

/// Callbacks: post to the pool, post back. No coroutine.
struct callback_waiter {
  asio::io_context& home;
  asio::thread_pool& pool;
  hop_times& times;
  hop_times::clock::time_point begin = hop_times::clock::now();

  void hop() {
    asio::post(pool, [this, work = asio::make_work_guard(home)] {
      const int value = nothing_much();
      asio::post(home, [this, value] { back(value); });
    });
  }
  void back(int value) {
    const auto end = hop_times::clock::now();
    if (!times.note(begin, end) || value != 1) return;
    begin = end;
    hop();
  }
};

/// One coroutine that goes to the pool and comes back itself.
awaitable<void> wandering_waiter(asio::io_context& home, asio::thread_pool& pool, hop_times& times) {
  auto begin = hop_times::clock::now();
  for (;;) {
    co_await asio::post(pool, asio::bind_executor(pool, asio::deferred));
    const int value = nothing_much();
    co_await asio::post(home, asio::bind_executor(home, asio::deferred));
    const auto end = hop_times::clock::now();
    if (!times.note(begin, end) || value != 1) co_return;
    begin = end;
  }
}

} // namespace

int main(int argc, char** argv) {
  const int taken = read_reactor_option(argc, argv);
  const auto options = read_hop_options(argc - taken, argv + taken);
  if (!options) return 2;
  loop io;
  asio::thread_pool pool(options->threads);
  hop_times times(*options);
  std::deque<callback_waiter> callbacks;
  for (std::size_t i = 0; i < options->waiters; ++i) {
    if (options->form == "post")
      callbacks.emplace_back(io, pool, times).hop();
    else if (options->form == "bind_executor")
      asio::co_spawn(io, wandering_waiter(io, pool, times), asio::detached);
    else {
      std::fputs("the forms are post and bind_executor\n", stderr);
      return 2;
    }
  }
  io.run();
  pool.join();
  times.print();
}
