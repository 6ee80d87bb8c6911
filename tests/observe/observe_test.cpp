#include <weir/core/error.hpp>
#include <weir/core/run.hpp>
#include <weir/core/sleep.hpp>
#include <weir/core/task_group.hpp>
#include <weir/observe/counters.hpp>
#include <weir/observe/report.hpp>

#include <gtest/gtest.h>

#include <optional>

using namespace std::chrono_literals;

namespace {

bool contains(const std::string& text, const std::string& what) { return text.find(what) != std::string::npos; }

TEST(observe, counts_loop_and_threads) {
  weir::run([]() -> weir::task<void> {
    const auto before = weir::observe::snapshot();
    co_await weir::sleep_for(1ms);
    const int three = co_await weir::run_in_threadpool([] { return 3; });
    EXPECT_EQ(three, 3);
    const auto after = weir::observe::snapshot();
    EXPECT_GT(after.loop.turns, before.loop.turns);
    EXPECT_GT(after.loop.resumed, before.loop.resumed);
    EXPECT_EQ(after.loop.timers_fired, before.loop.timers_fired + 1);
    EXPECT_GE(after.threads.executed, before.threads.executed + 1);
    EXPECT_GE(after.threads.threads, 1u);
    EXPECT_TRUE(contains(weir::observe::to_string(after), std::to_string(after.loop.timers_fired) + " fired"));
  }());
}

TEST(observe, shows_the_limiters_that_are_watched_while_they_are) {
  weir::run([]() -> weir::task<void> {
    weir::limiter downloads(2, "downloads");
    weir::limiter other(3);
    EXPECT_TRUE(weir::observe::snapshot().limiters.empty());
    {
      const weir::observe::watch_limiter first(downloads), second(other, "a \"b\"\\\n");
      auto held = co_await downloads.acquire(2);
      co_await weir::with_task_group([&](weir::task_group& group) -> weir::task<void> {
        group.spawn([&]() -> weir::task<void> { auto mine = co_await downloads.acquire(); });
        const auto now = weir::observe::snapshot();
        EXPECT_EQ(now.limiters.size(), 2u);
        EXPECT_EQ(now.limiters.back().name, "downloads");
        EXPECT_EQ(now.limiters.back().in_use, 2u);
        EXPECT_EQ(now.limiters.back().waiting, 1u);
        const std::string lines = weir::observe::prometheus(now);
        EXPECT_TRUE(contains(lines, "\nweir_limiter_in_use{name=\"downloads\"} 2\n")) << lines;
        EXPECT_TRUE(contains(lines, "\nweir_limiter_waiting{name=\"downloads\"} 1\n")) << lines;
        EXPECT_TRUE(contains(lines, "\nweir_limiter_capacity{name=\"a \\\"b\\\"\\\\\\n\"} 3\n")) << lines;
        EXPECT_TRUE(contains(weir::observe::report(), "limiter 'downloads': 2 of 2 in use, 1 waiting"));
        held.release();
        co_return;
      });
    }
    EXPECT_TRUE(weir::observe::snapshot().limiters.empty());
    EXPECT_FALSE(contains(weir::observe::report(), "downloads"));
  }());
}

TEST(observe, a_watch_may_outlive_its_loop) {
  weir::limiter l(1, "late");
  std::optional<weir::observe::watch_limiter> watch;
  weir::run([&]() -> weir::task<void> {
    watch.emplace(l);
    co_return;
  }());
  watch.reset();
}

TEST(observe, refuses_a_limiter_without_a_name) {
  weir::run([]() -> weir::task<void> {
    weir::limiter l(1);
    try {
      const weir::observe::watch_limiter watch(l);
      ADD_FAILURE() << "accepted";
    } catch (const weir::error& e) {
      EXPECT_EQ(e.code(), weir::errc::invalid_argument);
    }
    co_return;
  }());
}

TEST(observe, every_prometheus_value_has_help_and_type) {
  weir::run([]() -> weir::task<void> {
    const std::string lines = weir::observe::prometheus(weir::observe::snapshot());
    EXPECT_TRUE(contains(lines, "# TYPE weir_loop_turns_total counter\nweir_loop_turns_total "));
    EXPECT_TRUE(contains(lines, "# TYPE weir_pool_threads gauge\nweir_pool_threads "));
    std::size_t help = 0, type = 0, all = 0;
    for (std::size_t at = 0; at < lines.size(); at = lines.find('\n', at) + 1, ++all) {
      help += lines.compare(at, 7, "# HELP ") == 0;
      type += lines.compare(at, 7, "# TYPE ") == 0;
    }
    EXPECT_EQ(help, type);
    EXPECT_EQ(all, 3 * help);
    co_return;
  }());
}

TEST(observe, reports_tasks_as_text_and_as_values) {
  weir::run([]() -> weir::task<void> {
    co_await weir::with_task_group([&](weir::task_group& group) -> weir::task<void> {
      auto asleep = group.spawn(weir::task<void>([]() -> weir::task<void> { co_await weir::sleep_for(1h); }()), "nap");
      co_await weir::yield_now();
      EXPECT_TRUE(contains(weir::observe::report(), "- nap: waits for sleep"));
      const auto tree = weir::observe::task_tree();
      EXPECT_EQ(tree.size(), 1u);
      EXPECT_EQ(tree.front().children.size(), 1u);
      EXPECT_EQ(tree.front().children.front().name, "nap");
      asleep.cancel();
    });
  }());
}

} // namespace
