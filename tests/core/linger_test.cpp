#include <weir/core/detail/linger.hpp>
#include <weir/core/run.hpp>
#include <weir/core/task.hpp>

#include <gtest/gtest.h>

#include <thread>

using namespace std::chrono_literals;
using namespace weir;
using detail::linger;

namespace {

bool never() { return false; }

/// Ready once `time` has passed; counts how often it was asked.
struct ready_after {
  clock::duration time;
  int asked = 0;
  clock::time_point begun = clock::now();

  bool operator()() {
    ++asked;
    return clock::now() - begun >= time;
  }
};

TEST(linger, of_zero_looks_once) {
  linger patience{.grown = 5};
  for (int i = 0; i < 10; ++i) {
    ready_after soon{1ms};
    EXPECT_FALSE(patience.poll(soon));
    EXPECT_EQ(soon.asked, 1);
    patience.slept(clock::now());
  }
  EXPECT_TRUE(patience.poll([] { return true; }));
}

TEST(linger, sees_what_comes_while_it_polls) {
  linger patience{.at_most = 10s};
  EXPECT_TRUE(patience.poll(ready_after{5ms}));
}

TEST(linger, ends_after_its_time) {
  linger patience{.at_most = 20ms};
  const auto begun = clock::now();
  EXPECT_FALSE(patience.poll(never));
  EXPECT_GE(clock::now() - begun, 20ms);
}

TEST(linger, is_left_out_for_longer_and_longer_where_it_is_in_vain) {
  linger patience{.at_most = 1us};
  const auto looks_once = [&] {
    int asked = 0;
    EXPECT_FALSE(patience.poll([&] { return ++asked < 0; }));
    return asked == 1;
  };
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(looks_once());
  int left_out = 0;
  for (; looks_once(); ++left_out) {}
  EXPECT_EQ(left_out, 8);
  int again = 0;
  for (; looks_once(); ++again) {}
  EXPECT_EQ(again, 2 * left_out);
  for (int i = 0; i < 100'000; ++i) looks_once();
  EXPECT_LE(patience.skip, 1024u); // and is tried again, however often it was in vain
  while (patience.skip > 0) looks_once();
  EXPECT_TRUE(patience.poll([i = 0]() mutable { return ++i == 2; }));
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(looks_once()); // what it was is forgiven
}

TEST(linger, grows_after_a_wait_that_was_short_although_it_slept) {
  linger patience{.at_most = 20ms, .grown = 50};
  EXPECT_FALSE(patience.poll(never));
  patience.slept(patience.began + 1999ms);
  EXPECT_TRUE(patience.poll(ready_after{100ms}));
  EXPECT_TRUE(patience.poll(ready_after{100ms})); // and stays so while it catches what comes
}

TEST(linger, shrinks_after_a_long_wait) {
  linger patience{.at_most = 20ms, .grown = 50};
  EXPECT_FALSE(patience.poll(never));
  patience.slept(patience.began + 100ms);
  EXPECT_TRUE(patience.is_grown);
  patience.slept(patience.began + 2000ms);
  EXPECT_FALSE(patience.poll(ready_after{10s}));
}

TEST(linger, shrinks_where_there_is_much_work_between_waits) {
  linger patience{.at_most = 20ms, .grown = 50};
  EXPECT_FALSE(patience.poll(never));
  patience.slept(patience.began + 100ms);
  patience.began -= 2000ms; // as if the work after it had taken that long
  EXPECT_FALSE(patience.poll(ready_after{10s}));
}

TEST(linger, learns_from_waits_in_which_it_was_left_out) {
  linger patience{.at_most = 1us, .grown = 50};
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(patience.poll(never));
  ASSERT_GT(patience.skip, 0u);
  std::this_thread::sleep_for(1ms); // since the last poll; the wait itself is short
  EXPECT_FALSE(patience.poll(never));
  patience.slept(patience.began + 99us);
  EXPECT_TRUE(patience.is_grown);
}

TEST(linger, does_not_grow_where_it_may_not) {
  linger patience{.at_most = 20ms};
  EXPECT_FALSE(patience.poll(never));
  patience.slept(patience.began + 21ms);
  EXPECT_FALSE(patience.poll(ready_after{10s}));
}

} // namespace
