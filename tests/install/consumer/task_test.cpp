#include <weir/core/sleep.hpp>
#include <weir/testing/task_test.hpp>

WEIR_TASK_TEST_MANUAL_CLOCK(consumer, waits_for_a_day) {
  co_await weir::sleep_for(std::chrono::hours(24));
  WEIR_ASSERT_TRUE(context.clock);
}
