#include "core/support.hpp"

#include <weir/core/context.hpp>
#include <weir/core/gather.hpp>
#include <weir/core/race.hpp>
#include <weir/core/shield.hpp>
#include <weir/core/stop.hpp>
#include <weir/core/task_group.hpp>
#include <weir/core/timeout.hpp>
#include <weir/core/timer.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

using namespace weir;
using namespace weir::testing;
using namespace std::chrono_literals;

namespace {

const context_value<std::string> request("none");
const context_value<int> depth(0);

task<std::string> current_request() {
  co_await yield_now();
  co_return request.get();
}

TEST(context_value, has_a_fallback) {
  EXPECT_EQ(request.get(), "none");
  on_loop([]() -> task<void> {
    EXPECT_EQ(request.get(), "none");
    co_return;
  });
}

TEST(context_value, follows_what_is_awaited) {
  on_loop([]() -> task<void> {
    EXPECT_EQ(co_await request.with("r-1", current_request()), "r-1");
    EXPECT_EQ(request.get(), "none"); // not the caller's
    co_await yield_now();
    EXPECT_EQ(request.get(), "none");
  });
}

TEST(context_value, nests_and_comes_back) {
  on_loop([]() -> task<void> {
    co_await request.with("outer", []() -> task<void> {
      EXPECT_EQ(co_await request.with("inner", current_request()), "inner");
      EXPECT_EQ(request.get(), "outer");
      EXPECT_EQ(co_await depth.with(2, current_request()), "outer"); // another value does not hide it
    }());
  });
}

TEST(context_value, two_tasks_side_by_side_do_not_see_each_other_s) {
  on_loop([]() -> task<void> {
    const auto work = []() -> task<std::string> {
      std::string all;
      for (int i = 0; i < 3; ++i) {
        all += request.get();
        co_await yield_now();
      }
      co_return all;
    };
    const auto [a, b, c] = co_await gather(request.with("a", work()), request.with("b", work()), work());
    EXPECT_EQ(a, "aaa");
    EXPECT_EQ(b, "bbb");
    EXPECT_EQ(c, "nonenonenone");
  });
}

TEST(context_value, follows_gather_race_time_limits_shields_and_groups) {
  on_manual_time([]() -> task<void> {
    co_await request.with("r-2", []() -> task<void> {
      EXPECT_EQ(std::get<0>(co_await gather(current_request(), current_request())), "r-2");
      EXPECT_EQ(std::get<0>(co_await race(current_request())), "r-2");
      EXPECT_EQ(co_await with_timeout(1s, current_request()), "r-2");
      EXPECT_EQ(co_await shield(current_request()), "r-2");
      co_await with_task_group(
          [](task_group& group) -> task<void> { EXPECT_EQ(co_await group.spawn(current_request()).value(), "r-2"); });
    }());
  });
}

TEST(context_value, a_child_takes_that_of_its_group_not_of_who_spawns_it) {
  on_loop([]() -> task<void> {
    std::string seen;
    co_await request.with("group", [](std::string& out) -> task<void> {
      co_await with_task_group([&](task_group& group) -> task<void> {
        co_await request.with("spawner", [](task_group& g, std::string& o) -> task<void> {
          g.spawn([&o]() -> task<void> { o = co_await current_request(); });
          co_return;
        }(group, out));
      });
    }(seen));
    EXPECT_EQ(seen, "group");
  });
}

TEST(context_value, is_there_after_a_failure_and_a_cancellation_too) {
  on_loop([]() -> task<void> {
    std::string seen;
    co_await with_task_group([&](task_group& group) -> task<void> {
      auto child = group.spawn(request.with("r-3", [](std::string& out) -> task<void> {
        try {
          co_await until_cancelled();
        } catch (const cancelled&) {}
        out = request.get();
      }(seen)));
      child.cancel();
      co_return;
    });
    EXPECT_EQ(seen, "r-3");
    EXPECT_EQ(co_await failure_of(request.with("r-4", failing(0s))), "not_found: gone");
    EXPECT_EQ(request.get(), "none");
  });
}

TEST(context_value, call_with_is_for_plain_functions) {
  EXPECT_EQ(request.call_with("plain", [] { return request.get(); }), "plain");
  EXPECT_EQ(request.get(), "none");
  EXPECT_THROW(request.call_with("plain", [] { throw error(errc::corrupt, "bad"); }), error);
  EXPECT_EQ(request.get(), "none");
  on_loop([]() -> task<void> {
    co_await request.with("task", []() -> task<void> {
      EXPECT_EQ(request.call_with("call", [] { return request.get(); }), "call");
      EXPECT_EQ(depth.call_with(3, [] { return request.get(); }), "task");
      EXPECT_EQ(request.get(), "task");
      co_return;
    }());
  });
}

TEST(context_value, another_thread_does_not_see_it) {
  on_loop([]() -> task<void> {
    co_await request.with("task", []() -> task<void> {
      std::string seen;
      std::thread([&] { seen = request.get(); }).join();
      EXPECT_EQ(seen, "none");
      co_return;
    }());
  });
}

TEST(context_value, dies_with_the_call_that_set_it) {
  const context_value<std::shared_ptr<int>> held;
  on_loop([&]() -> task<void> {
    auto alive = std::make_shared<int>(1);
    co_await held.with(alive, []() -> task<void> { co_await yield_now(); }());
    EXPECT_EQ(alive.use_count(), 1);
  });
}

} // namespace
