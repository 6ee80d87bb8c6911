#include <weir/core/gather.hpp>
#include <weir/core/race.hpp>
#include <weir/core/run.hpp>
#include <weir/core/sleep.hpp>
#include <weir/core/timeout.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>

using namespace std::chrono_literals;
using namespace weir;

namespace {

task<int> after(std::chrono::milliseconds delay, int value) {
  co_await sleep_for(delay);
  co_return value;
}

task<int> failing(std::chrono::milliseconds delay) {
  co_await sleep_for(delay);
  throw error(errc::not_found, "gone");
}

task<int> noting_cancellation(bool& seen) {
  try {
    co_await sleep_for(10s);
  } catch (const cancelled&) {
    seen = true;
    throw;
  }
  co_return 0;
}

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
  run(gather(after(100ms, 1), after(100ms, 2), after(100ms, 3)));
  EXPECT_LT(clock::now() - begin, 250ms);
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
  bool seen = false;
  try {
    run(gather(failing(10ms), noting_cancellation(seen)));
    FAIL() << "no error";
  } catch (const error& e) {
    EXPECT_EQ(e.code(), errc::not_found);
  }
  EXPECT_TRUE(seen);
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
  bool seen = false;
  EXPECT_THROW(run(with_timeout(20ms, gather(noting_cancellation(seen), after(5s, 1)))), error);
  EXPECT_TRUE(seen);
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

TEST(race, gives_the_first_and_cancels_the_rest) {
  bool seen = false;
  const auto winner = run(race(noting_cancellation(seen), after(10ms, 5)));
  ASSERT_EQ(winner.index(), 1u);
  EXPECT_EQ(std::get<1>(winner), 5);
  EXPECT_TRUE(seen);
}

TEST(race, the_first_error_wins_too) { EXPECT_THROW(run(race(failing(1ms), after(5s, 1))), error); }

TEST(task, moves_values_that_cannot_be_copied_and_references) {
  const auto made = run([]() -> task<std::unique_ptr<int>> { co_return std::make_unique<int>(3); }());
  EXPECT_EQ(*made, 3);
  int x = 1;
  int& same = run([](int& r) -> task<int&> { co_return r; }(x));
  EXPECT_EQ(&same, &x);
}

TEST(task, a_million_awaits_in_a_loop_need_no_stack) {
  const auto sum = run([]() -> task<long> {
    long total = 0;
    for (int i = 0; i < 1'000'000; ++i) total += co_await [](int n) -> task<int> { co_return n & 1; }(i);
    co_return total;
  }());
  EXPECT_EQ(sum, 500'000);
}

TEST(task, that_never_runs_frees_its_frame) {
  auto alive = std::make_shared<int>(1);
  {
    auto unused = [](std::shared_ptr<int> held) -> task<void> {
      (void)held;
      co_return;
    }(alive);
    EXPECT_EQ(alive.use_count(), 2);
  }
  EXPECT_EQ(alive.use_count(), 1);
}

} // namespace
