#include "core/support.hpp"

#include <weir/core/event.hpp>
#include <weir/core/loop_handle.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

using namespace weir;
using namespace weir::testing;
using namespace std::chrono_literals;

namespace {

TEST(loop_handle, of_nothing_takes_nothing) {
  loop_handle none;
  EXPECT_FALSE(none);
  EXPECT_FALSE(none.post([] { ADD_FAILURE() << "ran"; }));
  EXPECT_EQ(none, loop_handle());
}

TEST(loop_handle, posts_from_another_thread_in_order) {
  on_loop([]() -> task<void> {
    std::vector<int> got;
    event done;
    std::thread other([&, here = loop_handle(loop::current())] {
      for (int i = 0; i < 1000; ++i)
        EXPECT_TRUE(here.post([&, i] {
          got.push_back(i);
          if (i == 999) done.set();
        }));
    });
    co_await done.wait();
    other.join();
    EXPECT_TRUE(std::is_sorted(got.begin(), got.end()));
    EXPECT_EQ(got.size(), 1000u);
  });
}

TEST(loop_handle, outlives_its_loop_and_drops_what_comes_late) {
  loop_handle kept;
  on_loop([&]() -> task<void> {
    kept = loop_handle(loop::current());
    EXPECT_TRUE(kept);
    co_return;
  });
  auto alive = std::make_shared<int>(1);
  EXPECT_FALSE(kept.post([alive] { ADD_FAILURE() << "ran"; }));
  EXPECT_EQ(alive.use_count(), 1);
}

TEST(loop_handle, threads_that_post_while_the_loop_dies_are_told_the_truth) {
  for (int round = 0; round < 50; ++round) {
    std::atomic<int> taken{0}, ran{0};
    std::vector<std::thread> threads;
    on_loop_unwatched([&]() -> task<void> {
      for (int i = 0; i < 2; ++i)
        threads.emplace_back([&, here = loop_handle(loop::current())] {
          for (int n = 0; n < 200; ++n)
            if (here.post([&] { ++ran; })) ++taken;
        });
      co_await yield_now();
    });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(taken, ran);
  }
}

TEST(loop_handle, copies_are_equal) {
  on_loop([]() -> task<void> {
    const loop_handle first(loop::current());
    const loop_handle second = first;
    EXPECT_EQ(first, second);
    EXPECT_NE(first, loop_handle());
    co_return;
  });
}

} // namespace
