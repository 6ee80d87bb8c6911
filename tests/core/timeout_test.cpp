#include "core/support.hpp"

#include <weir/core/gather.hpp>
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

TEST(with_timeout, cancels_and_waits) {
  bool cleaned = false;
  const auto begin = clock::now();
  try {
    run(with_timeout(30ms, [](bool& flag) -> task<void> {
      struct on_exit {
        bool& flag;
        ~on_exit() { flag = true; }
      } guard{flag};
      co_await sleep_for(10s);
    }(cleaned)));
    FAIL() << "no timeout";
  } catch (const error& e) {
    EXPECT_EQ(e.code(), errc::timeout);
    EXPECT_STREQ(e.what(), "not finished within 30 ms");
  }
  EXPECT_TRUE(cleaned);
  EXPECT_LT(clock::now() - begin, 5s);
}

TEST(with_timeout, nested_limits_the_earliest_acts) {
  const auto work = [](std::string& who) -> task<void> {
    try {
      co_await with_timeout(10s, [](std::string& w) -> task<void> {
        try {
          co_await with_timeout(20ms, []() -> task<void> { co_await sleep_for(10s); }());
        } catch (const error&) {
          w = "inner";
          throw;
        }
      }(who));
    } catch (const error&) {
      who += " outer";
    }
  };
  std::string who;
  run(work(who));
  EXPECT_EQ(who, "inner outer");
}

TEST(with_timeout, outer_limit_is_reported_by_the_outer_one) {
  std::string who;
  run([](std::string& w) -> task<void> {
    try {
      co_await with_timeout(20ms, [](std::string& w2) -> task<void> {
        try {
          co_await with_timeout(10s, []() -> task<void> { co_await sleep_for(10s); }());
        } catch (const error&) {
          w2 += "inner ";
          throw;
        }
      }(w));
    } catch (const error&) {
      w += "outer";
    }
  }(who));
  EXPECT_EQ(who, "outer");
}

TEST(with_timeout, a_value_in_time_is_returned) {
  EXPECT_EQ(run(with_timeout(5s, []() -> task<int> { co_return 4; }())), 4);
}

TEST(with_timeout, G8_without_any_time_the_work_is_cancelled_at_its_first_wait) {
  on_manual_time([]() -> task<void> {
    for (const auto allowed : {clock::duration(0), clock::duration(-5s)}) {
      std::string said;
      EXPECT_EQ((co_await failure_of(with_timeout(allowed,
                                                  [](std::string& out) -> task<void> {
                                                    out = "begun";
                                                    co_await yield_now();
                                                    out = "went on";
                                                  }(said))))
                    .substr(0, 8),
                "timeout:");
      EXPECT_EQ(said, "begun");
    }
  });
}

TEST(with_timeout, G8_without_any_time_work_that_does_not_wait_returns_its_value) {
  EXPECT_EQ(run(with_timeout(0s, []() -> task<int> { co_return 3; }())), 3);
}

TEST(with_timeout, G8_no_limit) {
  on_manual_time([]() -> task<void> {
    EXPECT_EQ(co_await with_timeout(clock::duration::max(), after(24h, 3)), 3);
    EXPECT_EQ(
        co_await with_timeout(clock::duration::max(),
                              []() -> task<bool> { co_return this_task::deadline() == clock::time_point::max(); }()),
        true);
  });
}

TEST(with_timeout, G8_nested_the_outer_one_acts_when_it_is_earlier) {
  on_manual_time([]() -> task<void> {
    std::string inner = "nothing";
    const std::string outer = co_await failure_of(with_timeout(1s, [](std::string& in) -> task<void> {
      try {
        co_await with_timeout(5s, after(10s, 0));
      } catch (...) {
        in = text_of(std::current_exception());
        throw;
      }
    }(inner)));
    EXPECT_EQ(outer, "timeout: not finished within 1 s");
    EXPECT_EQ(inner, "cancelled");
  });
}

TEST(with_timeout, G8_nested_both_at_the_same_moment_the_outer_one_is_told) {
  on_manual_time([]() -> task<void> {
    std::string inner = "nothing";
    const std::string outer = co_await failure_of(with_timeout(0s, [](std::string& in) -> task<void> {
      try {
        co_await with_timeout(0s, after(10s, 0));
      } catch (...) {
        in = text_of(std::current_exception());
        throw;
      }
    }(inner)));
    EXPECT_EQ(outer.substr(0, 8), "timeout:");
    EXPECT_EQ(inner, "cancelled");
  });
}

TEST(with_timeout, G8_a_moved_limit_acts_later) {
  on_manual_time([]() -> task<void> {
    const auto begin = loop::current().now();
    EXPECT_EQ(co_await with_timeout(1s,
                                    [](time_limit& limit) -> task<int> {
                                      limit.move_to(limit.deadline() + 5s);
                                      co_await sleep_for(3s);
                                      EXPECT_FALSE(limit.expired());
                                      co_return 2;
                                    }),
              2);
    EXPECT_GE(loop::current().now() - begin, 3s);
  });
}

TEST(with_timeout, G8_a_limit_moved_into_the_past_acts_at_once) {
  on_manual_time([]() -> task<void> {
    const std::string end = co_await failure_of(with_timeout(10s, [](time_limit& limit) -> task<void> {
      limit.move_to(loop::current().now() - 1s);
      EXPECT_TRUE(limit.expired());
      limit.move_to(clock::time_point::max()); // too late
      co_await yield_now();
    }));
    EXPECT_EQ(end.substr(0, 8), "timeout:");
  });
}

TEST(with_timeout, G8_a_limit_that_is_restarted_with_each_step_does_not_act) {
  on_manual_time([]() -> task<void> {
    const std::string end = co_await failure_of(with_timeout(2s, [](time_limit& limit) -> task<void> {
      for (int step = 0; step < 5; ++step) {
        co_await sleep_for(1s);
        limit.restart(2s);
      }
      co_await sleep_for(3s);
    }));
    EXPECT_EQ(end, "timeout: not finished within 2 s");
  });
}

TEST(with_timeout, G8_a_limit_that_is_taken_away_does_not_act) {
  on_manual_time([]() -> task<void> {
    EXPECT_EQ(co_await with_timeout(1s,
                                    [](time_limit& limit) -> task<int> {
                                      limit.move_to(clock::time_point::max());
                                      co_await sleep_for(60s);
                                      co_return 1;
                                    }),
              1);
  });
}

TEST(with_timeout, G8_the_text_says_how_long) {
  on_manual_time([]() -> task<void> {
    EXPECT_EQ(co_await failure_of(with_timeout(1500ms, after(1h, 0))), "timeout: not finished within 1500 ms");
    EXPECT_EQ(co_await failure_of(with_timeout(120s, after(1h, 0))), "timeout: not finished within 120 s");
  });
}

TEST(with_timeout, G8_cancelled_early_is_not_a_timeout) {
  on_manual_time([]() -> task<void> {
    std::string end;
    co_await with_task_group([&](task_group& group) -> task<void> {
      auto child = group.spawn([&]() -> task<void> {
        try {
          co_await with_timeout(10s, after(60s, 0));
        } catch (...) {
          end = text_of(std::current_exception());
          throw;
        }
      });
      co_await sleep_for(1s);
      child.cancel();
      co_await child.join();
      EXPECT_EQ(child.status(), task_status::cancelled);
    });
    EXPECT_EQ(end, "cancelled");
  });
}

TEST(with_timeout, G8_the_value_of_work_that_finished_all_the_same_is_returned) {
  on_manual_time([]() -> task<void> { EXPECT_EQ(co_await with_timeout(1s, shield(after(5s, 7))), 7); });
}

TEST(with_timeout, G8_an_error_on_the_way_out_is_the_error) {
  on_manual_time([]() -> task<void> {
    EXPECT_EQ(co_await failure_of(with_timeout(1s,
                                               []() -> task<void> {
                                                 try {
                                                   co_await until_cancelled();
                                                 } catch (const cancelled&) {}
                                                 throw error(errc::no_space, "clean-up failed");
                                               }())),
              "no_space: clean-up failed");
  });
}

TEST(with_timeout, the_caller_goes_on_after_it) {
  on_manual_time([]() -> task<void> {
    EXPECT_NE(co_await failure_of(with_timeout(1s, after(60s, 0))), "nothing");
    EXPECT_FALSE(this_task::is_cancelled());
    co_await sleep_for(1s);
  });
}

TEST(with_timeout, leaves_no_timer_behind) {
  on_manual_time([]() -> task<void> {
    const auto before = loop::current().counters().timers_armed;
    EXPECT_EQ(co_await with_timeout(60s, after(1s, 1)), 1);
    EXPECT_EQ(loop::current().counters().timers_armed, before);
  });
}

TEST(with_deadline, G8_acts_at_a_point_in_time) {
  on_manual_time([]() -> task<void> {
    const auto when = loop::current().now() + 2s;
    EXPECT_EQ(co_await failure_of(with_deadline(when, after(60s, 0))), "timeout: not finished within 2 s");
    EXPECT_GE(loop::current().now(), when);
    EXPECT_EQ((co_await failure_of(with_deadline(when, after(60s, 0)))).substr(0, 8), "timeout:"); // has passed
    EXPECT_EQ(co_await with_deadline(clock::time_point::max(), after(60s, 4)), 4);
  });
}

TEST(move_on_after, G8_gives_the_value_or_nothing) {
  on_manual_time([]() -> task<void> {
    EXPECT_EQ(co_await move_on_after(2s, after(1s, 1)), 1);
    EXPECT_EQ(co_await move_on_after(1s, after(2s, 1)), std::nullopt);
    EXPECT_TRUE(co_await move_on_after(1s, []() -> task<void> { co_return; }()));
    EXPECT_FALSE(co_await move_on_after(1s, []() -> task<void> { co_await until_cancelled(); }()));
    EXPECT_EQ(co_await failure_of(move_on_after(2s, failing(1s))), "not_found: gone");
  });
}

TEST(move_on_after, G8_a_cancellation_from_outside_passes_through) {
  on_manual_time([]() -> task<void> {
    EXPECT_EQ(co_await failure_of(with_timeout(1s, move_on_after(5s, after(60s, 0)))),
              "timeout: not finished within 1 s");
  });
}

TEST(deadline, the_earliest_around_counts) {
  on_manual_time([]() -> task<void> {
    EXPECT_EQ(this_task::deadline(), clock::time_point::max());
    const auto now = loop::current().now();
    const auto look = []() -> task<clock::time_point> { co_return this_task::deadline(); };
    EXPECT_EQ(co_await with_timeout(5s, look()), now + 5s);
    EXPECT_EQ(co_await with_timeout(5s, with_timeout(2s, look())), now + 2s);
    EXPECT_EQ(co_await with_timeout(2s, with_timeout(5s, look())), now + 2s);
    EXPECT_EQ(co_await with_timeout(2s, shield(look())), clock::time_point::max());
    EXPECT_EQ(this_task::deadline(), clock::time_point::max());
  });
}

TEST(deadline, reaches_children) {
  on_manual_time([]() -> task<void> {
    const auto now = loop::current().now();
    clock::time_point in_child, in_gather;
    co_await with_timeout(5s, [](clock::time_point& child, clock::time_point& gathered) -> task<void> {
      const auto look = [](clock::time_point& out) -> task<void> {
        out = this_task::deadline();
        co_return;
      };
      co_await with_task_group([&](task_group& group) -> task<void> {
        group.spawn(look(child));
        co_return;
      });
      co_await gather(look(gathered), after(0s, 0));
    }(in_child, in_gather));
    EXPECT_EQ(in_child, now + 5s);
    EXPECT_EQ(in_gather, now + 5s);
  });
}

TEST(deadline, follows_a_moved_limit) {
  on_manual_time([]() -> task<void> {
    const auto now = loop::current().now();
    co_await with_timeout(5s, [now](time_limit& limit) -> task<void> {
      limit.move_to(now + 9s);
      EXPECT_EQ(this_task::deadline(), now + 9s);
      EXPECT_EQ(limit.deadline(), now + 9s);
      co_return;
    });
  });
}

} // namespace
