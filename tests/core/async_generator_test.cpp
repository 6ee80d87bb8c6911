#include "core/support.hpp"

#include <weir/core/async_generator.hpp>
#include <weir/core/context.hpp>
#include <weir/core/event.hpp>
#include <weir/core/stop.hpp>
#include <weir/core/task_group.hpp>
#include <weir/core/task_tree.hpp>
#include <weir/core/timeout.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

using namespace weir;
using namespace weir::testing;
using namespace std::chrono_literals;

namespace {

async_generator<int> count_to(int last) {
  for (int i = 1; i <= last; ++i) co_yield i;
}

async_generator<int> slow_count_to(int last) {
  for (int i = 1; i <= last; ++i) {
    co_await sleep_for(1s);
    co_yield i;
  }
}

struct on_exit {
  std::string& said;
  const char* word;
  ~on_exit() { said += word; }
};

TEST(async_generator, gives_one_value_whenever_it_is_asked) {
  on_loop([]() -> task<void> {
    auto numbers = count_to(3);
    EXPECT_EQ(co_await numbers.next(), 1);
    EXPECT_EQ(co_await numbers.next(), 2);
    EXPECT_EQ(co_await numbers.next(), 3);
    EXPECT_EQ(co_await numbers.next(), std::nullopt);
    EXPECT_EQ(co_await numbers.next(), std::nullopt);
  });
}

TEST(async_generator, waits_between_values) {
  on_manual_time([]() -> task<void> {
    const auto begin = loop::current().now();
    int sum = 0;
    auto numbers = slow_count_to(4);
    while (auto n = co_await numbers.next()) sum += *n;
    EXPECT_EQ(sum, 10);
    EXPECT_GE(loop::current().now() - begin, 4s);
  });
}

TEST(async_generator, is_a_range) {
  on_manual_time([]() -> task<void> {
    int sum = 0;
    auto numbers = slow_count_to(4);
    for (auto n = co_await numbers.begin(); n != numbers.end(); co_await ++n) sum += *n;
    EXPECT_EQ(sum, 10);
    auto nothing = count_to(0);
    for (auto n = co_await nothing.begin(); n != nothing.end(); co_await ++n) ADD_FAILURE() << *n;
  });
}

TEST(async_generator, is_lazy) {
  bool ran = false;
  {
    auto unused = [](bool& flag) -> async_generator<int> {
      flag = true;
      co_yield 1;
    }(ran);
  }
  EXPECT_FALSE(ran);
}

TEST(async_generator, runs_no_further_than_it_is_asked) {
  on_loop([]() -> task<void> {
    std::string said;
    auto numbers = [](std::string& out) -> async_generator<int> {
      out += "a";
      co_yield 1;
      out += "b";
      co_yield 2;
      out += "c";
    }(said);
    co_await numbers.next();
    EXPECT_EQ(said, "a");
    co_await numbers.next();
    EXPECT_EQ(said, "ab");
    co_await numbers.next();
    EXPECT_EQ(said, "abc");
  });
}

TEST(async_generator, an_exception_arrives_at_next_once) {
  on_loop([]() -> task<void> {
    auto numbers = []() -> async_generator<int> {
      co_yield 1;
      co_await yield_now();
      throw error(errc::corrupt, "bad");
    }();
    EXPECT_EQ(co_await numbers.next(), 1);
    std::string end = "nothing";
    try {
      co_await numbers.next();
    } catch (...) {
      end = text_of(std::current_exception());
    }
    EXPECT_EQ(end, "corrupt: bad");
    EXPECT_EQ(co_await numbers.next(), std::nullopt);
  });
}

TEST(async_generator, destroyed_midway_it_destroys_its_locals) {
  on_loop([]() -> task<void> {
    std::string said;
    {
      auto numbers = [](std::string& out) -> async_generator<int> {
        on_exit outer{out, " outer"};
        for (int i = 0;; ++i) {
          on_exit inner{out, "inner"};
          co_yield i;
        }
      }(said);
      co_await numbers.next();
      EXPECT_EQ(said, "");
    }
    EXPECT_EQ(said, "inner outer");
  });
}

TEST(async_generator, moved_it_goes_on) {
  on_loop([]() -> task<void> {
    auto numbers = count_to(9);
    co_await numbers.next();
    auto moved = std::move(numbers);
    EXPECT_FALSE(numbers);
    EXPECT_EQ(co_await numbers.next(), std::nullopt);
    EXPECT_EQ(co_await moved.next(), 2);
    moved = count_to(1);
    EXPECT_EQ(co_await moved.next(), 1);
    async_generator<int> none;
    EXPECT_EQ(co_await none.next(), std::nullopt);
  });
}

TEST(async_generator, gives_what_cannot_be_copied) {
  on_loop([]() -> task<void> {
    auto boxes = []() -> async_generator<std::unique_ptr<int>> {
      co_yield std::make_unique<int>(1);
      auto second = std::make_unique<int>(2);
      co_yield std::move(second);
    }();
    EXPECT_EQ(**co_await boxes.next(), 1);
    auto two = co_await boxes.next();
    EXPECT_EQ(**two, 2);
    EXPECT_FALSE(co_await boxes.next());
  });
}

TEST(async_generator, a_value_is_copied_from_a_variable) {
  on_loop([]() -> task<void> {
    auto words = []() -> async_generator<std::string> {
      std::string word(50, 'x');
      co_yield word;
      co_yield word;
      co_yield "literal";
    }();
    EXPECT_EQ(co_await words.next(), std::string(50, 'x'));
    EXPECT_EQ(co_await words.next(), std::string(50, 'x'));
    EXPECT_EQ(co_await words.next(), "literal");
  });
}

TEST(async_generator, gives_references) {
  on_loop([]() -> task<void> {
    std::vector<std::string> words{"one", "two"};
    auto each = [](std::vector<std::string>& from) -> async_generator<std::string&> {
      for (auto& word : from) co_yield word;
    }(words);
    while (std::string* word = co_await each.next()) *word += "!";
    EXPECT_EQ(words, (std::vector<std::string>{"one!", "two!"}));
    auto again = [](const std::vector<std::string>& from) -> async_generator<const std::string&> {
      for (const auto& word : from) co_yield word;
      co_yield std::string("made here");
    }(words);
    std::string all;
    for (auto word = co_await again.begin(); word != again.end(); co_await ++word) all += *word;
    EXPECT_EQ(all, "one!two!made here");
  });
}

TEST(async_generator, a_million_values_need_no_stack) {
  on_loop([]() -> task<void> {
    long sum = 0;
    auto numbers = count_to(1'000'000);
    while (auto n = co_await numbers.next()) sum += *n;
    EXPECT_EQ(sum, 500'000'500'000L);
  });
}

TEST(async_generator, that_awaits_a_task_for_each_of_a_million_values_needs_no_stack) {
  on_loop([]() -> task<void> {
    long sum = 0;
    auto numbers = []() -> async_generator<int> {
      for (int i = 0; i < 1'000'000; ++i) co_yield co_await [](int n) -> task<int> { co_return n & 1; }(i);
    }();
    while (auto n = co_await numbers.next()) sum += *n;
    EXPECT_EQ(sum, 500'000);
  });
}

TEST(async_generator, allocates_nothing_per_value) {
  on_loop([]() -> task<void> {
    auto numbers = count_to(100);
    const auto before = loop::current().counters().frames;
    while (co_await numbers.next()) EXPECT_EQ(loop::current().counters().frames, before);
    co_return;
  });
}

TEST(async_generator, runs_in_the_scope_of_whoever_asks) {
  on_manual_time([]() -> task<void> {
    const context_value<std::string> who("nobody");
    auto names = [](const context_value<std::string>& from) -> async_generator<std::string> {
      for (;;) {
        co_await yield_now();
        co_yield from.get() + (this_task::deadline() == clock::time_point::max() ? "" : " in time");
      }
    }(who);
    const auto ask = [](async_generator<std::string>& g) -> task<std::string> { co_return *co_await g.next(); };
    EXPECT_EQ(co_await who.with("first", ask(names)), "first");
    EXPECT_EQ(co_await with_timeout(1s, ask(names)), "nobody in time");
    EXPECT_EQ(co_await who.with("second", ask(names)), "second");
    EXPECT_EQ(co_await ask(names), "nobody");
  });
}

TEST(async_generator, is_cancelled_at_its_next_wait) {
  on_manual_time([]() -> task<void> {
    std::string said;
    auto numbers = [](std::string& out) -> async_generator<int> {
      on_exit left{out, "left"};
      co_yield 1;
      co_await until_cancelled();
      co_yield 2;
    }(said);
    EXPECT_EQ(co_await numbers.next(), 1);
    EXPECT_EQ(co_await failure_of(
                  with_timeout(1s, [](async_generator<int>& g) -> task<void> { co_await g.next(); }(numbers))),
              "timeout: not finished within 1 s");
    EXPECT_EQ(said, "left");
    EXPECT_EQ(co_await numbers.next(), std::nullopt); // it has ended
  });
}

TEST(async_generator, a_wait_that_was_cut_short_can_be_caught_and_it_goes_on) {
  on_manual_time([]() -> task<void> {
    auto numbers = []() -> async_generator<int> {
      for (int i = 0;; ++i) {
        try {
          co_await sleep_for(10s);
        } catch (const cancelled&) {
          if (i > 0) throw;
        }
        co_yield i;
      }
    }();
    const auto ask = [](async_generator<int>& g) -> task<int> { co_return *co_await g.next(); };
    EXPECT_EQ(co_await with_timeout(1s, ask(numbers)), 0);
    EXPECT_EQ(co_await ask(numbers), 1); // another scope: not cancelled
  });
}

TEST(async_generator, one_who_asks_at_a_time) {
  on_loop([]() -> task<void> {
    event go;
    auto numbers = [](event& e) -> async_generator<int> {
      co_await e.wait();
      co_yield 1;
    }(go);
    co_await with_task_group([&](task_group& group) -> task<void> {
      const auto ask = [&]() -> task<void> { EXPECT_EQ(co_await numbers.next(), 1); };
      group.spawn(ask);
      EXPECT_EQ(co_await failure_of(ask()),
                "invalid_argument: a generator is asked while another task waits for its next element");
      go.set();
    });
    EXPECT_EQ(co_await numbers.next(), std::nullopt);
  });
}

TEST(async_generator, is_in_the_stack_of_the_task_that_asks) {
  on_loop([]() -> task<void> {
    event go;
    auto numbers = [](event& e) -> async_generator<int> {
      co_await e.wait();
      co_yield 1;
    }(go);
    co_await with_task_group([&](task_group& group) -> task<void> {
      group.spawn([&]() -> task<void> { co_await numbers.next(); }, "asks");
      const auto tree = task_tree(loop::current());
      bool found = false;
      for (const task_info& root : tree)
        for (const task_info& child : root.children)
          if (child.name == "asks") {
            found = true;
            EXPECT_EQ(child.state, "waits for event");
            EXPECT_EQ(child.stack.size(), 2u);
          }
      EXPECT_TRUE(found) << to_string(tree);
      go.set();
      co_return;
    });
  });
}

TEST(async_generator, generators_nest) {
  on_loop([]() -> task<void> {
    auto evens = [](async_generator<int> from) -> async_generator<int> {
      while (auto n = co_await from.next())
        if (*n % 2 == 0) co_yield *n;
    }(count_to(6));
    std::vector<int> got;
    while (auto n = co_await evens.next()) got.push_back(*n);
    EXPECT_EQ(got, (std::vector<int>{2, 4, 6}));
  });
}

TEST(async_generator_death, dies_with_a_word_while_somebody_waits) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(on_loop([]() -> task<void> {
                 auto numbers = std::make_unique<async_generator<int>>([]() -> async_generator<int> {
                   co_await until_cancelled();
                   co_yield 1;
                 }());
                 co_await with_task_group([&](task_group& group) -> task<void> {
                   group.spawn([&]() -> task<void> { co_await numbers->next(); });
                   numbers.reset();
                   co_return;
                 });
               }),
               "an async_generator died while a task waited");
}

} // namespace
