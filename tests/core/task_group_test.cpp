#include "core/support.hpp"

#include <weir/core/other_errors.hpp>
#include <weir/core/shield.hpp>
#include <weir/core/stop.hpp>
#include <weir/core/task_group.hpp>
#include <weir/core/task_tree.hpp>
#include <weir/core/timeout.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace weir;
using namespace weir::testing;
using namespace std::chrono_literals;

namespace {

TEST(task_group, waits_for_children_and_their_children) {
  int ended = 0;
  run([](int& n) -> task<void> {
    co_await with_task_group([&](task_group& group) -> task<void> {
      group.spawn([&]() -> task<void> {
        co_await sleep_for(10ms);
        group.spawn([&]() -> task<void> {
          co_await sleep_for(10ms);
          ++n;
        });
        ++n;
      });
      co_return;
    });
    EXPECT_EQ(n, 2);
  }(ended));
  EXPECT_EQ(ended, 2);
}

TEST(task_group, a_lambda_lives_as_long_as_its_child) {
  std::string said;
  run([](std::string& out) -> task<void> {
    co_await with_task_group([&](task_group& group) -> task<void> {
      {
        std::string text(200, 'x');
        group.spawn([text, &out]() -> task<void> {
          co_await sleep_for(10ms);
          out = text;
        });
      }
      co_return;
    });
  }(said));
  EXPECT_EQ(said, std::string(200, 'x'));
}

TEST(task_group, child_error_cancels_siblings_and_body) {
  int cancelled_count = 0;
  try {
    run([](int& n) -> task<void> {
      const auto wait = [](int& count) -> task<void> {
        try {
          co_await sleep_for(10s);
        } catch (const cancelled&) {
          ++count;
          throw;
        }
      };
      co_await with_task_group([&](task_group& group) -> task<void> {
        group.spawn(wait(n));
        group.spawn([]() -> task<void> {
          co_await sleep_for(5ms);
          throw error(errc::corrupt, "child");
        });
        co_await wait(n);
      });
    }(cancelled_count));
    FAIL() << "no error";
  } catch (const error& e) {
    EXPECT_STREQ(e.what(), "child");
  }
  EXPECT_EQ(cancelled_count, 2);
}

TEST(task_group, a_handle_cancels_one_child_without_error) {
  run([]() -> task<void> {
    bool other_ended = false;
    co_await with_task_group([&](task_group& group) -> task<void> {
      auto handle = group.spawn([]() -> task<void> { co_await sleep_for(10s); });
      group.spawn([&]() -> task<void> {
        co_await sleep_for(20ms);
        other_ended = true;
      });
      EXPECT_FALSE(handle.done());
      handle.cancel();
      co_await sleep_for(1ms);
      EXPECT_TRUE(handle.done());
      handle.cancel();
    });
    EXPECT_TRUE(other_ended);
  }());
}

TEST(task_group, cancelling_the_group_is_no_error) {
  EXPECT_NO_THROW(run([]() -> task<void> {
    co_await with_task_group([](task_group& group) -> task<void> {
      group.spawn([]() -> task<void> { co_await sleep_for(10s); });
      group.cancel();
      co_return;
    });
    co_await sleep_for(1ms); // the caller itself is not cancelled
  }()));
}

TEST(task_group, frees_children_when_they_end) {
  run([]() -> task<void> {
    auto alive = std::make_shared<int>(0);
    co_await with_task_group([&](task_group& group) -> task<void> {
      for (int i = 0; i < 1000; ++i) group.spawn([held = alive]() -> task<void> { co_await yield_now(); });
      while (group.size() > 0) co_await sleep_for(1ms);
      EXPECT_EQ(alive.use_count(), 1);
    });
  }());
}

TEST(task_group, returns_the_value_of_its_body) {
  EXPECT_EQ(
      run([]() -> task<int> { co_return co_await with_task_group([](task_group&) -> task<int> { co_return 9; }); }()),
      9);
}

struct late_spawner {
  task_group* group = nullptr;
  std::string* said = nullptr;
  late_spawner(task_group& g, std::string& s) : group(&g), said(&s) {}
  late_spawner(late_spawner&& other) noexcept : group(std::exchange(other.group, nullptr)), said(other.said) {}
  ~late_spawner() {
    if (group) *said = failure_of_call([&] { group->spawn([]() -> task<void> { co_return; }); });
  }
};

TEST(task_group, G1_spawn_after_the_end_is_an_error) {
  on_manual_time([]() -> task<void> {
    std::string said;
    const auto run_group = [](std::string& out) -> task<void> {
      co_await with_task_group([&](task_group& group) -> task<late_spawner> {
        group.spawn([]() -> task<void> {
          co_await sleep_for(1s);
          throw error(errc::corrupt, "child");
        });
        co_return late_spawner(group, out);
      });
    };
    EXPECT_EQ(co_await failure_of(run_group(said)), "corrupt: child");
    EXPECT_EQ(said, "invalid_argument: the task group has ended: it takes no more children");
  });
}

// G1: a group cannot be entered twice: with_task_group makes a fresh one.

TEST(task_group, G1_a_child_spawned_after_a_failure_stops_at_its_first_wait) {
  on_loop([]() -> task<void> {
    std::string said;
    const auto group_that_fails = [](std::string& out) -> task<void> {
      co_await with_task_group([&](task_group& group) -> task<void> {
        group.spawn([]() -> task<void> {
          throw error(errc::corrupt, "child");
          co_return;
        });
        group.spawn([&]() -> task<void> {
          out += "started";
          co_await yield_now();
          out += " and went on";
        });
        co_return;
      });
    };
    EXPECT_EQ(co_await failure_of(group_that_fails(said)), "corrupt: child");
    EXPECT_EQ(said, "started");
  });
}

TEST(task_group, G2_children_of_children_are_awaited) {
  on_manual_time([]() -> task<void> {
    int ended = 0;
    co_await with_task_group([&](task_group& group) -> task<void> {
      group.spawn([&]() -> task<void> {
        co_await sleep_for(1s);
        group.spawn([&]() -> task<void> {
          co_await sleep_for(1s);
          group.spawn([&]() -> task<void> {
            co_await sleep_for(1s);
            ++ended;
          });
          ++ended;
        });
        ++ended;
      });
      co_return;
    });
    EXPECT_EQ(ended, 3);
  });
}

TEST(task_group, G4_a_child_error_cancels_host_and_siblings) {
  on_loop([]() -> task<void> {
    int seen = 0;
    const auto work = [](int& n) -> task<void> {
      co_await with_task_group([&](task_group& group) -> task<void> {
        group.spawn(noting_cancellation_void(n));
        group.spawn([]() -> task<void> {
          co_await yield_now();
          throw error(errc::corrupt, "child");
        });
        co_await noting_cancellation(n);
      });
    };
    EXPECT_EQ(co_await failure_of(work(seen)), "corrupt: child");
    EXPECT_EQ(seen, 2);
  });
}

TEST(task_group, G4_a_host_error_cancels_the_children) {
  on_loop([]() -> task<void> {
    int seen = 0;
    const auto work = [](int& n) -> task<void> {
      co_await with_task_group([&](task_group& group) -> task<void> {
        group.spawn(noting_cancellation_void(n));
        co_await yield_now();
        throw error(errc::corrupt, "host");
      });
    };
    EXPECT_EQ(co_await failure_of(work(seen)), "corrupt: host");
    EXPECT_EQ(seen, 1);
  });
}

TEST(task_group, G4_of_both_errors_the_first_is_thrown_as_itself_with_the_other_attached) {
  on_loop([]() -> task<void> {
    std::string first;
    std::vector<std::exception_ptr> others;
    try {
      co_await with_task_group([](task_group& group) -> task<void> {
        group.spawn([]() -> task<void> {
          try {
            co_await until_cancelled();
          } catch (const cancelled&) {}
          throw std::runtime_error("child");
        });
        throw error(errc::corrupt, "host");
        co_return;
      });
    } catch (const error& e) {
      first = e.what();
      others = other_errors();
    }
    EXPECT_EQ(first, "host");
    EXPECT_EQ(others.size(), 1u);
    EXPECT_EQ(text_of(others.at(0)), "child");
  });
}

TEST(task_group, G4_groups_nest_and_an_inner_failure_is_the_outer_child_s) {
  on_loop([]() -> task<void> {
    int outer_seen = 0, inner_seen = 0;
    const auto work = [](int& outer, int& inner) -> task<void> {
      co_await with_task_group([&](task_group& group) -> task<void> {
        group.spawn(noting_cancellation_void(outer));
        co_await with_task_group([&](task_group& nested) -> task<void> {
          nested.spawn(noting_cancellation_void(inner));
          nested.spawn([]() -> task<void> {
            co_await yield_now();
            throw error(errc::corrupt, "inner");
          });
          co_return;
        });
      });
    };
    EXPECT_EQ(co_await failure_of(work(outer_seen, inner_seen)), "corrupt: inner");
    EXPECT_EQ(outer_seen, 1);
    EXPECT_EQ(inner_seen, 1);
  });
}

TEST(task_group, G4_an_inner_failure_that_is_caught_leaves_the_outer_group_alone) {
  on_loop([]() -> task<void> {
    bool sibling_ended = false;
    co_await with_task_group([&](task_group& group) -> task<void> {
      group.spawn([&]() -> task<void> {
        for (int i = 0; i < 10; ++i) co_await yield_now();
        sibling_ended = true;
      });
      try {
        co_await with_task_group([](task_group& nested) -> task<void> {
          nested.spawn([]() -> task<void> {
            throw error(errc::corrupt, "inner");
            co_return;
          });
          co_return;
        });
      } catch (const error&) {}
      EXPECT_FALSE(group.is_cancelled());
    });
    EXPECT_TRUE(sibling_ended);
  });
}

TEST(task_group, G5_cancellations_are_never_among_the_errors) {
  on_loop([]() -> task<void> {
    int seen = 0;
    std::size_t others = 99;
    try {
      co_await with_task_group([&](task_group& group) -> task<void> {
        for (int i = 0; i < 5; ++i) group.spawn(noting_cancellation_void(seen));
        co_await yield_now();
        throw error(errc::corrupt, "host");
      });
    } catch (const error&) {
      others = other_errors().size();
    }
    EXPECT_EQ(seen, 5);
    EXPECT_EQ(others, 0u);
  });
}

TEST(task_group, G5_one_cancellation_leaves_an_outer_scope) {
  on_manual_time([]() -> task<void> {
    int seen = 0, left = 0;
    const auto work = [](int& n, int& out) -> task<void> {
      try {
        co_await with_task_group([&](task_group& group) -> task<void> {
          for (int i = 0; i < 5; ++i) group.spawn(noting_cancellation_void(n));
          co_return;
        });
      } catch (const cancelled&) {
        ++out;
        throw;
      }
    };
    EXPECT_EQ(co_await failure_of(with_timeout(1s, work(seen, left))), "timeout: not finished within 1 s");
    EXPECT_EQ(seen, 5);
    EXPECT_EQ(left, 1);
  });
}

TEST(task_group, G6_every_wait_in_a_cancelled_group_throws_until_it_is_left) {
  on_loop([]() -> task<void> {
    int thrown = 0;
    co_await with_task_group([&](task_group& group) -> task<void> {
      group.cancel();
      for (int i = 0; i < 3; ++i) try {
          co_await yield_now();
        } catch (const cancelled&) {
          ++thrown;
        }
    });
    EXPECT_EQ(thrown, 3);
    co_await yield_now(); // left: no more
  });
}

TEST(task_group, G7_a_cancellation_before_entry_is_honoured) {
  on_loop([]() -> task<void> {
    bool entered = false, went_on = false;
    co_await with_task_group([&](task_group& outer) -> task<void> {
      outer.cancel();
      co_await with_task_group([&](task_group& inner) -> task<void> {
        entered = true;
        EXPECT_TRUE(inner.is_cancelled());
        co_await yield_now();
        went_on = true;
      });
      ADD_FAILURE() << "the inner group was left without the cancellation";
    });
    EXPECT_TRUE(entered);
    EXPECT_FALSE(went_on);
  });
}

TEST(task_group, G7_cancelling_a_finished_task_and_cancelling_twice_are_harmless) {
  on_loop([]() -> task<void> {
    co_await with_task_group([&](task_group& group) -> task<void> {
      auto done = group.spawn([]() -> task<void> { co_return; });
      EXPECT_EQ(done.status(), task_status::finished);
      done.cancel();
      EXPECT_EQ(done.status(), task_status::finished);
      int seen = 0;
      auto waits = group.spawn(noting_cancellation_void(seen));
      waits.cancel();
      waits.cancel();
      co_await waits.join();
      EXPECT_EQ(seen, 1);
      group.cancel();
      group.cancel();
    });
    task_handle{}.cancel();
  });
}

TEST(task_group, G7_a_task_cancelled_at_once_has_run_to_its_first_wait) {
  on_loop([]() -> task<void> {
    std::string said;
    co_await with_task_group([&](task_group& group) -> task<void> {
      group
          .spawn([&]() -> task<void> {
            said += "begun";
            co_await sleep_for(1h);
            said += " and went on";
          })
          .cancel();
      co_return;
    });
    EXPECT_EQ(said, "begun");
  });
}

// Where anyio's groups always pass a checkpoint, ours cost nothing without children.
TEST(task_group, G12_an_empty_group_is_left_at_once_and_does_not_yield) {
  on_loop([]() -> task<void> {
    bool other_ran = false;
    co_await with_task_group([&](task_group& outer) -> task<void> {
      outer.spawn([&]() -> task<void> {
        co_await yield_now();
        other_ran = true;
      });
      co_await with_task_group([](task_group&) -> task<void> { co_return; });
      EXPECT_FALSE(other_ran);
    });
    EXPECT_TRUE(other_ran);
  });
}

TEST(task_group, G12_an_empty_group_in_a_cancelled_scope_throws) {
  on_loop([]() -> task<void> {
    co_await with_task_group([&](task_group& outer) -> task<void> {
      outer.cancel();
      co_await with_task_group([](task_group&) -> task<void> { co_return; });
      ADD_FAILURE() << "left without the cancellation";
    });
  });
}

TEST(task_group, G13_an_error_and_what_it_holds_die_with_its_handler) {
  struct holding : std::runtime_error {
    explicit holding(std::shared_ptr<int> h) : std::runtime_error("held"), held(std::move(h)) {}
    std::shared_ptr<int> held;
  };
  on_loop([]() -> task<void> {
    auto alive = std::make_shared<int>(1);
    const auto frames = loop::current().counters().frames;
    try {
      co_await with_task_group([&](task_group& group) -> task<void> {
        group.spawn([held = alive]() -> task<void> {
          co_await yield_now();
          throw holding(held);
        });
        group.spawn([held = alive]() -> task<void> { co_await until_cancelled(); });
        co_await until_cancelled();
      });
    } catch (const holding&) {}
    EXPECT_EQ(alive.use_count(), 1);
    EXPECT_EQ(loop::current().counters().frames, frames);
  });
}

TEST(task_group, G13_a_cancelled_child_s_objects_die_before_its_handle) {
  on_loop([]() -> task<void> {
    auto alive = std::make_shared<int>(1);
    co_await with_task_group([&](task_group& group) -> task<void> {
      auto child = group.spawn([held = alive]() -> task<void> { co_await until_cancelled(); });
      child.cancel();
      co_await child.join();
      EXPECT_EQ(alive.use_count(), 1);
      EXPECT_EQ(group.size(), 0u);
    });
  });
}

TEST(task_group, G14_a_cancelled_group_that_waits_for_a_shielded_child_does_not_spin) {
  on_loop([]() -> task<void> {
    const auto before = loop::current().counters();
    co_await with_task_group([](task_group& group) -> task<void> {
      group.spawn([]() -> task<void> { co_await shield([]() -> task<void> { co_await sleep_for(100ms); }()); });
      group.cancel();
      co_await until_cancelled();
    });
    const auto now = loop::current().counters();
    EXPECT_LT(now.turns - before.turns, 20u);
    EXPECT_LT(now.resumed - before.resumed, 20u);
  });
}

TEST(task_group, G14_a_cancelled_group_whose_host_is_gone_does_not_spin) {
  on_loop([]() -> task<void> {
    co_await with_task_group([](task_group& outer) -> task<void> {
      auto host = outer.spawn([]() -> task<void> {
        co_await with_task_group([](task_group& group) -> task<void> {
          group.spawn([]() -> task<void> { co_await until_cancelled(); });
          co_await until_cancelled();
        });
      });
      host.cancel();
      co_await host.join();
    });
    const auto before = loop::current().counters();
    co_await sleep_for(100ms);
    EXPECT_LT(loop::current().counters().resumed - before.resumed, 10u);
    EXPECT_LT(loop::current().counters().turns - before.turns, 20u);
  });
}

TEST(task_group, a_body_with_a_value_that_was_cut_short_throws_cancelled) {
  on_loop([]() -> task<void> {
    const auto work = []() -> task<int> {
      co_return co_await with_task_group([](task_group& group) -> task<int> {
        group.cancel();
        co_await yield_now();
        co_return 1;
      });
    };
    EXPECT_EQ(co_await failure_of(work()), "cancelled");
  });
}

} // namespace
