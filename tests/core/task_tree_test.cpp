#include "core/support.hpp"

#include <weir/core/channel.hpp>
#include <weir/core/event.hpp>
#include <weir/core/gather.hpp>
#include <weir/core/limiter.hpp>
#include <weir/core/mutex.hpp>
#include <weir/core/race.hpp>
#include <weir/core/shield.hpp>
#include <weir/core/task_group.hpp>
#include <weir/core/task_tree.hpp>
#include <weir/core/timeout.hpp>

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

using namespace weir;
using namespace weir::testing;
using namespace std::chrono_literals;

namespace {

std::string tree_now() { return to_string(task_tree(loop::current())); }

const task_info* find(const std::vector<task_info>& tree, const std::string& name) {
  for (const task_info& task : tree) {
    if (task.name == name) return &task;
    if (const task_info* below = find(task.children, name)) return below;
  }
  return nullptr;
}

TEST(task_tree, of_a_loop_without_tasks_is_empty) {
  loop alone;
  EXPECT_TRUE(task_tree(alone).empty());
  EXPECT_EQ(to_string(task_tree(alone)), "(no tasks)\n");
}

TEST(task_tree, names_states_and_children) {
  on_manual_time([]() -> task<void> {
    limiter downloads(0, "downloads");
    event done;
    channel<int> numbers(1);
    co_await with_task_group([&](task_group& group) -> task<void> {
      group.spawn([&]() -> task<void> { auto held = co_await downloads.acquire(); }, "one");
      group.spawn([&]() -> task<void> { co_await done.wait(); }, "two");
      group.spawn([&]() -> task<void> { co_await numbers.receive(); }, "three");
      group.spawn([]() -> task<void> { co_await sleep_for(1h); }, "four");
      group.spawn([]() -> task<void> { co_await yield_now(); }, "five");
      group.spawn([&]() -> task<void> { co_await gather(after(1h, 1), after(2h, 2)); }, "six");
      const auto tree = task_tree(loop::current());
      const std::pair<const char*, const char*> expected[] = {{"one", "waits for limiter 'downloads'"},
                                                              {"two", "waits for event"},
                                                              {"three", "waits for a value from a channel"},
                                                              {"four", "waits for sleep"},
                                                              {"five", "is ready to run"},
                                                              {"six", "in gather"}};
      for (const auto& [name, state] : expected) {
        const task_info* found = find(tree, name);
        EXPECT_NE(found, nullptr) << name << "\n" << to_string(tree);
        if (found) EXPECT_EQ(found->state, state);
      }
      if (const task_info* six = find(tree, "six")) EXPECT_EQ(six->children.size(), 2u);
      EXPECT_EQ(tree.size(), 1u) << "one root: the task of this test\n" << to_string(tree);
      group.cancel();
      co_return;
    });
  });
}

task<void> innermost(event& done, unsigned& line) {
  line = __LINE__ + 1;
  co_await done.wait();
}

TEST(task_tree, the_stack_has_functions_and_lines_innermost_first) {
  on_loop([]() -> task<void> {
    event done;
    unsigned inner_line = 0, outer_line = 0;
    co_await with_task_group([&](task_group& group) -> task<void> {
      group.spawn(
          [&]() -> task<void> {
            outer_line = __LINE__ + 1;
            co_await innermost(done, inner_line);
          },
          "stacked");
      const auto tree = task_tree(loop::current());
      const task_info* found = find(tree, "stacked");
      EXPECT_NE(found, nullptr);
      if (found) {
        EXPECT_EQ(found->stack.size(), 2u);
        EXPECT_NE(found->stack.at(0).function.find("innermost"), std::string::npos);
        EXPECT_EQ(found->stack.at(0).line, inner_line);
        EXPECT_NE(found->stack.at(0).file.find("task_tree_test.cpp"), std::string::npos);
        EXPECT_EQ(found->stack.at(1).line, outer_line);
      }
      done.set();
      co_return;
    });
  });
}

TEST(task_tree, says_since_when_and_whether_cancelled) {
  on_manual_time([]() -> task<void> {
    co_await with_task_group([](task_group& group) -> task<void> {
      auto child = group.spawn([]() -> task<void> { co_await shield(after(10s, 0)); }, "shielded");
      group.spawn([]() -> task<void> { co_await until_cancelled(); }, "waits");
      co_await sleep_for(2s);
      const auto tree = task_tree(loop::current());
      const task_info* waits = find(tree, "waits");
      EXPECT_NE(waits, nullptr);
      if (waits) {
        EXPECT_GE(waits->since, 1900ms);
        EXPECT_LT(waits->since, 3s);
        EXPECT_FALSE(waits->cancelled);
      }
      EXPECT_NE(to_string(tree).find("- waits: waits for its cancellation since 2.000 s\n"), std::string::npos)
          << to_string(tree);
      group.cancel();
    });
  });
}

TEST(task_tree, an_unnamed_task_has_the_name_of_its_function) {
  on_loop([]() -> task<void> {
    co_await with_task_group([](task_group& group) -> task<void> {
      event done;
      unsigned line = 0;
      group.spawn(innermost(done, line));
      EXPECT_NE(tree_now().find("innermost"), std::string::npos) << tree_now();
      done.set();
      while (group.size() > 0) co_await yield_now();
    });
  });
}

TEST(task_tree, scopes_that_tasks_open_are_states) {
  on_manual_time([]() -> task<void> {
    co_await with_task_group([](task_group& group) -> task<void> {
      group.spawn([]() -> task<void> { co_await race(after(1h, 1), after(1h, 2)); }, "racing");
      group.spawn(
          []() -> task<void> {
            co_await with_task_group([](task_group& inner) -> task<void> {
              inner.spawn(after(1h, 1), "grandchild");
              co_return;
            });
          },
          "grouping");
      const auto tree = task_tree(loop::current());
      if (const auto* found = find(tree, "racing"))
        EXPECT_EQ(found->state, "in race");
      else
        ADD_FAILURE() << to_string(tree);
      if (const auto* found = find(tree, "grouping")) {
        EXPECT_EQ(found->state, "in task_group");
        EXPECT_EQ(found->children.size(), 1u);
      } else {
        ADD_FAILURE() << to_string(tree);
      }
      group.cancel();
      co_return;
    });
  });
}

TEST(task_tree, the_text_is_limited_and_counts_the_rest) {
  on_loop([]() -> task<void> {
    co_await with_task_group([](task_group& group) -> task<void> {
      for (int i = 0; i < 10; ++i) group.spawn([]() -> task<void> { co_await until_cancelled(); }, "many");
      const std::string text = to_string(task_tree(loop::current()), 3);
      std::size_t found = 0;
      for (std::size_t at = 0; (at = text.find("- many", at)) != std::string::npos; ++at) ++found;
      EXPECT_LE(found, 3u);
      EXPECT_NE(text.find(" more)\n"), std::string::npos) << text;
      group.cancel();
      co_return;
    });
  });
}

TEST(task_tree, a_report_has_the_counters_and_further_paragraphs) {
  on_loop([]() -> task<void> {
    loop::current().add_report([](std::string& text) { text += "pool: nothing to do\n"; });
    const std::string text = report(loop::current());
    EXPECT_EQ(text.substr(0, 12), "weir: tasks\n");
    EXPECT_NE(text.find("loop: "), std::string::npos);
    EXPECT_NE(text.find("pool: nothing to do\n"), std::string::npos);
    co_return;
  });
}

} // namespace
