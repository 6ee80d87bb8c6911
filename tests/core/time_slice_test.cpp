#include <weir/core/detail/time_slice.hpp>
#include <weir/core/run.hpp>

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <thread>

using namespace weir;
using namespace weir::detail;
using namespace std::chrono_literals;

namespace {

/// Kernels before 6.12 say 0.
bool kernel_has_slices() { return time_slice() > 0ns; }

TEST(time_slice, is_what_was_asked_for_and_nothing_else_changes) {
  if (!kernel_has_slices()) GTEST_SKIP() << "this kernel has no time slices";
  std::thread([] {
    const auto usual = time_slice();
    ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), 3);
    set_time_slice(3ms);
    EXPECT_EQ(time_slice(), 3ms);
    EXPECT_EQ(::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid())), 3);
    std::thread([] { EXPECT_EQ(time_slice(), 3ms) << "inherited"; }).join();
    set_time_slice(usual_slice);
    EXPECT_EQ(time_slice(), usual);
  }).join();
}

TEST(time_slice, leaves_threads_of_another_kind_alone) {
  std::thread([] {
    const sched_param none{};
    ASSERT_EQ(::sched_setscheduler(0, SCHED_IDLE, &none), 0);
    set_time_slice(3ms);
    EXPECT_EQ(::sched_getscheduler(0), SCHED_IDLE);
    EXPECT_EQ(time_slice(), 0ns);
  }).join();
}

TEST(time_slice, the_programs_loop_asks_for_the_shortest_while_it_runs) {
  if (!kernel_has_slices()) GTEST_SKIP() << "this kernel has no time slices";
  set_time_slice(5ms);
  run([]() -> task<void> {
    EXPECT_EQ(time_slice(), loop_slice);
    co_return;
  }());
  EXPECT_EQ(time_slice(), 5ms) << "put back";
  run(
      []() -> task<void> {
        EXPECT_EQ(time_slice(), 5ms);
        co_return;
      }(),
      {.handle_signals = false});
  set_time_slice(usual_slice);
}

} // namespace
