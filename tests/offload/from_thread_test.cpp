// The way from a thread back into the loop. F1 to F11 name the same rules in anyio's suite.
#include "offload/threads_kit.hpp"

#include <weir/core/context.hpp>
#include <weir/core/error.hpp>
#include <weir/core/event.hpp>
#include <weir/core/run.hpp>
#include <weir/core/sleep.hpp>
#include <weir/core/stop.hpp>
#include <weir/core/task_group.hpp>
#include <weir/core/timeout.hpp>
#include <weir/offload/from_thread.hpp>
#include <weir/offload/threadpool.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

using namespace std::chrono_literals;
using namespace weir;
using weir::tests::becomes_true;

namespace {

const context_value<int> number(0);

errc code_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const error& e) {
    return e.code();
  }
  ADD_FAILURE() << "no error";
  return errc::internal;
}

TEST(from_thread, F01_a_task_runs_on_the_loops_thread) {
  run([]() -> task<void> {
    const auto here = std::this_thread::get_id();
    EXPECT_EQ(co_await run_in_threadpool([] {
                return run_on_loop([]() -> task<std::thread::id> {
                  co_await sleep_for(5ms);
                  co_return std::this_thread::get_id();
                });
              }),
              here);
  }());
}

TEST(from_thread, F02_so_does_a_plain_function) {
  run([]() -> task<void> {
    const auto here = std::this_thread::get_id();
    EXPECT_EQ(co_await run_in_threadpool([] { return run_on_loop([] { return std::this_thread::get_id(); }); }), here);
    int seen = 0;
    co_await run_in_threadpool([&] { run_on_loop([&] { seen = 1; }); });
    EXPECT_EQ(seen, 1);
  }());
}

TEST(from_thread, F02_post_to_loop_does_not_wait) {
  run([]() -> task<void> {
    event progress;
    int steps = 0;
    co_await gather(run_in_threadpool([&] {
                      for (int i = 0; i < 3; ++i)
                        post_to_loop([&] {
                          if (++steps == 3) progress.set();
                        });
                    }),
                    [](event& e) -> task<void> { co_await e.wait(); }(progress));
    EXPECT_EQ(steps, 3);
  }());
}

TEST(from_thread, F03_an_error_reaches_the_function_and_through_it_the_caller) {
  run([]() -> task<void> {
    std::atomic<bool> seen{false};
    EXPECT_THROW(co_await run_in_threadpool([&] {
                   try {
                     run_on_loop([]() -> task<int> {
                       co_await yield_now();
                       throw std::out_of_range("there");
                     });
                   } catch (const std::out_of_range&) {
                     seen = true;
                     throw;
                   }
                 }),
                 std::out_of_range);
    EXPECT_TRUE(seen);
    EXPECT_THROW(co_await run_in_threadpool([] { run_on_loop([] { throw std::length_error("plain"); }); }),
                 std::length_error);
  }());
}

TEST(from_thread, F04_another_thread_has_no_loop_to_go_back_to) {
  std::thread([] {
    EXPECT_EQ(code_of([] { run_on_loop([] {}); }), errc::unavailable);
    EXPECT_EQ(code_of([] { post_to_loop([] {}); }), errc::unavailable);
    EXPECT_EQ(code_of([] { run_on_loop(loop_handle(), [] {}); }), errc::unavailable);
  }).join();
}

TEST(from_thread, F05_a_handle_of_a_loop_that_has_ended_says_so) {
  loop_handle handle;
  run([&]() -> task<void> {
    handle = loop_handle(loop::current());
    co_return;
  }());
  EXPECT_EQ(code_of([&] { run_on_loop(handle, [] {}); }), errc::unavailable);
  EXPECT_FALSE(post_to_loop(handle, [] {}));
}

TEST(from_thread, F06_another_thread_with_a_handle_gets_in) {
  run([]() -> task<void> {
    const auto here = std::this_thread::get_id();
    event done;
    std::thread::id seen;
    std::thread other([&, handle = loop_handle(loop::current())] {
      seen = run_on_loop(handle, []() -> task<std::thread::id> {
        co_await sleep_for(5ms);
        co_return std::this_thread::get_id();
      });
      post_to_loop(handle, [&] { done.set(); });
    });
    co_await done.wait();
    other.join();
    EXPECT_EQ(seen, here);
  }());
}

TEST(from_thread, F07_values_of_the_thread_are_seen_on_the_loop) {
  run(number.with(6, []() -> task<void> {
    co_await run_in_threadpool([] {
      EXPECT_EQ(run_on_loop([]() -> task<int> { co_return number.get(); }), 6);
      number.call_with(7, [] {
        EXPECT_EQ(run_on_loop([]() -> task<int> {
                    co_await yield_now();
                    co_return number.get();
                  }),
                  7);
        EXPECT_EQ(run_on_loop([] { return number.get(); }), 7);
      });
    });
  }()));
}

TEST(from_thread, F08_cancelling_the_caller_cancels_what_runs_on_the_loop) {
  run([]() -> task<void> {
    std::atomic<bool> told{false};
    EXPECT_FALSE((co_await move_on_after(500ms, run_in_threadpool([&] {
                                           try {
                                             run_on_loop([]() -> task<void> { co_await sleep_for(1h); });
                                           } catch (const cancelled&) {
                                             told = true;
                                             throw;
                                           }
                                         })))
                     .has_value());
    EXPECT_TRUE(told);
  }());
}

TEST(from_thread, F08_that_of_an_abandoned_function_goes_on) {
  run([]() -> task<void> {
    std::atomic<bool> completed{false};
    EXPECT_FALSE((co_await move_on_after(500ms, run_in_threadpool({.abandon = true},
                                                                  [&] {
                                                                    run_on_loop([]() -> task<void> {
                                                                      co_await sleep_for(1500ms);
                                                                    });
                                                                    completed = true;
                                                                  })))
                     .has_value());
    EXPECT_FALSE(completed);
    while (!completed) co_await sleep_for(1ms);
  }());
}

TEST(from_thread, F09_a_function_can_ask_whether_its_caller_was_cancelled) {
  run([]() -> task<void> {
    std::atomic<bool> after{false}, began{false};
    EXPECT_FALSE((co_await move_on_after(500ms, run_in_threadpool([&] {
                                           began = true;
                                           while (!this_job::is_cancelled()) std::this_thread::sleep_for(1ms);
                                           this_job::throw_if_cancelled();
                                           after = true;
                                         })))
                     .has_value());
    EXPECT_TRUE(began);
    EXPECT_FALSE(after);
  }());
}

TEST(from_thread, F10_an_abandoned_one_too) {
  run([]() -> task<void> {
    std::atomic<bool> told{false};
    EXPECT_FALSE((co_await move_on_after(500ms, run_in_threadpool({.abandon = true},
                                                                  [&] {
                                                                    try {
                                                                      for (;;) {
                                                                        this_job::throw_if_cancelled();
                                                                        std::this_thread::sleep_for(1ms);
                                                                      }
                                                                    } catch (const cancelled&) {
                                                                      told = true;
                                                                      throw;
                                                                    }
                                                                  })))
                     .has_value());
    while (!told) co_await sleep_for(1ms);
  }());
}

TEST(from_thread, F11_outside_of_such_a_function_asking_is_an_error) {
  EXPECT_FALSE(this_job::exists());
  EXPECT_EQ(code_of([] { (void)this_job::is_cancelled(); }), errc::unavailable);
  EXPECT_EQ(code_of([] { this_job::throw_if_cancelled(); }), errc::unavailable);
}

TEST(from_thread, calling_into_a_loop_from_its_own_thread_is_told_to_be_a_deadlock) {
  run([]() -> task<void> {
    EXPECT_EQ(code_of([] { run_on_loop(loop_handle(loop::current()), [] {}); }), errc::deadlock);
    co_return;
  }());
}

task<int> deep(thread_limiter& limit, int depth) {
  if (depth == 0) co_return 1;
  co_return co_await run_in_threadpool({.limiter = &limit}, [&limit, depth] {
    return 1 + run_on_loop([&limit, depth] { return deep(limit, depth - 1); });
  });
}

TEST(from_thread, nested_calls_under_one_full_limit_do_not_wait_for_each_other) {
  run([]() -> task<void> {
    thread_limiter four(4);
    std::vector<task<int>> works;
    for (int i = 0; i < 16; ++i) works.push_back(deep(four, 5));
    for (const int depth : co_await with_timeout(60s, gather(std::move(works)))) EXPECT_EQ(depth, 6);
  }());
}

TEST(from_thread, nested_calls_side_by_side_take_turns_in_the_place_that_was_lent) {
  run([]() -> task<void> {
    limiter one(1);
    std::atomic<int> running{0}, most{0}, done{0};
    co_await with_timeout(60s, run_in_threadpool({.limiter = &one}, [&] {
                            run_on_loop([&]() -> task<void> {
                              std::vector<task<void>> inner;
                              for (int i = 0; i < 8; ++i)
                                inner.push_back(run_in_threadpool({.limiter = &one}, [&] {
                                  const int now = ++running;
                                  int seen = most;
                                  while (seen < now && !most.compare_exchange_weak(seen, now)) {}
                                  std::this_thread::sleep_for(2ms);
                                  --running;
                                  ++done;
                                }));
                              co_await gather(std::move(inner));
                            });
                          }));
    EXPECT_EQ(done, 8);
    EXPECT_EQ(most, 1);
  }());
}

TEST(from_thread, the_main_task_waits_for_what_other_threads_have_started) {
  std::atomic<bool> told{false};
  std::thread other;
  std::promise<loop_handle> handed;
  other = std::thread([&, handle = handed.get_future()]() mutable {
    const loop_handle there = handle.get();
    try {
      run_on_loop(there, []() -> task<void> { co_await sleep_for(1h); });
    } catch (const cancelled&) {
      told = true;
    }
  });
  run([&]() -> task<void> {
    handed.set_value(loop_handle(loop::current()));
    while (loop::current().guests() == 0) co_await sleep_for(1ms);
  }());
  other.join();
  EXPECT_TRUE(told);
}

TEST(from_thread, many_threads_share_one_loop) {
  run([]() -> task<void> {
    std::atomic<int> sum{0};
    event done;
    std::vector<std::thread> others;
    std::atomic<int> left{8};
    const loop_handle here(loop::current());
    for (int t = 0; t < 8; ++t)
      others.emplace_back([&] {
        for (int i = 0; i < 200; ++i)
          sum += run_on_loop(here, []() -> task<int> {
            co_await yield_now();
            co_return 1;
          });
        if (--left == 0) post_to_loop(here, [&] { done.set(); });
      });
    co_await done.wait();
    for (auto& other : others) other.join();
    EXPECT_EQ(sum, 1600);
  }());
}

TEST(from_thread, results_may_be_move_only_or_references) {
  run([]() -> task<void> {
    int x = 3;
    co_await run_in_threadpool([&] {
      EXPECT_EQ(*run_on_loop([]() -> task<std::unique_ptr<int>> { co_return std::make_unique<int>(4); }), 4);
      int& same = run_on_loop([&]() -> int& { return x; });
      EXPECT_EQ(&same, &x);
    });
  }());
}

} // namespace
