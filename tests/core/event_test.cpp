#include "core/support.hpp"

#include <weir/core/event.hpp>
#include <weir/core/stop.hpp>
#include <weir/core/task_group.hpp>

#include <gtest/gtest.h>

#include <vector>

using namespace weir;
using namespace weir::testing;
using namespace std::chrono_literals;

namespace {

TEST(event, wakes_everybody_and_stays_set) {
  run([]() -> task<void> {
    event ready;
    int woken = 0;
    co_await with_task_group([&](task_group& group) -> task<void> {
      for (int i = 0; i < 5; ++i)
        group.spawn([&]() -> task<void> {
          co_await ready.wait();
          ++woken;
        });
      co_await sleep_for(5ms);
      EXPECT_EQ(woken, 0);
      ready.set();
    });
    EXPECT_EQ(woken, 5);
    co_await ready.wait();
  }());
}

TEST(event, wakes_in_order_of_arrival) {
  on_loop([]() -> task<void> {
    event ready;
    std::vector<int> order;
    co_await with_task_group([&](task_group& group) -> task<void> {
      for (int i = 0; i < 5; ++i)
        group.spawn([&, i]() -> task<void> {
          co_await ready.wait();
          order.push_back(i);
        });
      ready.set();
      co_return;
    });
    EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
  });
}

TEST(event, set_twice_and_reset) {
  on_loop([]() -> task<void> {
    event ready;
    EXPECT_FALSE(ready.is_set());
    ready.set();
    ready.set();
    EXPECT_TRUE(ready.is_set());
    ready.reset();
    EXPECT_FALSE(ready.is_set());
    co_await with_task_group([&](task_group& group) -> task<void> {
      auto waits = group.spawn([&]() -> task<void> { co_await ready.wait(); });
      co_await yield_now();
      EXPECT_FALSE(waits.done());
      ready.set();
    });
  });
}

TEST(event, who_was_woken_goes_on_though_it_is_reset_at_once) {
  on_loop([]() -> task<void> {
    event ready;
    bool woken = false;
    co_await with_task_group([&](task_group& group) -> task<void> {
      group.spawn([&]() -> task<void> {
        co_await ready.wait();
        woken = true;
      });
      ready.set();
      ready.reset();
      co_return;
    });
    EXPECT_TRUE(woken);
  });
}

TEST(event, a_cancelled_waiter_leaves_the_others) {
  on_loop([]() -> task<void> {
    event ready;
    co_await with_task_group([&](task_group& group) -> task<void> {
      auto first = group.spawn([&]() -> task<void> { co_await ready.wait(); });
      auto second = group.spawn([&]() -> task<void> { co_await ready.wait(); });
      first.cancel();
      co_await first.join();
      EXPECT_EQ(first.status(), task_status::cancelled);
      EXPECT_FALSE(second.done());
      ready.set();
      co_await second.join();
      EXPECT_EQ(second.status(), task_status::finished);
    });
  });
}

TEST(event, that_is_set_still_honours_a_cancellation) {
  on_loop([]() -> task<void> {
    event ready;
    ready.set();
    co_await with_task_group([&](task_group& group) -> task<void> {
      group.cancel();
      co_await ready.wait();
      ADD_FAILURE() << "waited in a cancelled scope";
    });
  });
}

} // namespace
