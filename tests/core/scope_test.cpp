#include <weir/core/event.hpp>
#include <weir/core/run.hpp>
#include <weir/core/shield.hpp>
#include <weir/core/sleep.hpp>
#include <weir/core/stop.hpp>
#include <weir/core/task_group.hpp>
#include <weir/core/timeout.hpp>

#include <gtest/gtest.h>

#include <csignal>
#include <string>
#include <thread>

using namespace std::chrono_literals;
using namespace weir;

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

TEST(run, a_signal_cancels_the_root) {
  bool cleaned = false;
  EXPECT_THROW(run([](bool& flag) -> task<void> {
                 struct on_exit {
                   bool& flag;
                   ~on_exit() { flag = true; }
                 } guard{flag};
                 std::thread([] {
                   std::this_thread::sleep_for(20ms);
                   ::kill(::getpid(), SIGTERM);
                 }).detach();
                 co_await sleep_for(10s);
               }(cleaned)),
               cancelled);
  EXPECT_TRUE(cleaned);
}

TEST(run, a_second_run_works_after_a_cancelled_one) {
  EXPECT_EQ(run([]() -> task<int> { co_return 1; }()), 1);
}

TEST(loop, post_reaches_it_from_another_thread) {
  run([]() -> task<void> {
    event done;
    loop& here = loop::current();
    int sum = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] {
        for (int i = 0; i < 1000; ++i)
          here.post([&] {
            if (++sum == 4000) done.set();
          });
      });
    co_await done.wait();
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(sum, 4000);
  }());
}

} // namespace
