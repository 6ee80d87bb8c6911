// What callers of a thread pool have come to rely on, one test per rule. T1 to T16 name the same rules in anyio's suite
// for threads; docs/compatibility.md says where ours differ.
#include "offload/threads_kit.hpp"

#include <weir/core/context.hpp>
#include <weir/core/embedded_loop.hpp>
#include <weir/core/error.hpp>
#include <weir/core/event.hpp>
#include <weir/core/loop_handle.hpp>
#include <weir/core/run.hpp>
#include <weir/core/sleep.hpp>
#include <weir/core/stop.hpp>
#include <weir/core/task_group.hpp>
#include <weir/core/timeout.hpp>
#include <weir/offload/cpus.hpp>
#include <weir/offload/from_thread.hpp>
#include <weir/offload/threadpool.hpp>

#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <ctime>
#include <memory>
#include <set>
#include <stdexcept>
#include <thread>

using namespace std::chrono_literals;
using namespace weir;
using weir::tests::becomes_true;
using weir::tests::pool_threads;

namespace {

const context_value<int> number(0);

TEST(thread_rules, T01_nothing_runs_in_a_scope_that_is_cancelled_already) {
  std::atomic<bool> ran{false};
  bool after = false;
  run([&]() -> task<void> {
    co_await with_task_group([&](task_group& group) -> task<void> {
      group.cancel();
      group.spawn([&]() -> task<void> {
        co_await run_in_threadpool([&] { ran = true; });
        after = true;
      });
      co_return;
    });
  }());
  EXPECT_FALSE(ran);
  EXPECT_FALSE(after);
}

TEST(thread_rules, T02_the_exception_arrives_with_type_and_text) {
  run([]() -> task<void> {
    try {
      co_await run_in_threadpool([] { throw std::invalid_argument("foo"); });
      ADD_FAILURE() << "no exception";
    } catch (const std::invalid_argument& e) {
      EXPECT_STREQ(e.what(), "foo");
    }
  }());
}

template <class Limiter>
task<void> three_of_four(Limiter& three) {
  std::atomic<int> running{0}, most{0}, done{0};
  std::atomic<bool> go{false};
  co_await with_task_group([&](task_group& group) -> task<void> {
    for (int i = 0; i < 4; ++i)
      group.spawn(run_in_threadpool({.limiter = &three}, [&] {
        const int now = ++running;
        int seen = most;
        while (seen < now && !most.compare_exchange_weak(seen, now)) {}
        while (!go) std::this_thread::sleep_for(1ms);
        --running;
        ++done;
      }));
    while (running < 3) co_await sleep_for(1ms);
    co_await sleep_for(20ms);
    EXPECT_EQ(running, 3);
    EXPECT_EQ(three.in_use(), 3u);
    EXPECT_EQ(three.waiting(), 1u);
    go = true;
  });
  EXPECT_EQ(done, 4);
  EXPECT_EQ(most, 3);
  EXPECT_EQ(three.in_use(), 0u);
}

TEST(thread_rules, T03_a_limiter_of_three_runs_three_of_four) {
  thread_limiter three(3);
  run(three_of_four(three));
}

TEST(thread_rules, T03_a_plain_limiter_of_three_runs_three_of_four) {
  limiter three(3);
  run(three_of_four(three));
}

TEST(thread_rules, T03_the_default_cap_is_40_and_can_be_changed) {
  run([]() -> task<void> {
    EXPECT_EQ(default_thread_limiter().capacity(), 40u);
    default_thread_limiter().set_capacity(3);
    co_await three_of_four(default_thread_limiter());
  }());
  run([]() -> task<void> {
    EXPECT_EQ(default_thread_limiter().capacity(), 40u); // each loop has its own
    co_return;
  }());
}

TEST(thread_rules, T03_a_raised_capacity_starts_who_waits) {
  run([]() -> task<void> {
    thread_limiter none(0);
    std::atomic<int> done{0};
    co_await with_task_group([&](task_group& group) -> task<void> {
      for (int i = 0; i < 3; ++i) group.spawn(run_in_threadpool({.limiter = &none}, [&] { ++done; }));
      co_await sleep_for(30ms);
      EXPECT_EQ(done, 0);
      EXPECT_EQ(none.waiting(), 3u);
      none.set_capacity(2);
    });
    EXPECT_EQ(done, 3);
  }());
}

TEST(thread_rules, T04_a_cancelled_caller_waits_for_the_function) {
  run([]() -> task<void> {
    std::atomic<bool> ended{false};
    const bool in_time = (co_await move_on_after(500ms,
                                                 [](std::atomic<bool>& flag) -> task<void> {
                                                   co_await run_in_threadpool([&] {
                                                     std::this_thread::sleep_for(1500ms);
                                                     flag = true;
                                                   });
                                                   co_await yield_now(); // the cancellation shows at the next wait
                                                 }(ended)))
                             .has_value();
    EXPECT_FALSE(in_time);
    EXPECT_TRUE(ended);
  }());
}

TEST(thread_rules, T04_a_value_that_was_made_in_spite_of_the_cancellation_is_not_lost) {
  run([]() -> task<void> {
    EXPECT_EQ(co_await move_on_after(500ms, run_in_threadpool([] {
                                       std::this_thread::sleep_for(800ms);
                                       return 7;
                                     })),
              7);
  }());
}

TEST(thread_rules, T05_an_abandoning_caller_goes_first) {
  run([]() -> task<void> {
    std::atomic<bool> ended{false};
    EXPECT_FALSE((co_await move_on_after(500ms, run_in_threadpool({.abandon = true},
                                                                  [&] {
                                                                    std::this_thread::sleep_for(1500ms);
                                                                    ended = true;
                                                                  })))
                     .has_value());
    EXPECT_FALSE(ended);
    while (!ended) co_await sleep_for(5ms);
  }());
}

TEST(thread_rules, T06_an_abandoned_function_that_blocks_ends_when_it_can) {
  static std::atomic<bool> go, ended;
  go = ended = false;
  EXPECT_FALSE(run(move_on_after(500ms, run_in_threadpool({.abandon = true},
                                                          [] {
                                                            go.wait(false);
                                                            ended = true;
                                                          })))
                   .has_value());
  EXPECT_FALSE(ended);
  go = true;
  go.notify_all();
  EXPECT_TRUE(becomes_true([] { return ended.load(); }));
  EXPECT_TRUE(becomes_true([] { return pool_threads() == 0; }));
}

TEST(thread_rules, T07_the_function_sees_the_callers_values) {
  run([]() -> task<void> {
    const auto read = [] { return number.get(); };
    EXPECT_EQ(co_await number.with(6, run_in_threadpool(read)), 6);
    EXPECT_EQ(co_await number.with(6, run_in_threadpool({.abandon = true}, read)), 6);
    EXPECT_EQ(co_await run_in_threadpool(read), 0);
  }());
}

TEST(thread_rules, T08_what_the_function_sets_stays_with_it) {
  run(number.with(6, []() -> task<void> {
    EXPECT_EQ(co_await run_in_threadpool([] { return number.call_with(7, [] { return number.get(); }); }), 7);
    EXPECT_EQ(number.get(), 6);
    EXPECT_EQ(co_await run_in_threadpool([] { return number.get(); }), 6);
  }()));
}

TEST(thread_rules, T09_one_after_another_they_run_on_one_thread_which_ends_with_the_loop) {
  ASSERT_TRUE(becomes_true([] { return pool_threads() == 0; }));
  run([]() -> task<void> {
    std::set<std::thread::id> seen;
    for (int i = 0; i < 5; ++i) seen.insert(co_await run_in_threadpool([] { return std::this_thread::get_id(); }));
    EXPECT_EQ(seen.size(), 1u);
    EXPECT_FALSE(seen.contains(std::this_thread::get_id()));
    EXPECT_EQ(pool_threads(), 1u);
  }());
  EXPECT_TRUE(becomes_true([] { return pool_threads() == 0; }));
}

TEST(thread_rules, T10_a_loop_that_a_host_drives_by_hand_works_too) {
  int sum = 0;
  {
    embedded_loop guest;
    for (int i = 1; i <= 3; ++i)
      guest.spawn([&sum, i]() -> task<void> { sum += co_await run_in_threadpool([i] { return i; }); });
    pollfd watched{guest.descriptor(), POLLIN, 0};
    while (!guest.is_idle()) {
      ASSERT_EQ(::poll(&watched, 1, 20'000), 1);
      guest.run_ready();
    }
  }
  EXPECT_EQ(sum, 6);
  EXPECT_TRUE(becomes_true([] { return pool_threads() == 0; }));
}

TEST(thread_rules, T11_loop_after_loop_leaves_no_thread) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(run(run_in_threadpool([i] { return i; })), i);
  EXPECT_TRUE(becomes_true([] { return pool_threads() == 0; }));
}

TEST(thread_rules, T12_a_function_handed_over_while_threads_are_told_to_stop_is_done) {
  std::vector<std::thread> programs;
  std::atomic<int> done{0};
  for (int p = 0; p < 3; ++p)
    programs.emplace_back([&] {
      for (int i = 0; i < 300; ++i) done += run(run_in_threadpool([] { return 1; }), {.handle_signals = false});
    });
  for (auto& program : programs) program.join();
  EXPECT_EQ(done, 900);
}

TEST(thread_rules, T13_a_cancellation_that_nobody_asked_for_is_an_error) {
  run([]() -> task<void> {
    try {
      co_await run_in_threadpool([] { throw cancelled{}; });
      ADD_FAILURE() << "no error";
    } catch (const error& e) {
      EXPECT_EQ(e.code(), errc::internal);
    }
  }());
}

TEST(thread_rules, T14_nothing_of_a_function_is_kept) {
  run([]() -> task<void> {
    auto captured = std::make_shared<int>(1);
    auto argument = std::make_shared<int>(2);
    const std::weak_ptr<int> first = captured, second = argument;
    const context_value<std::shared_ptr<int>> following;
    auto value = std::make_shared<int>(3);
    const std::weak_ptr<int> third = value;
    std::weak_ptr<int> fourth;
    co_await following.with(std::move(value), [&]() -> task<void> {
      auto result = co_await run_in_threadpool(
          [c = std::move(captured)](std::shared_ptr<int> a) { return std::make_shared<int>(*c + *a); },
          std::move(argument));
      EXPECT_TRUE(first.expired());
      EXPECT_TRUE(second.expired());
      EXPECT_EQ(*result, 3);
      fourth = result;
    }());
    EXPECT_TRUE(third.expired());
    EXPECT_TRUE(fourth.expired());
    EXPECT_THROW(co_await run_in_threadpool([held = std::make_shared<int>(4)] { throw std::out_of_range("x"); }),
                 std::out_of_range);
  }());
}

TEST(thread_rules, T15_a_loop_that_used_the_pool_goes_whole) {
  loop_handle handle;
  run([&]() -> task<void> {
    handle = loop_handle(loop::current());
    co_await run_in_threadpool([] {});
  }());
  EXPECT_FALSE(handle.post([] { ADD_FAILURE() << "ran in a dead loop"; }));
}

TEST(thread_rules, T16_cancelling_a_task_that_waits_for_an_abandonable_function_ends_it) {
  run([]() -> task<void> {
    std::atomic<bool> go{false}, ended{false};
    co_await with_task_group([&](task_group& group) -> task<void> {
      task_handle waiting = group.spawn(run_in_threadpool({.abandon = true}, [&] {
        while (!go) std::this_thread::sleep_for(1ms);
        ended = true;
      }));
      co_await sleep_for(20ms);
      waiting.cancel();
      co_await waiting.join();
      EXPECT_EQ(waiting.status(), task_status::cancelled);
      EXPECT_FALSE(ended);
    });
    go = true;
    while (!ended) co_await sleep_for(1ms);
  }());
}

TEST(thread_rules, one_kind_of_work_cannot_starve_another) {
  run([]() -> task<void> {
    std::atomic<bool> go{false};
    thread_limiter slow(40, "slow"), quick(2, "quick");
    co_await with_task_group([&](task_group& group) -> task<void> {
      for (int i = 0; i < 200; ++i)
        group.spawn(run_in_threadpool({.limiter = &slow}, [&] {
          while (!go) std::this_thread::sleep_for(1ms);
        }));
      while (slow.in_use() < 40) co_await sleep_for(1ms);
      for (int i = 0; i < 20; ++i)
        EXPECT_EQ(co_await with_timeout(20s, run_in_threadpool({.limiter = &quick}, [i] { return i; })), i);
      EXPECT_EQ(co_await with_timeout(20s, run_in_threadpool({.limiter = &cleanup_thread_limiter()}, [] { return 1; })),
                1);
      go = true;
    });
  }());
}

TEST(thread_rules, those_who_wait_are_served_in_order) {
  run([]() -> task<void> {
    thread_limiter one(1);
    std::vector<int> order; // one at a time, each after the one before
    std::vector<task<void>> works;
    for (int i = 0; i < 500; ++i)
      works.push_back(run_in_threadpool({.limiter = &one}, [&order, i] { order.push_back(i); }));
    co_await gather(std::move(works));
    EXPECT_EQ(order.size(), 500u);
    EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  }());
}

TEST(thread_rules, forty_that_block_get_forty_threads) {
  run([]() -> task<void> {
    std::atomic<int> inside{0};
    std::atomic<bool> go{false};
    co_await with_task_group([&](task_group& group) -> task<void> {
      for (int i = 0; i < 40; ++i)
        group.spawn(run_in_threadpool([&] {
          ++inside;
          while (!go) std::this_thread::sleep_for(1ms);
        }));
      while (inside < 40) co_await sleep_for(1ms);
      go = true;
    });
  }());
}

TEST(thread_rules, cancelled_before_its_turn_it_leaves_the_queue_to_the_others) {
  run([]() -> task<void> {
    thread_limiter one(1);
    std::atomic<bool> go{false}, ran{false}, last{false};
    co_await with_task_group([&](task_group& group) -> task<void> {
      group.spawn(run_in_threadpool({.limiter = &one}, [&] {
        while (!go) std::this_thread::sleep_for(1ms);
      }));
      while (one.in_use() == 0) co_await sleep_for(1ms);
      task_handle second = group.spawn(run_in_threadpool({.limiter = &one}, [&] { ran = true; }));
      group.spawn(run_in_threadpool({.limiter = &one}, [&] { last = true; }));
      co_await sleep_for(10ms);
      EXPECT_EQ(one.waiting(), 2u);
      second.cancel();
      co_await second.join();
      EXPECT_EQ(one.waiting(), 1u);
      go = true;
    });
    EXPECT_FALSE(ran);
    EXPECT_TRUE(last);
  }());
}

TEST(thread_rules, without_lingering_everything_works_as_well) {
  const auto before = thread_linger();
  for (const auto linger : {0us, 50us}) {
    set_thread_linger(linger);
    EXPECT_EQ(thread_linger(), linger);
    run([]() -> task<void> {
      int sum = 0;
      for (int i = 0; i < 2000; ++i) sum += co_await run_in_threadpool([i] { return i; });
      EXPECT_EQ(sum, 1999 * 1000);
    }());
  }
  set_thread_linger(before);
}

double cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

TEST(thread_rules, nobody_polls_in_an_idle_program) {
  run([]() -> task<void> {
    for (int i = 0; i < 2000; ++i) co_await run_in_threadpool([] {}); // both sides have found polling worth while
    EXPECT_GT(threadpool_counters().threads, 0u);
    const double before = cpu_seconds();
    co_await sleep_for(1s);
    EXPECT_LT(cpu_seconds() - before, 0.1);
  }());
}

TEST(thread_rules, nobody_polls_for_long_for_a_function_that_takes_long) {
  run([]() -> task<void> {
    for (int i = 0; i < 2000; ++i) co_await run_in_threadpool([] {});
    const double before = cpu_seconds();
    co_await run_in_threadpool([] { std::this_thread::sleep_for(1s); });
    EXPECT_LT(cpu_seconds() - before, 0.1);
    for (int i = 0; i < 500; ++i) co_await run_in_threadpool([] { std::this_thread::sleep_for(2ms); });
    EXPECT_LT(cpu_seconds() - before, 0.5); // of two seconds
  }());
}

TEST(thread_rules, a_few_threads_take_turns_where_nobody_polls) {
  if (available_cpus() < 2) GTEST_SKIP() << "one processor";
  const auto before = thread_linger();
  set_thread_linger(0us);
  ASSERT_TRUE(becomes_true([] { return pool_threads() == 0; }));
  run([]() -> task<void> {
    std::set<std::thread::id> seen;
    for (int i = 0; i < 100 && seen.size() < 4; ++i)
      for (int n = 0; n < 64; ++n) {
        seen.insert(co_await run_in_threadpool([] { return std::this_thread::get_id(); }));
        co_await sleep_for(100us); // the thread has gone to sleep again
      }
    EXPECT_EQ(seen.size(), 4u);
    EXPECT_EQ(pool_threads(), 4u);
  }());
  set_thread_linger(before);
}

TEST(thread_rules, idle_threads_end_by_themselves) {
  ASSERT_TRUE(becomes_true([] { return pool_threads() == 0; }));
  run([]() -> task<void> {
    co_await run_in_threadpool([] {});
    EXPECT_EQ(pool_threads(), 1u);
    for (int i = 0; i < 300 && pool_threads() > 0; ++i) co_await sleep_for(100ms); // no call follows
    EXPECT_EQ(pool_threads(), 0u);
  }());
}

struct greeting_options {
  std::string greeting = "Hello";
  char end = '.';
};
std::string greet(std::string name, const greeting_options& options) {
  return options.greeting + ", " + name + options.end;
}

TEST(thread_rules, keyword_arguments_are_an_aggregate_of_options) {
  run([]() -> task<void> {
    EXPECT_EQ(co_await run_in_threadpool(greet, "Alice", greeting_options{.greeting = "Hi"}), "Hi, Alice.");
    EXPECT_EQ(co_await run_in_threadpool(greet, "Alice", greeting_options{}), "Hello, Alice.");
  }());
}

TEST(thread_rules, a_reference_can_be_the_result) {
  run([]() -> task<void> {
    int x = 1;
    int& same = co_await run_in_threadpool([&x]() -> int& { return x; });
    EXPECT_EQ(&same, &x);
  }());
}

} // namespace
