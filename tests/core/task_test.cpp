#include "core/support.hpp"

#include <weir/core/gather.hpp>
#include <weir/core/task.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>

using namespace weir;
using namespace weir::testing;
using namespace std::chrono_literals;

namespace {

TEST(task, moves_values_that_cannot_be_copied_and_references) {
  const auto made = run([]() -> task<std::unique_ptr<int>> { co_return std::make_unique<int>(3); }());
  EXPECT_EQ(*made, 3);
  int x = 1;
  int& same = run([](int& r) -> task<int&> { co_return r; }(x));
  EXPECT_EQ(&same, &x);
}

TEST(task, a_million_awaits_in_a_loop_need_no_stack) {
  const auto sum = run([]() -> task<long> {
    long total = 0;
    for (int i = 0; i < 1'000'000; ++i) total += co_await [](int n) -> task<int> { co_return n & 1; }(i);
    co_return total;
  }());
  EXPECT_EQ(sum, 500'000);
}

TEST(task, that_never_runs_frees_its_frame) {
  auto alive = std::make_shared<int>(1);
  {
    auto unused = [](std::shared_ptr<int> held) -> task<void> {
      (void)held;
      co_return;
    }(alive);
    EXPECT_EQ(alive.use_count(), 2);
  }
  EXPECT_EQ(alive.use_count(), 1);
}

TEST(task, is_lazy) {
  bool ran = false;
  on_loop([&]() -> task<void> {
    auto work = [](bool& flag) -> task<void> {
      flag = true;
      co_return;
    }(ran);
    co_await yield_now();
    EXPECT_FALSE(ran);
    co_await std::move(work);
    EXPECT_TRUE(ran);
  });
}

TEST(task, moves_and_empty) {
  task<int> none;
  EXPECT_FALSE(none);
  auto first = after(0s, 3);
  task<int> second = std::move(first);
  EXPECT_FALSE(first);
  EXPECT_TRUE(second);
  EXPECT_EQ(run(std::move(second)), 3);
}

TEST(task, rethrows_what_its_body_threw_as_itself) {
  struct mine {
    int number;
  };
  on_loop([]() -> task<void> {
    int caught = 0;
    try {
      co_await []() -> task<void> {
        co_await yield_now();
        throw mine{7};
      }();
    } catch (const mine& m) {
      caught = m.number;
    }
    EXPECT_EQ(caught, 7);
  });
}

TEST(task, a_deep_recursion_resumes_in_order) {
  struct local {
    static task<int> depth(int n) {
      if (n == 0) {
        co_await yield_now();
        co_return 0;
      }
      co_return 1 + co_await depth(n - 1);
    }
  };
  EXPECT_EQ(run(local::depth(10'000)), 10'000);
}

TEST(task, locals_die_as_soon_as_it_ends) {
  on_loop([]() -> task<void> {
    auto alive = std::make_shared<int>(1);
    co_await [](std::shared_ptr<int> held) -> task<void> {
      auto copy = held;
      co_await yield_now();
    }(alive);
    EXPECT_EQ(alive.use_count(), 1);
  });
}

TEST(task, frames_are_given_back) {
  on_loop([]() -> task<void> {
    const auto before = loop::current().counters().frames;
    for (int i = 0; i < 100; ++i) co_await [](int n) -> task<int> { co_return n; }(i);
    EXPECT_EQ(loop::current().counters().frames, before);
  });
}

TEST(task, yield_now_lets_others_run) {
  on_loop([]() -> task<void> {
    std::string order;
    const auto work = [](std::string& out, char name) -> task<void> {
      for (int i = 0; i < 3; ++i) {
        out += name;
        co_await yield_now();
      }
    };
    co_await gather(work(order, 'a'), work(order, 'b'));
    EXPECT_EQ(order, "ababab");
  });
}

} // namespace
