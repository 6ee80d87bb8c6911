#include "core/support.hpp"

#include <weir/core/stop.hpp>
#include <weir/core/task_group.hpp>
#include <weir/core/task_tree.hpp>
#include <weir/core/timeout.hpp>

#include <gtest/gtest.h>

using namespace weir;
using namespace weir::testing;
using namespace std::chrono_literals;

namespace {

TEST(task_group, G11_a_handle_of_a_child_that_runs_is_pending) {
  on_loop([]() -> task<void> {
    co_await with_task_group([&](task_group& group) -> task<void> {
      auto child = group.spawn([]() -> task<int> {
        co_await yield_now();
        co_return 5;
      });
      EXPECT_EQ(child.status(), task_status::running);
      EXPECT_FALSE(child.done());
      EXPECT_EQ(child.failure(), nullptr);
      EXPECT_EQ(co_await child.value(), 5);
      EXPECT_EQ(child.status(), task_status::finished);
      EXPECT_TRUE(child.done());
    });
  });
}

TEST(task_group, G11_a_handle_of_a_failed_child_rethrows_its_error) {
  on_loop([]() -> task<void> {
    task_result<int> child;
    const auto work = [](task_result<int>& out) -> task<void> {
      co_await with_task_group([&](task_group& group) -> task<void> {
        out = group.spawn(failing(1ms));
        co_return;
      });
    };
    EXPECT_EQ(co_await failure_of(work(child)), "not_found: gone");
    EXPECT_EQ(child.status(), task_status::failed);
    EXPECT_EQ(text_of(child.failure()), "not_found: gone");
    EXPECT_EQ(co_await failure_of(child.value()), "not_found: gone"); // the group is gone: the handle stays
  });
}

TEST(task_group, G11_a_handle_of_a_cancelled_child_throws_cancelled) {
  on_loop([]() -> task<void> {
    co_await with_task_group([&](task_group& group) -> task<void> {
      int seen = 0;
      auto child = group.spawn(noting_cancellation(seen));
      child.cancel();
      EXPECT_EQ(co_await failure_of(child.value()), "cancelled");
      EXPECT_EQ(child.status(), task_status::cancelled);
      EXPECT_EQ(text_of(child.failure()), "cancelled");
      EXPECT_FALSE(this_task::is_cancelled()); // it was the child's, not ours
    });
  });
}

TEST(task_group, G11_cancelling_a_wait_for_a_child_does_not_cancel_the_child) {
  on_manual_time([]() -> task<void> {
    co_await with_task_group([&](task_group& group) -> task<void> {
      auto child = group.spawn(after(10s, 3));
      EXPECT_EQ(co_await failure_of(with_timeout(1s, child.value())), "timeout: not finished within 1 s");
      EXPECT_EQ(child.status(), task_status::running);
      EXPECT_EQ(co_await child.value(), 3);
    });
  });
}

TEST(task_group, G11_names_by_default_and_custom) {
  on_loop([]() -> task<void> {
    co_await with_task_group([&](task_group& group) -> task<void> {
      auto named = group.spawn([]() -> task<void> { co_await yield_now(); }, "reader 7");
      auto plain = group.spawn([]() -> task<void> { co_await yield_now(); });
      EXPECT_EQ(named.name(), "reader 7");
      EXPECT_EQ(plain.name(), "");
      const std::string tree = to_string(task_tree(loop::current()));
      EXPECT_NE(tree.find("- reader 7: "), std::string::npos) << tree;
      EXPECT_NE(tree.find("G11_names_by_default"), std::string::npos) << tree; // the function's own name
      co_return;
    });
    EXPECT_EQ(task_handle{}.name(), "");
  });
}

TEST(task_group, G11_an_error_on_the_way_out_of_a_cancelled_child_is_an_error) {
  on_loop([]() -> task<void> {
    const auto work = []() -> task<void> {
      co_await with_task_group([](task_group& group) -> task<void> {
        group
            .spawn([]() -> task<void> {
              try {
                co_await until_cancelled();
              } catch (const cancelled&) {}
              throw error(errc::no_space, "clean-up failed");
            })
            .cancel();
        co_return;
      });
    };
    EXPECT_EQ(co_await failure_of(work()), "no_space: clean-up failed");
  });
}

} // namespace
