#include "core/support.hpp"

#include <weir/core/gather.hpp>
#include <weir/core/sleep.hpp>
#include <weir/core/task_group.hpp>
#include <weir/core/timeout.hpp>

#include <gtest/gtest.h>

#include <vector>

using namespace weir;
using namespace weir::testing;
using namespace std::chrono_literals;

namespace {

TEST(sleep, waits_as_long_as_asked) {
  on_loop([]() -> task<void> {
    const auto begin = clock::now();
    co_await sleep_for(20ms);
    EXPECT_GE(clock::now() - begin, 20ms);
    co_await sleep_until(begin + 40ms);
    EXPECT_GE(clock::now() - begin, 40ms);
  });
}

TEST(sleep, of_no_time_lets_others_run) {
  on_loop([]() -> task<void> {
    bool ran = false;
    co_await with_task_group([&](task_group& group) -> task<void> {
      group.spawn([&]() -> task<void> {
        co_await yield_now();
        ran = true;
      });
      co_await sleep_for(0s);
      EXPECT_TRUE(ran);
      co_await sleep_for(-5s);
      co_await sleep_until(clock::time_point());
    });
  });
}

TEST(sleep, ends_in_the_order_of_time) {
  on_manual_time([]() -> task<void> {
    std::vector<int> order;
    const auto work = [](std::vector<int>& out, int n) -> task<void> {
      co_await sleep_for(std::chrono::seconds(n));
      out.push_back(n);
    };
    co_await gather(work(order, 3), work(order, 1), work(order, 2));
    EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
  });
}

TEST(sleep, for_ever_is_not_the_past) {
  on_manual_time([]() -> task<void> {
    EXPECT_NE(
        co_await failure_of(with_timeout(1s, []() -> task<void> { co_await sleep_for(clock::duration::max()); }())),
        "nothing");
    EXPECT_NE(
        co_await failure_of(with_timeout(1s, []() -> task<void> { co_await sleep_until(clock::time_point::max()); }())),
        "nothing");
  });
}

TEST(sleep, is_cancelled_at_once_and_leaves_no_timer) {
  on_loop([]() -> task<void> {
    const auto armed = loop::current().counters().timers_armed;
    co_await with_task_group([&](task_group& group) -> task<void> {
      for (int i = 0; i < 10; ++i) group.spawn([]() -> task<void> { co_await sleep_for(1h); });
      EXPECT_EQ(loop::current().counters().timers_armed, armed + 10);
      group.cancel();
      EXPECT_EQ(loop::current().counters().timers_armed, armed);
      co_return;
    });
  });
}

TEST(sleep, in_a_cancelled_scope_arms_nothing) {
  on_loop([]() -> task<void> {
    const auto armed = loop::current().counters().timers_armed;
    co_await with_task_group([&](task_group& group) -> task<void> {
      group.cancel();
      try {
        co_await sleep_for(1h);
        ADD_FAILURE() << "slept in a cancelled scope";
      } catch (const cancelled&) {}
      EXPECT_EQ(loop::current().counters().timers_armed, armed);
    });
  });
}

TEST(until_cancelled, waits_until_then) {
  on_manual_time([]() -> task<void> {
    int seen = 0;
    EXPECT_NE(co_await failure_of(with_timeout(100h, noting_cancellation(seen))), "nothing");
    EXPECT_EQ(seen, 1);
  });
}

TEST(sleep, many_cost_no_more_each) {
  expect_linear([](std::size_t size) {
    on_loop_unwatched([&]() -> task<void> {
      co_await with_task_group([&](task_group& group) -> task<void> {
        for (std::size_t i = 0; i < size; ++i)
          group.spawn([](std::size_t n) -> task<void> { co_await sleep_for(std::chrono::nanoseconds(n)); }(i));
        co_return;
      });
    });
  });
}

} // namespace
