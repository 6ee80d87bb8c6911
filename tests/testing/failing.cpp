// Tests that fail, each in its own way: task_test_test.cpp runs them one by one and reads what they say.
#include <weir/core/error.hpp>
#include <weir/core/event.hpp>
#include <weir/core/sleep.hpp>
#include <weir/core/task_group.hpp>
#include <weir/testing/task_test.hpp>

#include <fcntl.h>
#include <pthread.h>

#include <atomic>
#include <cstdio>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace {

// Not inlined: the compiler may keep the frame of a coroutine that it sees through in the frame of the caller.
[[gnu::noinline]] weir::task<int> one() { co_return 1; }

weir::task<int> checked_half(int number) {
  WEIR_ASSERT_EQ(number % 2, 0) << "halving " << number;
  co_return number / 2;
}

WEIR_TASK_TEST(failing, throws) {
  co_await weir::yield_now();
  throw weir::error(weir::errc::not_found, "no such thing");
}

WEIR_TASK_TEST(failing, throws_twice) {
  co_await weir::with_task_group([](weir::task_group& group) -> weir::task<void> {
    group.spawn([]() -> weir::task<void> {
      co_await weir::yield_now();
      throw weir::error(weir::errc::not_found, "the first");
    });
    group.spawn([]() -> weir::task<void> {
      co_await weir::yield_now();
      throw weir::error(weir::errc::corrupt, "the second");
    });
    co_return;
  });
}

WEIR_TASK_TEST(failing, is_stuck) {
  weir::event never;
  co_await never.wait();
}

WEIR_TASK_TEST(failing, leaks_a_task) {
  static std::vector<weir::task<int>> kept;
  kept.push_back(one());
  co_return;
}

WEIR_TASK_TEST(failing, leaks_a_descriptor) {
  EXPECT_GE(::open("/dev/zero", O_RDONLY | O_CLOEXEC), 0);
  co_return;
}

WEIR_TASK_TEST(failing, leaks_a_thread) {
  std::atomic<bool> named = false;
  std::thread([&] {
    ::pthread_setname_np(::pthread_self(), "forgotten");
    named = true;
    std::this_thread::sleep_for(24h);
  }).detach();
  while (!named) co_await weir::sleep_for(1ms);
}

WEIR_TASK_TEST(failing, asserts_in_depth) {
  WEIR_ASSERT_EQ(co_await checked_half(4), 2);
  co_await checked_half(7);
  std::puts("it went on");
}

WEIR_TASK_TEST(failing, asserts_a_condition) {
  WEIR_ASSERT_TRUE(1 + 1 == 2);
  WEIR_ASSERT_FALSE(2 < 3) << "of course";
  std::puts("it went on");
  co_return;
}

WEIR_TASK_TEST(failing, says_so) {
  WEIR_FAIL() << "for a reason";
  std::puts("it went on");
  co_return;
}

WEIR_TASK_TEST(failing, expects) {
  EXPECT_EQ(co_await one(), 2);
  std::puts("it went on");
}

WEIR_TASK_TEST(failing, is_skipped) {
  WEIR_SKIP() << "not here";
  std::puts("it went on");
  co_return;
}

WEIR_FAULT_TEST(failing, under_faults, 50) {
  weir::event go;
  int last = -1;
  co_await weir::with_task_group([&](weir::task_group& group) -> weir::task<void> {
    for (int i = 0; i < 3; ++i)
      group.spawn([&, i]() -> weir::task<void> {
        co_await go.wait();
        EXPECT_EQ(last, i - 1) << "first come, first to go on?";
        last = i;
      });
    go.set();
    co_return;
  });
}

} // namespace
