#include <weir/core/error.hpp>
#include <weir/core/event.hpp>
#include <weir/core/run.hpp>
#include <weir/core/sleep.hpp>
#include <weir/core/task_group.hpp>
#include <weir/core/timeout.hpp>
#include <weir/offload/threadpool.hpp>
#include <weir/testing/manual_clock.hpp>

#include <gtest/gtest.h>

#include <thread>

using namespace std::chrono_literals;

namespace {

using weir::testing::manual_clock;

TEST(manual_clock, an_hour_takes_no_time) {
  const auto began = std::chrono::steady_clock::now();
  weir::run([]() -> weir::task<void> {
    manual_clock clock;
    const auto before = clock.now();
    co_await weir::sleep_for(1h);
    EXPECT_EQ(clock.now() - before, 1h);
    EXPECT_EQ(weir::loop::current().now(), clock.now());
  }());
  EXPECT_LT(std::chrono::steady_clock::now() - began, 30s);
}

TEST(manual_clock, time_limits_go_by_it) {
  weir::run([]() -> weir::task<void> {
    manual_clock clock;
    const auto before = clock.now();
    bool late = false;
    try {
      co_await weir::with_timeout(10min,
                                  weir::task<void>([]() -> weir::task<void> { co_await weir::sleep_for(1h); }()));
    } catch (const weir::error& e) {
      late = e.code() == weir::errc::timeout;
    }
    EXPECT_TRUE(late);
    EXPECT_EQ(clock.now() - before, 10min);
  }());
}

TEST(manual_clock, advance_runs_what_is_due_on_the_way_at_its_own_time) {
  weir::run([]() -> weir::task<void> {
    manual_clock clock;
    clock.set_auto_advance(false);
    const auto before = clock.now();
    std::vector<std::chrono::seconds> ticks;
    co_await weir::with_task_group([&](weir::task_group& group) -> weir::task<void> {
      auto ticking = group.spawn([&]() -> weir::task<void> {
        for (;;) {
          co_await weir::sleep_for(2s);
          ticks.push_back(std::chrono::duration_cast<std::chrono::seconds>(clock.now() - before));
        }
      });
      EXPECT_TRUE(ticks.empty());
      co_await clock.advance(6s);
      EXPECT_EQ(ticks, (std::vector<std::chrono::seconds>{2s, 4s, 6s}));
      co_await clock.advance(1s);
      EXPECT_EQ(ticks.size(), 3u);
      EXPECT_EQ(clock.now() - before, 7s);
      ticking.cancel();
    });
  }());
}

TEST(manual_clock, stands_still_without_auto_advance) {
  try {
    weir::run(
        []() -> weir::task<void> {
          manual_clock clock;
          clock.set_auto_advance(false);
          co_await weir::sleep_for(1ms);
          ADD_FAILURE() << "the clock moved by itself";
        }(),
        {.deadlock = weir::on_deadlock::fail});
    ADD_FAILURE() << "no deadlock";
  } catch (const weir::error& e) {
    EXPECT_EQ(e.code(), weir::errc::deadlock);
  }
}

TEST(manual_clock, waits_for_functions_on_threads_before_it_jumps) {
  weir::run([]() -> weir::task<void> {
    manual_clock clock;
    const auto before = clock.now();
    const int value = co_await weir::with_timeout(1h, weir::run_in_threadpool([] {
                                                    std::this_thread::sleep_for(20ms);
                                                    return 7;
                                                  }));
    EXPECT_EQ(value, 7);
    EXPECT_EQ(clock.now() - before, 0s);
  }());
}

TEST(manual_clock, jump_fires_timers_while_a_thread_is_busy) {
  weir::run([]() -> weir::task<void> {
    manual_clock clock;
    bool late = false;
    co_await weir::with_task_group([&](weir::task_group& group) -> weir::task<void> {
      group.spawn([&]() -> weir::task<void> {
        try {
          co_await weir::with_timeout(1h, weir::run_in_threadpool([](std::stop_token stop) {
                                        while (!stop.stop_requested()) std::this_thread::sleep_for(1ms);
                                        throw weir::cancelled{};
                                      }));
        } catch (const weir::error& e) {
          late = e.code() == weir::errc::timeout;
        }
      });
      co_await weir::yield_now();
      clock.jump(2h);
    });
    EXPECT_TRUE(late);
  }());
}

TEST(manual_clock, the_real_time_is_back_at_its_end) {
  weir::run([]() -> weir::task<void> {
    {
      manual_clock clock;
      co_await weir::sleep_for(24h);
    }
    EXPECT_LT(weir::loop::current().now() - std::chrono::steady_clock::now(), 1h);
    const auto began = std::chrono::steady_clock::now();
    co_await weir::sleep_for(20ms);
    EXPECT_GE(std::chrono::steady_clock::now() - began, 20ms);
  }());
}

} // namespace
