#include "core/support.hpp"

#include <weir/core/shield.hpp>
#include <weir/core/task_group.hpp>
#include <weir/core/timeout.hpp>

#include <gtest/gtest.h>

using namespace weir;
using namespace weir::testing;
using namespace std::chrono_literals;

namespace {

TEST(task_group, G3_start_returns_the_value_that_the_child_is_ready_with) {
  on_manual_time([]() -> task<void> {
    bool ended = false;
    co_await with_task_group([&](task_group& group) -> task<void> {
      const int port = co_await group.start<int>([&](started<int>& ready) -> task<void> {
        co_await sleep_for(1s);
        ready(8080);
        co_await sleep_for(1s);
        ended = true;
      });
      EXPECT_EQ(port, 8080);
      EXPECT_FALSE(ended);
      EXPECT_EQ(group.size(), 1u);
    });
    EXPECT_TRUE(ended);
  });
}

TEST(task_group, G3_start_without_a_value) {
  on_loop([]() -> task<void> {
    bool is_ready = false;
    co_await with_task_group([&](task_group& group) -> task<void> {
      co_await group.start([&](started<>& ready) -> task<void> {
        is_ready = true;
        ready();
        co_return;
      });
      EXPECT_TRUE(is_ready);
    });
  });
}

TEST(task_group, G3_ready_twice_is_an_error) {
  on_loop([]() -> task<void> {
    co_await with_task_group([](task_group& group) -> task<void> {
      co_await group.start<int>([](started<int>& ready) -> task<void> {
        ready(1);
        EXPECT_EQ(failure_of_call([&] { ready(2); }),
                  "invalid_argument: a child of a task group said twice that it is ready");
        co_return;
      });
    });
  });
}

TEST(task_group, G3_start_without_ready_is_an_error) {
  on_loop([]() -> task<void> {
    co_await with_task_group([](task_group& group) -> task<void> {
      EXPECT_EQ(co_await failure_of(group.start<int>([](started<int>&) -> task<void> { co_return; })),
                "invalid_argument: a child of a task group ended before it was ready");
      EXPECT_FALSE(group.is_cancelled()); // the group goes on
    });
  });
}

TEST(task_group, G3_a_crash_before_ready_arrives_at_start_alone) {
  on_loop([]() -> task<void> {
    bool sibling_ended = false;
    co_await with_task_group([&](task_group& group) -> task<void> {
      group.spawn([&]() -> task<void> {
        for (int i = 0; i < 5; ++i) co_await yield_now();
        sibling_ended = true;
      });
      EXPECT_EQ(co_await failure_of(group.start([](started<>&) -> task<void> {
                  co_await yield_now();
                  throw error(errc::corrupt, "before");
                })),
                "corrupt: before");
    });
    EXPECT_TRUE(sibling_ended);
  });
}

TEST(task_group, G3_a_crash_after_ready_fails_the_group) {
  on_loop([]() -> task<void> {
    const auto work = []() -> task<void> {
      co_await with_task_group([](task_group& group) -> task<void> {
        co_await group.start([](started<>& ready) -> task<void> {
          ready();
          co_await yield_now();
          throw error(errc::corrupt, "after");
        });
        co_await until_cancelled();
      });
    };
    EXPECT_EQ(co_await failure_of(work()), "corrupt: after");
  });
}

TEST(task_group, G3_cancelled_during_start_the_child_sees_it) {
  on_manual_time([]() -> task<void> {
    int seen = 0;
    co_await with_task_group([&](task_group& group) -> task<void> {
      EXPECT_EQ(co_await failure_of(with_timeout(
                    1s, group.start([&](started<>&) -> task<void> { co_await noting_cancellation(seen); }))),
                "timeout: not finished within 1 s");
      while (group.size() > 0) co_await yield_now();
      EXPECT_FALSE(group.is_cancelled());
    });
    EXPECT_EQ(seen, 1);
  });
}

TEST(task_group, G3_a_shielded_child_inside_start_is_not_cut_short) {
  on_manual_time([]() -> task<void> {
    bool cleaned = false;
    co_await with_task_group([&](task_group& group) -> task<void> {
      EXPECT_NE(co_await failure_of(with_timeout(1s, group.start([&](started<>&) -> task<void> {
                  co_await shield([](bool& flag) -> task<void> {
                    co_await sleep_for(5s);
                    flag = true;
                  }(cleaned));
                }))),
                "nothing");
    });
    EXPECT_TRUE(cleaned);
  });
}

} // namespace
