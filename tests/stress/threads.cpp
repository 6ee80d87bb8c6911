// Many threads at once: several loops, each on a thread of its own, with foreign threads that post to them and
// functions on the pool that are cancelled, abandoned, nested and fail. Built with ThreadSanitizer too.
#include "harness.hpp"

#include <weir/core/event.hpp>
#include <weir/core/limiter.hpp>
#include <weir/core/loop_handle.hpp>
#include <weir/core/run.hpp>
#include <weir/core/sleep.hpp>
#include <weir/core/task_group.hpp>
#include <weir/core/timeout.hpp>
#include <weir/offload/threadpool.hpp>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <thread>

using namespace std::chrono_literals;
using stress::require;
using weir::task;
using weir::task_group;

namespace {

const weir::run_options quiet{.handle_signals = false, .deadlock = weir::on_deadlock::ignore};

void spin(std::size_t times) {
  for (std::atomic<std::size_t> i = 0; i < times;) ++i;
}

/// Runs `body(n)` on `count` threads and rethrows what one of them threw.
void on_threads(std::size_t count, const std::function<void(std::size_t)>& body) {
  std::vector<std::exception_ptr> failures(count);
  std::vector<std::thread> threads;
  for (std::size_t n = 0; n < count; ++n)
    threads.emplace_back([&, n] {
      try {
        body(n);
      } catch (...) {
        failures[n] = std::current_exception();
      }
    });
  for (auto& thread : threads) thread.join();
  for (const auto& failure : failures)
    if (failure) std::rethrow_exception(failure);
}

/// What a thread posts arrives once, in its order; what is refused because the loop is gone never runs.
void posts_arrive_in_order(std::uint64_t seed) {
  constexpr std::size_t loops = 3;
  constexpr std::size_t posters = 2;
  weir::testing::random dice(seed);
  const int each = 20 + static_cast<int>(dice.below(200));
  on_threads(loops, [&](std::size_t) {
    struct seen {
      int next[posters] = {};
      std::size_t finished = 0;
      bool in_order = true;
    };
    auto arrivals = std::make_shared<seen>(); // of the loop's thread
    std::atomic<int> refused = 0, accepted_late = 0;
    std::vector<std::thread> threads;
    weir::run(
        [&]() -> task<void> {
          weir::event all;
          const weir::loop_handle here(weir::loop::current());
          for (std::size_t who = 0; who < posters; ++who)
            threads.emplace_back([&, here, who, arrivals] {
              for (int i = 0; i < each; ++i)
                here.post([&all, arrivals, who, i, each] {
                  arrivals->in_order = arrivals->in_order && arrivals->next[who]++ == i;
                  if (i + 1 == each && ++arrivals->finished == posters) all.set();
                });
              // The loop may be gone by now.
              for (int i = 0; i < 50; ++i) here.post([arrivals] {}) ? ++accepted_late : ++refused;
            });
          co_await all.wait();
        }(),
        quiet);
    for (auto& thread : threads) thread.join();
    require(arrivals->in_order, "posted functions came out of order");
    require(refused + accepted_late == 50 * static_cast<int>(posters), "a post was neither taken nor refused");
  });
}

/// A function that was started is awaited, its result arrives once, a cancelled one that was queued never runs, and the
/// limit is kept on every loop.
void pool_keeps_its_promises(std::uint64_t seed) {
  on_threads(3, [&](std::size_t which) {
    weir::testing::random dice(seed * 3 + which);
    std::atomic<int> running = 0, most = 0;
    std::atomic<bool> over = false;
    auto abandoned = std::make_shared<std::atomic<int>>(0);
    weir::run(
        [&]() -> task<void> {
          weir::limiter two(2);
          co_await weir::with_task_group([&](task_group& group) -> task<void> {
            for (int i = 0; i < 30; ++i) {
              const std::size_t work = dice.below(2000);
              const std::size_t kind = dice.below(6);
              auto child = group.spawn([&, work, kind, i]() -> task<void> {
                const weir::thread_options limited{.limiter = &two};
                const auto counted = [&, work, i] {
                  require(!over, "a function ran after its group");
                  const int now = ++running;
                  for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {}
                  spin(work);
                  --running;
                  return std::make_unique<int>(i);
                };
                switch (kind) {
                case 0:
                case 1:
                  require(*co_await weir::run_in_threadpool(limited, counted) == i, "another's result");
                  break;
                case 2:
                  try {
                    co_await weir::run_in_threadpool([&, work] {
                      spin(work);
                      throw std::runtime_error("expected");
                    });
                    require(false, "no exception");
                  } catch (const std::runtime_error& e) {
                    require(e.what() == std::string("expected"), e.what());
                  }
                  break;
                case 3:
                  co_await weir::run_in_threadpool(weir::thread_options{.abandon = true}, [abandoned, work] {
                    spin(10 * work);
                    ++*abandoned;
                  });
                  break;
                case 4: { // a loop of its own, inside of a thread of the pool
                  const int value = co_await weir::run_in_threadpool([work] {
                    return weir::run(
                        [](std::size_t times) -> task<int> {
                          co_return co_await weir::run_in_threadpool([times] {
                            spin(times);
                            return 5;
                          });
                        }(work),
                        quiet);
                  });
                  require(value == 5, "another's result");
                  break;
                }
                default:
                  try {
                    co_await weir::with_timeout(1ms, weir::run_in_threadpool([](std::stop_token stop) {
                                                  while (!stop.stop_requested()) std::this_thread::yield();
                                                  throw weir::cancelled{};
                                                }));
                  } catch (const weir::error& e) {
                    require(e.code() == weir::errc::timeout, e.what());
                  }
                }
              });
              if (dice.chance(30)) {
                if (dice.chance(50)) co_await weir::yield_now();
                child.cancel();
              }
            }
            co_return;
          });
          over = true;
          require(two.in_use() == 0 && two.waiting() == 0, "a permit was lost");
        }(),
        quiet);
    require(running == 0, "a function still runs");
    require(most <= 2, "the limit was broken");
  });
}

/// A loop may die while functions that it has abandoned still run, and they while it dies.
void loops_come_and_go(std::uint64_t seed) {
  on_threads(4, [&](std::size_t which) {
    weir::testing::random dice(seed * 4 + which);
    for (int i = 0; i < 5; ++i) {
      auto ended = std::make_shared<std::atomic<int>>(0);
      const std::size_t work = dice.below(3000);
      weir::run(
          [&]() -> task<void> {
            co_await weir::with_task_group([&](task_group& group) -> task<void> {
              for (int n = 0; n < 3; ++n)
                group.spawn(weir::run_in_threadpool(weir::thread_options{.abandon = true}, [ended, work] {
                  spin(work);
                  ++*ended;
                }));
              co_await weir::yield_now();
              group.cancel();
            });
          }(),
          quiet);
    }
  });
}

} // namespace

int main(int count, char** arguments) {
  return stress::run_all({{"posts_arrive_in_order", posts_arrive_in_order},
                          {"pool_keeps_its_promises", pool_keeps_its_promises},
                          {"loops_come_and_go", loops_come_and_go}},
                         count > 1 ? std::atof(arguments[1]) : 4);
}
