#include "core/support.hpp"

#include <weir/core/embedded_loop.hpp>
#include <weir/core/event.hpp>
#include <weir/core/loop_handle.hpp>
#include <weir/core/stop.hpp>
#include <weir/core/timer.hpp>

#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>

using namespace weir;
using namespace weir::testing;
using namespace std::chrono_literals;

namespace {

/// What a host does: watches the descriptor, and calls in when it is readable. Returns how often it called in.
int serve(embedded_loop& guest, clock::duration at_most = 20s) {
  const auto until = clock::now() + at_most;
  pollfd watched{guest.descriptor(), POLLIN, 0};
  int calls = 0;
  while (!guest.is_idle() && clock::now() < until) {
    if (::poll(&watched, 1, 1000) <= 0) continue;
    ++calls;
    guest.run_ready();
  }
  EXPECT_TRUE(guest.is_idle());
  return calls;
}

TEST(embedded_loop, runs_tasks_in_a_plain_poll_loop) {
  embedded_loop guest;
  EXPECT_TRUE(guest.is_idle());
  int sum = 0;
  guest.spawn([&]() -> task<void> {
    sum += 1;
    co_await yield_now();
    sum += 2;
  });
  EXPECT_EQ(sum, 1); // up to its first wait
  EXPECT_FALSE(guest.is_idle());
  serve(guest);
  EXPECT_EQ(sum, 3);
}

TEST(embedded_loop, sleeps_without_being_called) {
  embedded_loop guest;
  const auto begin = clock::now();
  guest.spawn([]() -> task<void> {
    co_await sleep_for(50ms);
    co_await sleep_for(50ms);
  });
  EXPECT_LT(serve(guest), 10);
  EXPECT_GE(clock::now() - begin, 100ms);
}

TEST(embedded_loop, runs_timers) {
  embedded_loop guest;
  bool fired = false;
  event done;
  timer alarm([&] {
    fired = true;
    done.set();
  });
  alarm.arm(clock::now() + 20ms);
  guest.spawn([&]() -> task<void> { co_await done.wait(); });
  serve(guest);
  EXPECT_TRUE(fired);
}

TEST(embedded_loop, is_woken_by_a_thread_through_a_loop_handle) {
  embedded_loop guest;
  event told;
  std::thread::id where;
  guest.spawn([&]() -> task<void> { co_await told.wait(); });
  std::thread other([&, here = loop_handle(guest.the_loop())] {
    std::this_thread::sleep_for(20ms);
    here.post([&] {
      where = std::this_thread::get_id();
      told.set();
    });
  });
  serve(guest);
  other.join();
  EXPECT_EQ(where, std::this_thread::get_id());
}

TEST(embedded_loop, rethrows_the_first_error_when_the_others_have_ended) {
  embedded_loop guest;
  int seen = 0;
  guest.spawn(noting_cancellation_void(seen));
  guest.spawn([]() -> task<void> {
    co_await sleep_for(5ms);
    throw std::runtime_error("broken");
  });
  EXPECT_EQ(failure_of_call([&] { serve(guest); }), "broken");
  EXPECT_EQ(seen, 1);
  EXPECT_TRUE(guest.is_idle());
  bool again = false;
  guest.spawn([&]() -> task<void> { // a clean sheet
    co_await yield_now();
    again = true;
  });
  serve(guest);
  EXPECT_TRUE(again);
}

TEST(embedded_loop, cancel_ends_all_and_is_no_error) {
  embedded_loop guest;
  int seen = 0;
  for (int i = 0; i < 3; ++i) guest.spawn(noting_cancellation_void(seen), "waits");
  guest.cancel();
  serve(guest);
  EXPECT_EQ(seen, 3);
  guest.cancel(); // with nobody there
}

TEST(embedded_loop, a_handle_cancels_one_task) {
  embedded_loop guest;
  int seen = 0;
  auto one = guest.spawn(noting_cancellation_void(seen), "one");
  EXPECT_EQ(one.name(), "one");
  one.cancel();
  serve(guest);
  EXPECT_EQ(one.status(), task_status::cancelled);
}

TEST(embedded_loop, a_turn_is_bounded) {
  embedded_loop guest;
  int rounds = 0;
  guest.spawn([&]() -> task<void> {
    for (; rounds < 100'000; ++rounds) co_await yield_now();
  });
  guest.run_ready();
  EXPECT_LT(rounds, 10'000);
  pollfd watched{guest.descriptor(), POLLIN, 0};
  EXPECT_EQ(::poll(&watched, 1, 0), 1); // there is more
  guest.cancel();
  serve(guest);
}

TEST(embedded_loop, leaves_a_host_alone_that_has_nothing_to_do) {
  embedded_loop guest;
  guest.run_ready();
  pollfd watched{guest.descriptor(), POLLIN, 0};
  EXPECT_EQ(::poll(&watched, 1, 20), 0);
  guest.spawn([]() -> task<void> { co_await until_cancelled(); });
  guest.run_ready();
  EXPECT_EQ(::poll(&watched, 1, 20), 0);
  guest.cancel();
  serve(guest);
}

TEST(embedded_loop_death, destroyed_while_tasks_live_it_aborts_with_their_tree) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        embedded_loop guest;
        guest.spawn([]() -> task<void> { co_await until_cancelled(); }, "left over");
      },
      "died before its children(.|\n)*left over");
}

} // namespace
