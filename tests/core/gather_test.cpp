#include "core/support.hpp"

#include <weir/core/gather.hpp>
#include <weir/core/other_errors.hpp>
#include <weir/core/task_group.hpp>
#include <weir/core/timeout.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

using namespace weir;
using namespace weir::testing;
using namespace std::chrono_literals;

namespace {

TEST(gather, gives_a_typed_tuple_in_order) {
  const auto [a, b, c] = run([]() -> task<std::tuple<int, std::monostate, std::string>> {
    co_return co_await gather(
        after(20ms, 1), []() -> task<void> { co_await yield_now(); }(),
        []() -> task<std::string> { co_return "three"; }());
  }());
  EXPECT_EQ(a, 1);
  EXPECT_EQ(b, std::monostate{});
  EXPECT_EQ(c, "three");
}

TEST(gather, runs_side_by_side) {
  const auto begin = clock::now();
  run(gather(after(500ms, 1), after(500ms, 2), after(500ms, 3)));
  EXPECT_LT(clock::now() - begin, 1400ms);
}

TEST(gather, of_a_range_keeps_the_order_and_the_limit) {
  static int running, most;
  running = most = 0;
  const auto work = [](int i) -> task<int> {
    most = std::max(most, ++running);
    co_await sleep_for(std::chrono::milliseconds((20 - i) % 5));
    --running;
    co_return i;
  };
  std::vector<task<int>> works;
  for (int i = 0; i < 20; ++i) works.push_back(work(i));
  const auto values = run(gather(std::move(works), 3));
  ASSERT_EQ(values.size(), 20u);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(values[i], i);
  EXPECT_EQ(most, 3);
}

TEST(gather, of_many_that_end_at_once_does_not_recurse) {
  std::vector<task<int>> works;
  for (int i = 0; i < 100'000; ++i) works.push_back([](int n) -> task<int> { co_return n; }(i));
  const auto values = run(gather(std::move(works), 2));
  EXPECT_EQ(values.back(), 99'999);
}

TEST(gather, of_nothing_is_empty) {
  EXPECT_TRUE(run(gather(std::vector<task<int>>())).empty());
  run(gather(std::vector<task<void>>()));
}

TEST(gather, first_error_cancels_the_others_and_waits_for_them) {
  int seen = 0;
  try {
    run(gather(failing(10ms), noting_cancellation(seen)));
    FAIL() << "no error";
  } catch (const error& e) {
    EXPECT_EQ(e.code(), errc::not_found);
  }
  EXPECT_EQ(seen, 1);
}

TEST(gather, first_error_stops_what_has_not_started) {
  static int started;
  started = 0;
  std::vector<task<void>> works;
  for (int i = 0; i < 10; ++i)
    works.push_back([]() -> task<void> {
      ++started;
      co_await sleep_for(1ms);
      throw error(errc::corrupt, "bad");
    }());
  EXPECT_THROW(run(gather(std::move(works), 2)), error);
  EXPECT_EQ(started, 2);
}

TEST(gather, is_cancelled_with_its_caller) {
  int seen = 0;
  EXPECT_THROW(run(with_timeout(20ms, gather(noting_cancellation(seen), after(5s, 1)))), error);
  EXPECT_EQ(seen, 1);
}

TEST(gather_results, keeps_every_outcome) {
  auto [good, bad] = run(gather_results(after(10ms, 7), failing(1ms)));
  EXPECT_EQ(good.value(), 7);
  EXPECT_FALSE(bad.has_value());
  EXPECT_THROW(bad.value(), error);

  std::vector<task<int>> works;
  works.push_back(failing(1ms));
  works.push_back(after(5ms, 2));
  const auto outcomes = run(gather_results(std::move(works)));
  EXPECT_FALSE(outcomes[0]);
  EXPECT_EQ(outcomes[1].value(), 2);
}

TEST(gather, keeps_the_other_errors) {
  on_loop([]() -> task<void> {
    const auto fails_when_cancelled = []() -> task<void> {
      try {
        co_await until_cancelled();
      } catch (const cancelled&) {}
      throw error(errc::corrupt, "on the way out");
    };
    std::string first;
    std::vector<std::exception_ptr> others;
    try {
      co_await gather(failing(1ms), fails_when_cancelled());
    } catch (const error& e) {
      first = e.what();
      others = other_errors();
    }
    EXPECT_EQ(first, "gone");
    EXPECT_EQ(others.size(), 1u);
    EXPECT_EQ(text_of(others.at(0)), "corrupt: on the way out");
  });
}

TEST(gather, in_a_cancelled_scope_starts_nothing_of_a_range) {
  on_loop([]() -> task<void> {
    int started = 0;
    co_await with_task_group([&](task_group& group) -> task<void> {
      group.cancel();
      std::vector<task<void>> works;
      for (int i = 0; i < 3; ++i)
        works.push_back([](int& n) -> task<void> {
          ++n;
          co_return;
        }(started));
      co_await gather(std::move(works));
      ADD_FAILURE() << "gathered in a cancelled scope";
    });
    EXPECT_EQ(started, 0);
  });
}

TEST(gather, of_tasks_that_fail_at_once_does_not_start_the_rest) {
  int started = 0;
  std::vector<task<int>> works;
  for (int i = 0; i < 5; ++i)
    works.push_back([](int& n) -> task<int> {
      ++n;
      throw error(errc::corrupt, "bad");
      co_return 0;
    }(started));
  EXPECT_THROW(run(gather(std::move(works))), error);
  EXPECT_EQ(started, 1);
}

TEST(gather, values_that_cannot_be_copied) {
  std::vector<task<std::unique_ptr<int>>> works;
  for (int i = 0; i < 3; ++i)
    works.push_back([](int n) -> task<std::unique_ptr<int>> { co_return std::make_unique<int>(n); }(i));
  const auto values = run(gather(std::move(works)));
  EXPECT_EQ(*values.at(2), 2);
}

TEST(gather_results, of_a_cancelled_caller_says_cancelled) {
  on_loop([]() -> task<void> {
    std::vector<bool> were_cancelled;
    co_await with_task_group([&](task_group& group) -> task<void> {
      group.cancel();
      std::vector<task<int>> works;
      for (int i = 0; i < 2; ++i) works.push_back(after(1s, i));
      for (const auto& outcome : co_await gather_results(std::move(works)))
        were_cancelled.push_back(outcome.is_cancelled());
    });
    EXPECT_EQ(were_cancelled, (std::vector<bool>{true, true}));
  });
}

TEST(gather, many_cost_no_more_each) {
  expect_linear([](std::size_t size) {
    on_loop_unwatched([&]() -> task<void> {
      std::vector<task<int>> works;
      works.reserve(size);
      for (std::size_t i = 0; i < size; ++i)
        works.push_back([](int n) -> task<int> {
          co_await yield_now();
          co_return n;
        }(static_cast<int>(i)));
      co_await gather(std::move(works), 64);
    });
  });
}

TEST(gather, cancelling_many_costs_no_more_each) {
  expect_linear([](std::size_t size) {
    on_loop_unwatched([&]() -> task<void> {
      std::vector<task<void>> works;
      works.reserve(size + 1);
      for (std::size_t i = 0; i < size; ++i) works.push_back([]() -> task<void> { co_await until_cancelled(); }());
      works.push_back([]() -> task<void> {
        co_await yield_now();
        throw error(errc::corrupt, "stop");
      }());
      EXPECT_EQ(co_await failure_of(gather(std::move(works))), "corrupt: stop");
    });
  });
}

} // namespace
