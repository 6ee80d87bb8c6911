#include "core/support.hpp"

#include <weir/core/timer.hpp>

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <random>
#include <vector>

using namespace weir;
using namespace weir::testing;
using namespace std::chrono_literals;

namespace {

TEST(timer, fires_in_order_and_can_be_cancelled) {
  run([]() -> task<void> {
    std::vector<int> fired;
    timer late([&] { fired.push_back(3); }), early([&] { fired.push_back(1); }), never([&] { fired.push_back(9); }),
        moved([&] { fired.push_back(2); });
    const auto now = clock::now();
    late.arm(now + 30ms);
    early.arm(now + 10ms);
    never.arm(now + 15ms);
    moved.arm(now + 500s);
    moved.arm(now + 20ms);
    never.cancel();
    co_await sleep_until(now + 60ms);
    EXPECT_EQ(fired, (std::vector<int>{1, 2, 3}));
  }());
}

TEST(timer, ten_thousand_at_random_fire_in_order) {
  run([]() -> task<void> {
    std::mt19937 random(1);
    clock::time_point last{};
    int count = 0;
    std::vector<std::unique_ptr<timer>> timers;
    const auto now = clock::now();
    for (int i = 0; i < 10'000; ++i) {
      const auto due = now + std::chrono::microseconds(random() % 50'000);
      timers.push_back(std::make_unique<timer>([&, due] {
        EXPECT_GE(due, last);
        last = due;
        ++count;
      }));
      timers.back()->arm(due);
    }
    int removed = 0;
    for (int i = 0; i < 10'000; i += 3) {
      if (timers[i]->armed()) ++removed;
      timers[i].reset();
    }
    co_await sleep_until(now + 80ms);
    EXPECT_EQ(count + removed, 10'000);
  }());
}

TEST(timer, a_time_that_has_passed_fires_in_the_next_turn) {
  on_loop([]() -> task<void> {
    int fired = 0;
    timer late([&] { ++fired; });
    late.arm(clock::now() - 1h);
    EXPECT_TRUE(late.armed());
    EXPECT_EQ(fired, 0);
    co_await sleep_for(1ms);
    EXPECT_EQ(fired, 1);
    EXPECT_FALSE(late.armed());
  });
}

TEST(timer, may_arm_and_destroy_itself_in_its_function) {
  on_loop([]() -> task<void> {
    int fired = 0;
    std::unique_ptr<timer> again;
    again = std::make_unique<timer>([&] {
      if (++fired < 3)
        again->arm(clock::now());
      else
        again.reset();
    });
    again->arm(clock::now());
    while (again) co_await sleep_for(1ms);
    EXPECT_EQ(fired, 3);
  });
}

TEST(timer, one_that_rearms_for_the_past_does_not_hold_the_loop) {
  on_loop([]() -> task<void> {
    int fired = 0;
    std::unique_ptr<timer> greedy;
    greedy = std::make_unique<timer>([&] {
      ++fired;
      greedy->arm(clock::time_point());
    });
    greedy->arm(clock::time_point());
    for (int i = 0; i < 10; ++i) co_await yield_now();
    co_await sleep_for(1ms);
    EXPECT_GT(fired, 0);
  });
}

TEST(timer, cancel_without_arming_is_harmless) {
  on_loop([]() -> task<void> {
    timer unused([] { ADD_FAILURE() << "fired"; });
    unused.cancel();
    unused.arm(clock::now() + 1ms);
    unused.cancel();
    unused.cancel();
    EXPECT_FALSE(unused.armed());
    co_await sleep_for(5ms);
  });
}

TEST(timer, dies_disarmed) {
  on_loop([]() -> task<void> {
    {
      timer gone([] { ADD_FAILURE() << "fired"; });
      gone.arm(clock::now() + 1ms);
    }
    co_await sleep_for(5ms);
  });
}

TEST(timer, many_cost_no_more_each) {
  expect_linear([](std::size_t size) {
    on_loop_unwatched([&]() -> task<void> {
      std::mt19937 random(5);
      std::deque<timer> timers;
      const auto now = clock::now();
      for (std::size_t i = 0; i < size; ++i)
        timers.emplace_back([] {}).arm(now + 1h + std::chrono::microseconds(random() % 1'000'000));
      for (auto& one : timers) one.arm(now + 2h + std::chrono::microseconds(random() % 1'000'000));
      for (auto& one : timers) one.cancel();
      co_return;
    });
  });
}

} // namespace
