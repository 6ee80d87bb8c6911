#include "core/support.hpp"

#include <weir/core/shield.hpp>
#include <weir/core/stop.hpp>
#include <weir/core/task_group.hpp>
#include <weir/core/timeout.hpp>

#include <gtest/gtest.h>

#include <string>

using namespace weir;
using namespace weir::testing;
using namespace std::chrono_literals;

namespace {

TEST(shield, lets_clean_up_finish) {
  bool cleaned = false;
  EXPECT_THROW(run(with_timeout(10ms,
                                [](bool& flag) -> task<void> {
                                  std::exception_ptr why;
                                  try {
                                    co_await sleep_for(10s);
                                  } catch (...) {
                                    why = std::current_exception();
                                  }
                                  co_await shield([](bool& f) -> task<void> {
                                    co_await sleep_for(30ms);
                                    f = true;
                                  }(flag));
                                  std::rethrow_exception(why);
                                }(cleaned))),
               error);
  EXPECT_TRUE(cleaned);
}

TEST(shield, G9_protects_from_outside) {
  on_manual_time([]() -> task<void> {
    std::string said;
    EXPECT_EQ(co_await failure_of(with_timeout(1s,
                                               [](std::string& out) -> task<void> {
                                                 co_await shield([](std::string& o) -> task<void> {
                                                   EXPECT_FALSE(this_task::is_cancelled());
                                                   co_await sleep_for(5s);
                                                   EXPECT_FALSE(this_task::is_cancelled());
                                                   o += "finished";
                                                 }(out));
                                                 EXPECT_TRUE(this_task::is_cancelled());
                                                 co_await yield_now();
                                                 out += " and went on";
                                               }(said))),
              "timeout: not finished within 1 s");
    EXPECT_EQ(said, "finished");
  });
}

TEST(shield, G9_does_not_protect_from_a_limit_of_its_own) {
  on_manual_time([]() -> task<void> {
    EXPECT_EQ(co_await failure_of(shield(with_timeout(1s, after(60s, 0)))), "timeout: not finished within 1 s");
  });
}

TEST(shield, G9_does_not_protect_from_a_group_inside_of_it) {
  on_loop([]() -> task<void> {
    int seen = 0;
    co_await shield([](int& n) -> task<void> {
      co_await with_task_group([&](task_group& group) -> task<void> {
        group.spawn(noting_cancellation_void(n));
        group.cancel();
        co_return;
      });
    }(seen));
    EXPECT_EQ(seen, 1);
  });
}

// anyio lets a shield be switched while it runs. Here what is shielded is one call: it cannot.
TEST(shield, G9_is_a_call_and_cannot_be_switched_while_it_runs) {
  on_loop([]() -> task<void> {
    int value = 0;
    co_await with_task_group([&](task_group& group) -> task<void> {
      group.cancel();
      value = co_await shield(after(1ms, 3));
    });
    EXPECT_EQ(value, 3);
  });
}

TEST(shield, G9_waiting_in_it_while_cancelled_burns_no_time) {
  on_loop([]() -> task<void> {
    const auto before = loop::current().counters();
    co_await with_task_group([](task_group& group) -> task<void> {
      group.cancel();
      co_await shield([]() -> task<void> { co_await sleep_for(100ms); }());
    });
    const auto now = loop::current().counters();
    EXPECT_LT(now.resumed - before.resumed, 10u);
    EXPECT_LT(now.turns - before.turns, 20u);
  });
}

TEST(shield, returns_and_fails_as_its_work) {
  on_loop([]() -> task<void> {
    EXPECT_EQ(co_await shield(after(0s, 4)), 4);
    EXPECT_EQ(co_await failure_of(shield(failing(0s))), "not_found: gone");
  });
}

} // namespace
