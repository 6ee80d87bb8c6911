#include "core/support.hpp"

#include <weir/core/gather.hpp>
#include <weir/core/mutex.hpp>
#include <weir/core/task_group.hpp>
#include <weir/core/task_tree.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

using namespace weir;
using namespace weir::testing;
using namespace std::chrono_literals;

namespace {

TEST(mutex, one_at_a_time) {
  run([]() -> task<void> {
    mutex lock;
    int inside = 0;
    std::vector<task<void>> works;
    for (int i = 0; i < 10; ++i)
      works.push_back([](mutex& m, int& n) -> task<void> {
        auto held = co_await m.lock();
        EXPECT_EQ(++n, 1);
        co_await yield_now();
        --n;
      }(lock, inside));
    co_await gather(std::move(works));
    EXPECT_FALSE(lock.is_locked());
  }());
}

TEST(mutex, try_lock_locks_only_where_nobody_holds_it) {
  on_loop([]() -> task<void> {
    mutex lock;
    auto held = lock.try_lock();
    EXPECT_TRUE(held);
    EXPECT_TRUE(lock.is_locked());
    EXPECT_FALSE(lock.try_lock());
    held.release();
    EXPECT_FALSE(lock.is_locked());
    EXPECT_TRUE(lock.try_lock());
    co_return;
  });
}

TEST(mutex, try_lock_does_not_overtake) {
  on_loop([]() -> task<void> {
    mutex lock;
    auto held = co_await lock.lock();
    co_await with_task_group([&](task_group& group) -> task<void> {
      group.spawn([&]() -> task<void> { auto mine = co_await lock.lock(); });
      EXPECT_EQ(lock.waiting(), 1u);
      held.release();
      EXPECT_FALSE(lock.try_lock());
      co_return;
    });
  });
}

TEST(mutex, is_fair) {
  on_loop([]() -> task<void> {
    mutex lock;
    std::vector<int> order;
    co_await with_task_group([&](task_group& group) -> task<void> {
      auto held = co_await lock.lock();
      for (int i = 0; i < 4; ++i)
        group.spawn([&, i]() -> task<void> {
          for (int round = 0; round < 2; ++round) {
            auto mine = co_await lock.lock();
            order.push_back(i);
          }
        });
    });
    EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 0, 1, 2, 3}));
  });
}

TEST(mutex, a_cancelled_waiter_leaves_the_queue) {
  on_loop([]() -> task<void> {
    mutex lock;
    bool got = false;
    auto held = co_await lock.lock();
    co_await with_task_group([&](task_group& group) -> task<void> {
      auto first = group.spawn([&]() -> task<void> { auto mine = co_await lock.lock(); });
      group.spawn([&]() -> task<void> {
        auto mine = co_await lock.lock();
        got = true;
      });
      first.cancel();
      co_await first.join();
      EXPECT_EQ(first.status(), task_status::cancelled);
      held.release();
    });
    EXPECT_TRUE(got);
  });
}

TEST(mutex, is_unlocked_by_an_exception) {
  on_loop([]() -> task<void> {
    mutex lock;
    EXPECT_EQ(co_await failure_of([](mutex& m) -> task<void> {
                auto mine = co_await m.lock();
                throw error(errc::corrupt, "bad");
              }(lock)),
              "corrupt: bad");
    EXPECT_FALSE(lock.is_locked());
  });
}

TEST(mutex, its_name_is_in_the_tree) {
  on_loop([]() -> task<void> {
    mutex lock("index");
    EXPECT_EQ(lock.name(), "index");
    auto held = co_await lock.lock();
    co_await with_task_group([&](task_group& group) -> task<void> {
      group.spawn([&]() -> task<void> { auto mine = co_await lock.lock(); }, "writer");
      EXPECT_NE(to_string(task_tree(loop::current())).find("- writer: waits for mutex 'index'"), std::string::npos);
      held.release();
      co_return;
    });
  });
}

} // namespace
