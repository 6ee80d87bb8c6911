#include "core/support.hpp"

#include <weir/core/event.hpp>
#include <weir/core/loop.hpp>
#include <weir/core/loop_handle.hpp>
#include <weir/core/task_group.hpp>
#include <weir/core/timer.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

using namespace weir;
using namespace weir::testing;
using namespace std::chrono_literals;

namespace {

TEST(loop, post_reaches_it_from_another_thread) {
  run([]() -> task<void> {
    event done;
    loop& here = loop::current();
    int sum = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] {
        for (int i = 0; i < 1000; ++i)
          here.post([&] {
            if (++sum == 4000) done.set();
          });
      });
    co_await done.wait();
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(sum, 4000);
  }());
}

TEST(loop, post_from_its_own_thread_keeps_the_order) {
  on_loop([]() -> task<void> {
    std::vector<int> order;
    event done;
    for (int i = 0; i < 5; ++i)
      loop::current().post([&, i] {
        order.push_back(i);
        if (i == 4) done.set();
      });
    EXPECT_TRUE(order.empty()); // soon, not now
    co_await done.wait();
    EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
  });
}

TEST(loop, current_is_the_one_that_runs_here) {
  EXPECT_EQ(loop::current_or_null(), nullptr);
  on_loop([]() -> task<void> {
    loop* here = loop::current_or_null();
    EXPECT_EQ(here, &loop::current());
    loop* there = here;
    std::thread([&] { there = loop::current_or_null(); }).join();
    EXPECT_EQ(there, nullptr);
    co_await yield_now();
    EXPECT_EQ(&loop::current(), here);
  });
  EXPECT_EQ(loop::current_or_null(), nullptr);
}

TEST(loop_death, current_without_a_loop_aborts) { EXPECT_DEATH((void)loop::current(), "no loop runs on this thread"); }

TEST(loop, a_task_that_yields_for_ever_starves_neither_timers_nor_posts) {
  on_loop([]() -> task<void> {
    bool posted = false;
    std::thread other;
    co_await with_task_group([&](task_group& group) -> task<void> {
      group.spawn([]() -> task<void> {
        for (;;) co_await yield_now();
      });
      loop& here = loop::current();
      event told;
      other = std::thread([&] {
        here.post([&] {
          posted = true;
          told.set();
        });
      });
      co_await sleep_for(5ms);
      co_await told.wait();
      group.cancel();
    });
    other.join();
    EXPECT_TRUE(posted);
  });
}

TEST(loop, counts_what_it_does) {
  on_loop([]() -> task<void> {
    loop& here = loop::current();
    const auto before = here.counters();
    timer unused([] {});
    unused.arm(clock::now() + 1h);
    co_await sleep_for(1ms);
    const auto now = here.counters();
    EXPECT_GT(now.turns, before.turns);
    EXPECT_EQ(now.turns, here.turns());
    EXPECT_GT(now.resumed, before.resumed);
    EXPECT_EQ(now.timers_armed, before.timers_armed + 1);
    EXPECT_EQ(now.timers_fired, before.timers_fired + 1);
    EXPECT_EQ(now.outside, 0u);
    here.begin_outside();
    EXPECT_EQ(here.counters().outside, 1u);
    here.end_outside();
  });
}

TEST(loop, local_objects_are_made_once_per_loop_and_die_with_it) {
  struct counted {
    explicit counted(int& n) : alive(n) { ++alive; }
    ~counted() { --alive; }
    int& alive;
  };
  int alive = 0;
  on_loop([&]() -> task<void> {
    const auto make = [&] { return std::make_shared<counted>(alive); };
    auto& first = loop::current().local<counted>(make);
    EXPECT_EQ(&first, &loop::current().local<counted>(make));
    EXPECT_EQ(alive, 1);
    co_return;
  });
  EXPECT_EQ(alive, 0);
}

TEST(loop, sleeping_it_is_not_woken) {
  on_loop([]() -> task<void> {
    const auto before = loop::current().turns();
    co_await sleep_for(100ms);
    EXPECT_LT(loop::current().turns() - before, 10u);
  });
}

TEST(loop, manual_time_jumps_from_timer_to_timer) {
  on_manual_time([]() -> task<void> {
    const auto real = clock::now();
    const auto begin = loop::current().now();
    co_await sleep_for(24h);
    EXPECT_GE(loop::current().now() - begin, 24h);
    EXPECT_LT(clock::now() - real, 60s);
  });
}

TEST(loop, each_thread_may_have_one) {
  std::vector<std::thread> threads;
  std::vector<int> values(4);
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&values, i] { values[static_cast<std::size_t>(i)] = run(after(1ms, i)); });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(values, (std::vector<int>{0, 1, 2, 3}));
}

} // namespace
