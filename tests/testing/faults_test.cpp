#include <weir/core/channel.hpp>
#include <weir/core/event.hpp>
#include <weir/core/limiter.hpp>
#include <weir/core/run.hpp>
#include <weir/core/task_group.hpp>
#include <weir/testing/faults.hpp>
#include <weir/testing/run_test.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <stdexcept>

namespace {

using weir::testing::fault_injection;

/// The order in which tasks go on that one event has made ready.
std::vector<int> order_of(std::uint64_t seed, weir::testing::fault_options options = {}) {
  std::vector<int> order;
  weir::run([&]() -> weir::task<void> {
    fault_injection faults(seed, options);
    weir::event go;
    co_await weir::with_task_group([&](weir::task_group& group) -> weir::task<void> {
      for (int i = 0; i < 8; ++i)
        group.spawn([&, i]() -> weir::task<void> {
          co_await go.wait();
          order.push_back(i);
        });
      go.set();
      co_return;
    });
  }());
  return order;
}

std::vector<int> in_order(int count) {
  std::vector<int> numbers(static_cast<std::size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

TEST(faults, the_order_follows_from_the_seed) {
  std::set<std::vector<int>> orders;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    const auto order = order_of(seed);
    EXPECT_EQ(order_of(seed), order) << "seed " << seed;
    auto sorted = order;
    std::sort(sorted.begin(), sorted.end());
    EXPECT_EQ(sorted, in_order(8)) << "lost or doubled with seed " << seed;
    orders.insert(order);
  }
  EXPECT_GT(orders.size(), 30u);
}

TEST(faults, without_faults_the_order_is_the_usual_one) {
  EXPECT_EQ(order_of(3, {.reorder_percent = 0, .delay_percent = 0, .cancel_percent = 0}), in_order(8));
}

TEST(faults, posted_functions_stay_in_order_and_come_late) {
  std::uint64_t delayed = 0;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    std::vector<int> order;
    weir::run([&]() -> weir::task<void> {
      fault_injection faults(seed, {.delay_percent = 50});
      weir::event all;
      for (int i = 0; i < 20; ++i)
        weir::loop::current().post([&, i] {
          order.push_back(i);
          if (i == 19) all.set();
        });
      co_await all.wait();
      delayed += faults.delayed();
    }());
    EXPECT_EQ(order, in_order(20)) << "seed " << seed;
  }
  EXPECT_GT(delayed, 50u);
}

TEST(faults, a_limiter_still_grants_in_order) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    std::vector<int> order;
    weir::run([&]() -> weir::task<void> {
      fault_injection faults(seed);
      weir::limiter one(1);
      co_await weir::with_task_group([&](weir::task_group& group) -> weir::task<void> {
        for (int i = 0; i < 10; ++i)
          group.spawn([&, i]() -> weir::task<void> {
            auto held = co_await one.acquire();
            order.push_back(i);
            co_await weir::yield_now();
          });
        co_return;
      });
    }());
    EXPECT_EQ(order, in_order(10)) << "seed " << seed;
  }
}

weir::task<void> wait_for_ever(int& cancelled) {
  weir::event never;
  try {
    co_await never.wait();
  } catch (const weir::cancelled&) {
    ++cancelled;
    throw;
  }
}

weir::task<void> turn_over(int times) {
  for (int i = 0; i < times; ++i) co_await weir::yield_now();
}

TEST(faults, cancels_what_it_may_and_nothing_else) {
  int cancelled = 0;
  weir::run([&]() -> weir::task<void> {
    fault_injection faults(1, {.cancel_percent = 50});
    co_await weir::with_task_group([&](weir::task_group& group) -> weir::task<void> {
      auto spared = group.spawn(wait_for_ever(cancelled));
      for (int i = 0; i < 5; ++i) faults.may_cancel(group.spawn(wait_for_ever(cancelled)));
      co_await turn_over(200);
      EXPECT_EQ(cancelled, 5);
      EXPECT_EQ(faults.cancelled(), 5u);
      EXPECT_FALSE(spared.done());
      co_await weir::with_task_group([&](weir::task_group& inner) -> weir::task<void> {
        auto target = faults.may_cancel(inner);
        inner.spawn(wait_for_ever(cancelled));
        co_await turn_over(2000);
        ADD_FAILURE() << "not cancelled";
      });
      EXPECT_EQ(cancelled, 6);
      int calls = 0;
      {
        auto dropped = faults.may_cancel([&] { ++calls; });
      }
      co_await turn_over(200);
      EXPECT_EQ(calls, 0) << "its target was gone";
      auto kept = faults.may_cancel([&] { ++calls; });
      co_await turn_over(200);
      EXPECT_EQ(calls, 1);
      spared.cancel();
    });
  }());
  EXPECT_EQ(cancelled, 7);
}

TEST(faults, the_usual_order_is_back_at_its_end) {
  weir::run([]() -> weir::task<void> {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      {
        fault_injection faults(seed);
        co_await turn_over(10);
      }
      std::vector<int> order;
      weir::event go;
      co_await weir::with_task_group([&](weir::task_group& group) -> weir::task<void> {
        for (int i = 0; i < 8; ++i)
          group.spawn([&, i]() -> weir::task<void> {
            co_await go.wait();
            order.push_back(i);
          });
        go.set();
        co_return;
      });
      EXPECT_EQ(order, in_order(8));
    }
  }());
}

TEST(faults, tells_its_seed_when_an_exception_ends_it) {
  ::testing::internal::CaptureStderr();
  try {
    weir::run([]() -> weir::task<void> {
      fault_injection faults(4711);
      co_await weir::yield_now();
      throw std::runtime_error("a model that does not hold");
    }());
  } catch (const std::runtime_error&) {}
  EXPECT_NE(::testing::internal::GetCapturedStderr().find("the seed was 4711"), std::string::npos);
}

TEST(faults, finds_a_bug_that_the_usual_order_hides) {
  // Takes it for granted that the first task to wait is the first to go on.
  const auto body = [](weir::testing::test_context&) -> weir::task<void> {
    weir::event go;
    int last = -1;
    co_await weir::with_task_group([&](weir::task_group& group) -> weir::task<void> {
      for (int i = 0; i < 3; ++i)
        group.spawn([&, i]() -> weir::task<void> {
          co_await go.wait();
          if (last != i - 1) throw std::runtime_error("out of order");
          last = i;
        });
      go.set();
      co_return;
    });
  };
  EXPECT_TRUE(weir::testing::run_test(body).empty());
  bool found = false;
  for (std::uint64_t seed = 1; seed <= 20 && !found; ++seed) {
    ::testing::internal::CaptureStderr();
    found = !weir::testing::run_test(body, {.seed = &seed}).empty();
    ::testing::internal::GetCapturedStderr();
  }
  EXPECT_TRUE(found);
}

} // namespace
