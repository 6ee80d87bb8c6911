#include "core/support.hpp"

#include <weir/core/shield.hpp>
#include <weir/core/stop.hpp>
#include <weir/core/task_group.hpp>
#include <weir/core/timeout.hpp>

#include <gtest/gtest.h>

#include <string>
#include <thread>

using namespace weir;
using namespace weir::testing;
using namespace std::chrono_literals;

namespace {

TEST(cancellation, is_not_swallowed_by_handlers_of_errors_and_comes_again) {
  int waits = 0;
  EXPECT_THROW(run(with_timeout(10ms,
                                [](int& n) -> task<void> {
                                  for (;;) {
                                    try {
                                      co_await sleep_for(1s);
                                    } catch (const std::exception&) {
                                      ADD_FAILURE() << "cancellation arrived as an error";
                                    } catch (const cancelled&) {
                                      if (++n == 3) throw;
                                    }
                                  }
                                }(waits))),
               error);
  EXPECT_EQ(waits, 3);
}

TEST(stop_token, follows_the_scope) {
  run([]() -> task<void> {
    std::stop_token inside;
    try {
      co_await with_timeout(10ms, [](std::stop_token& token) -> task<void> {
        token = this_task::stop_token();
        EXPECT_FALSE(token.stop_requested());
        co_await sleep_for(10s);
      }(inside));
    } catch (const error&) {}
    EXPECT_TRUE(inside.stop_requested());
    EXPECT_FALSE(this_task::stop_token().stop_requested());
    EXPECT_FALSE(this_task::is_cancelled());
  }());
}

TEST(cancellation, a_handler_of_everything_that_rethrows_passes_it_on) {
  on_loop([]() -> task<void> {
    co_await with_task_group([](task_group& group) -> task<void> {
      auto child = group.spawn([]() -> task<void> {
        try {
          co_await until_cancelled();
        } catch (...) {
          throw;
        }
      });
      child.cancel();
      co_await child.join();
      EXPECT_EQ(child.status(), task_status::cancelled);
    });
  });
}

TEST(cancellation, throw_if_cancelled_is_for_stretches_without_a_wait) {
  on_loop([]() -> task<void> {
    int rounds = 0;
    co_await with_task_group([&](task_group& group) -> task<void> {
      for (;; ++rounds) {
        this_task::throw_if_cancelled();
        if (rounds == 3) group.cancel();
      }
      co_return;
    });
    EXPECT_EQ(rounds, 4);
    this_task::throw_if_cancelled();
  });
}

TEST(stop_token, of_a_cancelled_scope_is_set_from_the_start) {
  on_loop([]() -> task<void> {
    co_await with_task_group([](task_group& group) -> task<void> {
      group.cancel();
      EXPECT_TRUE(this_task::stop_token().stop_requested());
      EXPECT_TRUE(this_task::is_cancelled());
      co_return;
    });
  });
}

TEST(stop_token, calls_back_on_the_loop_s_thread) {
  on_loop([]() -> task<void> {
    std::thread::id where;
    co_await with_task_group([&](task_group& group) -> task<void> {
      std::stop_callback told(this_task::stop_token(), [&] { where = std::this_thread::get_id(); });
      group.cancel();
      co_return;
    });
    EXPECT_EQ(where, std::this_thread::get_id());
  });
}

TEST(stop_token, of_a_shield_is_not_set_from_outside) {
  on_loop([]() -> task<void> {
    co_await with_task_group([](task_group& group) -> task<void> {
      co_await shield([](task_group& outer) -> task<void> {
        const auto token = this_task::stop_token();
        outer.cancel();
        EXPECT_FALSE(token.stop_requested());
        co_return;
      }(group));
    });
  });
}

TEST(stop_token, outside_of_tasks_is_never_set) {
  EXPECT_FALSE(this_task::stop_token().stop_possible());
  EXPECT_FALSE(this_task::is_cancelled());
  this_task::throw_if_cancelled();
}

} // namespace
