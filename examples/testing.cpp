// Tests that are tasks: an hour of waiting in no time, a leak that fails its test, faults from a seed.
#include <weir/core/error.hpp>
#include <weir/core/limiter.hpp>
#include <weir/core/sleep.hpp>
#include <weir/core/task_group.hpp>
#include <weir/core/timeout.hpp>
#include <weir/testing/task_test.hpp>

using namespace std::chrono_literals;

namespace {

weir::task<int> answer() {
  co_await weir::sleep_for(1ms);
  co_return 42;
}

// [test]
WEIR_TASK_TEST(answers, come) { WEIR_ASSERT_EQ(co_await answer(), 42) << "the answer has changed"; }
// [end]

// [clock]
WEIR_TASK_TEST_MANUAL_CLOCK(patience, ends_after_an_hour) {
  const auto began = context.clock->now();
  try {
    co_await weir::with_timeout(1h, weir::task<void>([]() -> weir::task<void> { co_await weir::sleep_for(24h); }()));
    WEIR_FAIL() << "it waited for ever";
  } catch (const weir::error& e) {
    EXPECT_EQ(e.code(), weir::errc::timeout);
  }
  EXPECT_EQ(context.clock->now() - began, 1h);
}
// [end]

// [faults]
WEIR_FAULT_TEST(permits, come_back, 200) {
  weir::limiter two(2);
  co_await weir::with_task_group([&](weir::task_group& group) -> weir::task<void> {
    for (int i = 0; i < 10; ++i)
      context.faults->may_cancel(group.spawn([&]() -> weir::task<void> {
        auto mine = co_await two.acquire();
        EXPECT_LE(two.in_use(), 2u);
        co_await weir::sleep_for(1s);
      }));
    co_return;
  });
  EXPECT_EQ(two.in_use(), 0u);
}
// [end]

} // namespace
