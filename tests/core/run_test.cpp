#include "core/support.hpp"

#include <weir/core/event.hpp>
#include <weir/core/loop_handle.hpp>
#include <weir/core/mutex.hpp>
#include <weir/core/run.hpp>
#include <weir/core/shield.hpp>
#include <weir/core/task_group.hpp>
#include <weir/core/timeout.hpp>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/single_threaded.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <fstream>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

using namespace weir;
using namespace weir::testing;
using namespace std::chrono_literals;

namespace {

// The table of descriptors as proc(5) tells it: FDSize.
std::size_t room_for_descriptors() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("FDSize:")) return std::stoul(line.substr(7));
  return 0;
}

TEST(run, has_room_for_descriptors_before_there_is_a_second_thread) {
  if (!__libc_single_threaded) GTEST_SKIP() << "threads have run in this process before";
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  run([&]() -> task<void> {
    EXPECT_GE(room_for_descriptors(), std::min<rlim_t>(limit.rlim_cur, 2048));
    co_return;
  }());
}

TEST(run, a_signal_cancels_the_root) {
  bool cleaned = false;
  EXPECT_THROW(run([](bool& flag) -> task<void> {
                 struct on_exit {
                   bool& flag;
                   ~on_exit() { flag = true; }
                 } guard{flag};
                 std::thread([] {
                   std::this_thread::sleep_for(20ms);
                   ::kill(::getpid(), SIGTERM);
                 }).detach();
                 co_await sleep_for(10s);
               }(cleaned)),
               cancelled);
  EXPECT_TRUE(cleaned);
}

TEST(run, a_second_run_works_after_a_cancelled_one) {
  EXPECT_EQ(run([]() -> task<int> { co_return 1; }()), 1);
}

/// Collects reports, from any thread.
struct reports {
  void operator()(std::string_view text) {
    std::lock_guard lock(mutex_);
    text_ += text;
  }
  std::string text() {
    std::lock_guard lock(mutex_);
    return text_;
  }
  bool has(const std::string& part) { return text().find(part) != std::string::npos; }

 private:
  std::mutex mutex_;
  std::string text_;
};

task<void> until_reported(reports& said, std::string part) {
  for (int i = 0; i < 20'000 && !said.has(part); ++i) co_await sleep_for(1ms);
}

TEST(run, returns_the_value_and_rethrows_the_error) {
  EXPECT_EQ(run(after(0s, 3)), 3);
  EXPECT_EQ(failure_of_call([] { run(failing(0s)); }), "not_found: gone");
}

TEST(run, sigusr1_prints_the_tree_through_the_report) {
  reports said;
  on_loop(
      [&]() -> task<void> {
        co_await with_task_group([&](task_group& group) -> task<void> {
          group.spawn([]() -> task<void> { co_await until_cancelled(); }, "a waiting child");
          ::kill(::getpid(), SIGUSR1);
          co_await until_reported(said, "frames\n");
          group.cancel();
        });
      },
      {.report = std::ref(said)});
  EXPECT_TRUE(said.has("weir: tasks\n")) << said.text();
  EXPECT_TRUE(said.has("- a waiting child: waits for its cancellation")) << said.text();
  EXPECT_TRUE(said.has("loop: ")) << said.text();
}

TEST(run, sigusr1_is_left_to_a_handler_that_is_there) {
  static std::atomic<int> got;
  got = 0;
  struct sigaction mine{}, before{};
  mine.sa_handler = [](int) { ++got; };
  ::sigaction(SIGUSR1, &mine, &before);
  reports said;
  on_loop(
      []() -> task<void> {
        ::kill(::getpid(), SIGUSR1);
        for (int i = 0; i < 20'000 && got == 0; ++i) co_await sleep_for(1ms);
        co_await sleep_for(5ms);
      },
      {.report = std::ref(said)});
  ::sigaction(SIGUSR1, &before, nullptr);
  EXPECT_EQ(got, 1);
  EXPECT_EQ(said.text(), "");
}

TEST(run, signals_are_as_before_afterwards) {
  struct sigaction before{}, after_run{};
  ::sigaction(SIGTERM, nullptr, &before);
  run(after(0s, 1));
  ::sigaction(SIGTERM, nullptr, &after_run);
  EXPECT_EQ(before.sa_handler, after_run.sa_handler);
}

TEST(run, a_blocked_loop_is_reported_with_its_place) {
  reports said;
  on_loop(
      [&]() -> task<void> {
        co_await yield_now();
        std::this_thread::sleep_for(500ms);
        co_await until_reported(said, "turns again");
      },
      {.blocked_limit = 50ms, .report = std::ref(said)});
  EXPECT_TRUE(said.has("weir: the loop has not turned for")) << said.text();
  EXPECT_TRUE(said.has("run_test.cpp:")) << said.text();
  EXPECT_TRUE(said.has("run_in_threadpool")) << said.text();
}

TEST(run, a_loop_that_sleeps_is_not_blocked) {
  reports said;
  on_loop([]() -> task<void> { co_await sleep_for(500ms); }, {.blocked_limit = 100ms, .report = std::ref(said)});
  EXPECT_EQ(said.text(), "");
}

TEST(run, without_a_limit_a_blocked_loop_is_nobody_s_business) {
  reports said;
  on_loop(
      []() -> task<void> {
        std::this_thread::sleep_for(200ms);
        co_return;
      },
      {.blocked_limit = 0ms, .report = std::ref(said)});
  EXPECT_EQ(said.text(), "");
}

TEST(run, a_deadlock_is_reported_once_and_the_task_waits_on) {
  reports said;
  event never;
  int times = 0;
  on_loop([&]() -> task<void> { co_await never.wait(); }, {.report = [&](std::string_view text) {
            said(text);
            ++times;
            never.set(); // on the loop's thread: the way out of this test
          }});
  EXPECT_EQ(times, 1);
  EXPECT_TRUE(said.has("weir: deadlock?")) << said.text();
  EXPECT_TRUE(said.has("waits for event")) << said.text();
}

TEST(run, fails_a_deadlock_where_asked_to) {
  bool cleaned = false;
  const std::string end = failure_of_call([&] {
    on_loop(
        [&]() -> task<void> {
          struct on_exit {
            bool& flag;
            ~on_exit() { flag = true; }
          } guard{cleaned};
          mutex first("first"), second("second");
          co_await gather(
              [](mutex& a, mutex& b) -> task<void> {
                auto one = co_await a.lock();
                co_await yield_now();
                auto two = co_await b.lock();
              }(first, second),
              [](mutex& a, mutex& b) -> task<void> {
                auto one = co_await b.lock();
                co_await yield_now();
                auto two = co_await a.lock();
              }(first, second));
        },
        {.deadlock = on_deadlock::fail});
  });
  EXPECT_EQ(end.substr(0, 9), "deadlock:");
  EXPECT_NE(end.find("waits for mutex 'first'"), std::string::npos) << end;
  EXPECT_NE(end.find("waits for mutex 'second'"), std::string::npos) << end;
  EXPECT_TRUE(cleaned);
}

TEST(run, a_deadlock_can_be_ignored) {
  reports said;
  event never;
  std::thread other;
  on_loop(
      [&]() -> task<void> {
        other = std::thread([&, &here = loop::current()] {
          std::this_thread::sleep_for(1500ms);
          here.post([&] { never.set(); });
        });
        co_await never.wait();
      },
      {.deadlock = on_deadlock::ignore, .report = std::ref(said)});
  other.join();
  EXPECT_EQ(said.text(), "");
}

TEST(run, until_cancelled_is_not_a_deadlock) {
  reports said;
  EXPECT_THROW(on_loop(
                   [&]() -> task<void> {
                     std::thread([] {
                       std::this_thread::sleep_for(1500ms); // longer than the patience before a report
                       ::kill(::getpid(), SIGTERM);
                     }).detach();
                     co_await until_cancelled();
                   },
                   {.report = std::ref(said)}),
               cancelled);
  EXPECT_EQ(said.text(), "");
}

TEST(run, a_loop_handle_that_somebody_holds_is_not_a_deadlock) {
  event told;
  std::thread other;
  on_loop(
      [&]() -> task<void> {
        other = std::thread([&, here = loop_handle(loop::current())] {
          std::this_thread::sleep_for(200ms);
          here.post([&] { told.set(); });
        });
        co_await told.wait();
      },
      {.deadlock = on_deadlock::fail}); // fails at once, were it one
  other.join();
}

TEST(run, a_timer_is_not_a_deadlock) {
  on_loop([]() -> task<void> { co_await sleep_for(100ms); }, {.deadlock = on_deadlock::fail});
}

TEST(run, without_signals_leaves_them_alone) {
  struct sigaction before{}, inside{};
  ::sigaction(SIGINT, nullptr, &before);
  on_loop(
      [&]() -> task<void> {
        ::sigaction(SIGINT, nullptr, &inside);
        co_return;
      },
      {.handle_signals = false});
  EXPECT_EQ(before.sa_handler, inside.sa_handler);
}

TEST(run_death, a_second_signal_ends_the_process) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(on_loop([]() -> task<void> {
                ::kill(::getpid(), SIGINT);
                ::kill(::getpid(), SIGINT);
                co_await shield([]() -> task<void> { co_await sleep_for(60s); }());
              }),
              ::testing::ExitedWithCode(130), "");
}

TEST(run_death, after_the_grace_it_says_who_is_stuck_and_ends_the_process) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(on_loop(
                  []() -> task<void> {
                    ::kill(::getpid(), SIGTERM);
                    co_await with_task_group([](task_group& group) -> task<void> {
                      group.spawn([]() -> task<void> { co_await shield(after(60s, 0)); }, "stubborn");
                      co_return;
                    });
                  },
                  {.grace = 50ms}),
              ::testing::ExitedWithCode(130), "not stopped 50 ms after the signal(.|\n)*stubborn");
}

} // namespace
