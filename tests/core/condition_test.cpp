#include "core/support.hpp"

#include <weir/core/condition.hpp>
#include <weir/core/task_group.hpp>
#include <weir/core/task_tree.hpp>

#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <string>
#include <vector>

using namespace weir;
using namespace weir::testing;
using namespace std::chrono_literals;

namespace {

TEST(condition, releases_the_mutex_while_it_waits_and_has_it_again) {
  on_loop([]() -> task<void> {
    mutex lock;
    condition changed("changed");
    EXPECT_EQ(changed.name(), "changed");
    std::string said;
    co_await with_task_group([&](task_group& group) -> task<void> {
      group.spawn([&]() -> task<void> {
        auto guard = co_await lock.lock();
        said += "waits ";
        co_await changed.wait(guard);
        EXPECT_TRUE(guard);
        EXPECT_TRUE(lock.is_locked());
        said += "woken";
      });
      EXPECT_EQ(changed.waiting(), 1u);
      EXPECT_FALSE(lock.is_locked());
      {
        auto guard = co_await lock.lock();
        said += "changes ";
        changed.notify_one();
        EXPECT_EQ(changed.waiting(), 0u);
        co_await yield_now();
        co_await yield_now();
        said += "unlocks ";
      }
    });
    EXPECT_EQ(said, "waits changes unlocks woken");
    EXPECT_FALSE(lock.is_locked());
  });
}

TEST(condition, with_a_predicate_waits_until_it_holds) {
  on_loop([]() -> task<void> {
    mutex lock;
    condition changed;
    int value = 0, asked = 0;
    co_await with_task_group([&](task_group& group) -> task<void> {
      auto waits = group.spawn([&]() -> task<void> {
        auto guard = co_await lock.lock();
        co_await changed.wait(guard, [&] {
          EXPECT_TRUE(lock.is_locked());
          ++asked;
          return value >= 2;
        });
        EXPECT_EQ(value, 2);
      });
      for (int i = 0; i < 2; ++i) {
        auto guard = co_await lock.lock();
        ++value;
        guard.release();
        changed.notify_all();
        co_await yield_now();
        EXPECT_EQ(waits.done(), value == 2);
      }
    });
    EXPECT_EQ(asked, 3);
    auto guard = co_await lock.lock();
    co_await changed.wait(guard, [] { return true; }); // holds already: does not wait
    EXPECT_TRUE(guard);
  });
}

TEST(condition, notify_one_is_fifo) {
  on_loop([]() -> task<void> {
    mutex lock;
    condition changed;
    std::vector<int> order;
    co_await with_task_group([&](task_group& group) -> task<void> {
      for (int i = 0; i < 4; ++i)
        group.spawn([&, i]() -> task<void> {
          auto guard = co_await lock.lock();
          co_await changed.wait(guard);
          order.push_back(i);
        });
      EXPECT_EQ(changed.waiting(), 4u);
      changed.notify_one();
      co_await yield_now();
      EXPECT_EQ(order, (std::vector<int>{0}));
      for (int i = 0; i < 3; ++i) changed.notify_one();
      changed.notify_one(); // nobody: lost
    });
    EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3}));
  });
}

TEST(condition, notify_all_wakes_those_who_wait_now_one_at_a_time) {
  on_loop([]() -> task<void> {
    mutex lock;
    condition changed;
    std::vector<int> order;
    int inside = 0;
    co_await with_task_group([&](task_group& group) -> task<void> {
      for (int i = 0; i < 4; ++i)
        group.spawn([&, i]() -> task<void> {
          auto guard = co_await lock.lock();
          co_await changed.wait(guard);
          EXPECT_EQ(++inside, 1);
          co_await yield_now();
          --inside;
          order.push_back(i);
          if (i == 0) co_await changed.wait(guard); // waits for the next one
        });
      changed.notify_all();
      while (order.size() < 4) co_await yield_now();
      EXPECT_EQ(changed.waiting(), 1u);
      changed.notify_all();
    });
    EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3}));
  });
}

TEST(condition, cancelled_it_throws_with_the_mutex_held) {
  on_loop([]() -> task<void> {
    mutex lock;
    condition changed;
    bool checked = false;
    co_await with_task_group([&](task_group& group) -> task<void> {
      auto waits = group.spawn([&]() -> task<void> {
        auto guard = co_await lock.lock();
        try {
          co_await changed.wait(guard);
        } catch (const cancelled&) {
          EXPECT_TRUE(guard);
          EXPECT_TRUE(lock.is_locked());
          checked = true;
          throw;
        }
      });
      auto mine = co_await lock.lock();
      waits.cancel();
      for (int i = 0; i < 5; ++i) co_await yield_now();
      EXPECT_FALSE(waits.done()); // it waits for the mutex, though it is cancelled
      EXPECT_EQ(changed.waiting(), 0u);
      mine.release();
      co_await waits.join();
      EXPECT_EQ(waits.status(), task_status::cancelled);
    });
    EXPECT_TRUE(checked);
    EXPECT_FALSE(lock.is_locked());
  });
}

TEST(condition, a_notification_that_meets_a_cancelled_waiter_is_passed_on) {
  on_loop([]() -> task<void> {
    mutex lock;
    condition changed;
    int woken = 0;
    co_await with_task_group([&](task_group& group) -> task<void> {
      const auto wait = [&]() -> task<void> {
        auto guard = co_await lock.lock();
        co_await changed.wait(guard);
        ++woken;
      };
      auto first = group.spawn(wait);
      auto second = group.spawn(wait);
      changed.notify_one(); // the first has it, and has not run
      first.cancel();
      co_await first.join();
      EXPECT_EQ(first.status(), task_status::cancelled);
      co_await second.join();
    });
    EXPECT_EQ(woken, 1);
  });
}

TEST(condition, a_notification_is_passed_on_by_a_waiter_that_is_cancelled_at_the_mutex) {
  on_loop([]() -> task<void> {
    mutex lock;
    condition changed;
    int woken = 0;
    co_await with_task_group([&](task_group& group) -> task<void> {
      const auto wait = [&]() -> task<void> {
        auto guard = co_await lock.lock();
        co_await changed.wait(guard);
        ++woken;
      };
      auto first = group.spawn(wait);
      group.spawn(wait);
      {
        auto mine = co_await lock.lock();
        changed.notify_one();
        for (int i = 0; i < 5; ++i) co_await yield_now();
        first.cancel();
      }
    });
    EXPECT_EQ(woken, 1);
  });
}

TEST(condition, a_waiter_cancelled_before_the_notification_takes_none) {
  on_loop([]() -> task<void> {
    mutex lock;
    condition changed;
    int woken = 0;
    co_await with_task_group([&](task_group& group) -> task<void> {
      const auto wait = [&]() -> task<void> {
        auto guard = co_await lock.lock();
        co_await changed.wait(guard);
        ++woken;
      };
      auto first = group.spawn(wait);
      group.spawn(wait);
      first.cancel();
      changed.notify_one();
      co_return;
    });
    EXPECT_EQ(woken, 1);
  });
}

TEST(condition, in_a_cancelled_scope_it_throws_at_once_and_keeps_the_mutex) {
  on_loop([]() -> task<void> {
    mutex lock;
    condition changed;
    int thrown = 0;
    co_await with_task_group([&](task_group& group) -> task<void> {
      auto guard = co_await lock.lock();
      group.cancel();
      try {
        co_await changed.wait(guard);
      } catch (const cancelled&) {
        ++thrown;
      }
      try {
        co_await changed.wait(guard, [] { return true; });
      } catch (const cancelled&) {
        ++thrown;
      }
      EXPECT_TRUE(guard);
    });
    EXPECT_EQ(thrown, 2);
  });
}

TEST(condition, without_a_mutex_is_refused) {
  on_loop([]() -> task<void> {
    condition changed;
    permit nothing;
    EXPECT_EQ(co_await failure_of(changed.wait(nothing)),
              "invalid_argument: a condition is waited for without its mutex: lock it first");
    EXPECT_NE(co_await failure_of(changed.wait(nothing, [] { return true; })), "nothing");
  });
}

TEST(condition, is_named_in_the_tree) {
  on_loop([]() -> task<void> {
    mutex lock;
    condition filled("filled");
    co_await with_task_group([&](task_group& group) -> task<void> {
      group.spawn(
          [&]() -> task<void> {
            auto guard = co_await lock.lock();
            co_await filled.wait(guard);
          },
          "reader");
      EXPECT_NE(to_string(task_tree(loop::current())).find("- reader: waits for condition 'filled'"),
                std::string::npos);
      filled.notify_all();
      co_return;
    });
  });
}

TEST(condition, a_queue_loses_nothing_though_its_readers_are_cancelled_at_random) {
  on_loop([]() -> task<void> {
    mutex lock;
    condition filled;
    std::deque<int> queue;
    long sum = 0;
    std::mt19937 random(3);
    co_await with_task_group([&](task_group& group) -> task<void> {
      const auto reader = [&]() -> task<void> {
        for (;;) {
          auto guard = co_await lock.lock();
          co_await filled.wait(guard, [&] { return !queue.empty(); });
          sum += queue.front();
          queue.pop_front();
        }
      };
      std::vector<task_handle> readers;
      for (int i = 0; i < 4; ++i) readers.push_back(group.spawn(reader));
      for (int i = 1; i <= 2000; ++i) {
        {
          auto guard = co_await lock.lock();
          queue.push_back(i);
          filled.notify_one();
          if (random() % 2) co_await yield_now();
        }
        auto& victim = readers[random() % readers.size()];
        if (random() % 3 == 0) {
          victim.cancel();
          victim = group.spawn(reader);
        }
        if (random() % 2) co_await yield_now();
      }
      while (!queue.empty()) co_await yield_now();
      group.cancel();
    });
    EXPECT_EQ(sum, 2000L * 2001 / 2);
  });
}

} // namespace
