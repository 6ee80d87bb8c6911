#include "core/support.hpp"

#include <weir/core/channel.hpp>
#include <weir/core/condition.hpp>
#include <weir/core/descriptor.hpp>
#include <weir/core/event.hpp>
#include <weir/core/gather.hpp>
#include <weir/core/limiter.hpp>
#include <weir/core/loop_handle.hpp>
#include <weir/core/mutex.hpp>
#include <weir/core/race.hpp>
#include <weir/core/shield.hpp>
#include <weir/core/stop.hpp>
#include <weir/core/task_group.hpp>
#include <weir/core/task_tree.hpp>
#include <weir/core/timeout.hpp>

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace weir;
using namespace weir::testing;
using namespace std::chrono_literals;

namespace {

// What every part of core keeps to, one test per rule.

TEST(rules, R1_a_task_always_resumes_on_the_loop_that_it_was_started_on) {
  on_loop([]() -> task<void> {
    const auto home = std::this_thread::get_id();
    event told;
    std::thread other([&, here = loop_handle(loop::current())] { here.post([&] { told.set(); }); });
    co_await told.wait(); // set on behalf of another thread
    EXPECT_EQ(std::this_thread::get_id(), home);
    other.join();
    co_await with_task_group([&](task_group& group) -> task<void> {
      std::thread([&, home, token = this_task::stop_token(), here = loop_handle(loop::current())] {
        here.post([&] { group.cancel(); });
      }).detach();
      try {
        co_await until_cancelled();
      } catch (const cancelled&) {
        EXPECT_EQ(std::this_thread::get_id(), home);
        throw;
      }
    });
    EXPECT_EQ(std::this_thread::get_id(), home);
  });
}

TEST(rules, R2_every_wait_can_be_cancelled) {
  on_loop([]() -> task<void> {
    mutex lock;
    auto held = co_await lock.lock();
    limiter none(0);
    event never;
    channel<int> empty(1), full(1);
    full.try_send(1);
    condition changed;
    mutex another;
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    descriptor a{unique_fd(ends[0])}, b{unique_fd(ends[1])};
    co_await with_task_group([&](task_group& group) -> task<void> {
      std::vector<task_handle> waits;
      waits.push_back(group.spawn([&]() -> task<void> { auto mine = co_await lock.lock(); }));
      waits.push_back(group.spawn([&]() -> task<void> { auto mine = co_await none.acquire(); }));
      waits.push_back(group.spawn(none.acquire_on_behalf_of(&never)));
      waits.push_back(group.spawn([&]() -> task<void> { co_await never.wait(); }));
      waits.push_back(group.spawn([&]() -> task<void> { co_await empty.receive(); }));
      waits.push_back(group.spawn([&]() -> task<void> { co_await full.send(2); }));
      waits.push_back(group.spawn([&]() -> task<void> {
        auto guard = co_await another.lock();
        co_await changed.wait(guard);
      }));
      waits.push_back(group.spawn([&]() -> task<void> { co_await a.readable(); }));
      waits.push_back(group.spawn([&]() -> task<void> { co_await a.hung_up(); }));
      waits.push_back(group.spawn([]() -> task<void> { co_await sleep_for(1h); }));
      waits.push_back(group.spawn([]() -> task<void> { co_await until_cancelled(); }));
      waits.push_back(group.spawn([]() -> task<void> { co_await gather(after(1h, 0), after(1h, 0)); }));
      waits.push_back(group.spawn([]() -> task<void> { co_await race(after(1h, 0), after(1h, 0)); }));
      auto child = group.spawn(after(1h, 0));
      waits.push_back(group.spawn([child]() -> task<void> { co_await child.join(); }));
      waits.push_back(group.spawn(
          [&]() -> task<void> { co_await group.start([](started<>&) -> task<void> { co_await until_cancelled(); }); }));
      for (const auto& wait : waits) EXPECT_FALSE(wait.done());
      for (std::size_t i = 0; i < waits.size(); ++i) {
        waits[i].cancel();
        co_await waits[i].join();
        EXPECT_EQ(waits[i].status(), task_status::cancelled) << i;
      }
      child.cancel();
    });
    EXPECT_EQ(none.waiting(), 0u);
    EXPECT_EQ(changed.waiting(), 0u);
  });
}

TEST(rules, R3_a_group_is_left_when_its_children_are_gone_with_the_first_error_and_the_others) {
  on_loop([]() -> task<void> {
    int alive = 0;
    struct counted {
      int& n;
      explicit counted(int& c) : n(c) { ++n; }
      ~counted() { --n; }
    };
    std::string first;
    std::size_t others = 0;
    try {
      co_await with_task_group([&](task_group& group) -> task<void> {
        for (int i = 0; i < 3; ++i)
          group.spawn([&]() -> task<void> {
            counted me(alive);
            try {
              co_await until_cancelled();
            } catch (const cancelled&) {}
            co_await shield([]() -> task<void> { co_await sleep_for(2ms); }());
            throw error(errc::internal, "later");
          });
        EXPECT_EQ(alive, 3);
        throw error(errc::corrupt, "first");
        co_return;
      });
    } catch (const error& e) {
      EXPECT_EQ(alive, 0);
      first = e.what();
      others = other_errors().size();
    }
    EXPECT_EQ(first, "first");
    EXPECT_EQ(others, 3u);
  });
}

TEST(rules, R4_a_timeout_cancels_and_waits) {
  on_manual_time([]() -> task<void> {
    bool cleaned = false;
    const auto begin = loop::current().now();
    EXPECT_EQ(co_await failure_of(with_timeout(1s,
                                               [](bool& flag) -> task<void> {
                                                 std::exception_ptr why;
                                                 try {
                                                   co_await until_cancelled();
                                                 } catch (...) {
                                                   why = std::current_exception();
                                                 }
                                                 co_await shield(after(2s, 0));
                                                 flag = true;
                                                 std::rethrow_exception(why);
                                               }(cleaned))),
              "timeout: not finished within 1 s");
    EXPECT_TRUE(cleaned);
    EXPECT_GE(loop::current().now() - begin, 3s);
  });
}

TEST(rules, R5_cancelled_is_a_third_outcome_that_handlers_of_errors_do_not_see) {
  on_loop([]() -> task<void> {
    co_await with_task_group([](task_group& group) -> task<void> {
      auto child = group.spawn([]() -> task<void> {
        for (;;) try {
            co_await until_cancelled();
          } catch (const std::exception& e) {
            ADD_FAILURE() << "cancellation arrived as an error: " << e.what();
          }
      });
      child.cancel();
      co_await child.join();
      EXPECT_EQ(child.status(), task_status::cancelled);
      EXPECT_FALSE(group.is_cancelled());
    });
  });
}

TEST(rules_death, R6_a_group_that_dies_before_its_children_aborts_with_their_tree) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(run([]() -> task<void> {
                 // Destroys the frame of a group that waits for its child: only a raw handle can.
                 auto doomed = with_task_group([](task_group& group) -> task<void> {
                   group.spawn([]() -> task<void> { co_await until_cancelled(); }, "left behind");
                   co_return;
                 });
                 co_await with_task_group([&](task_group& outer) -> task<void> {
                   auto* waiting = &doomed;
                   outer.spawn([waiting]() -> task<void> { co_await std::move(*waiting); });
                   *waiting = task<void>();
                   co_return;
                 });
               }()),
               "a task_group died before its children(.|\n)*left behind");
}

// A scope checks itself in builds with assertions only (NDEBUG unset); where there are none, the test says so.
TEST(rules_death, R6_a_scope_that_dies_before_what_runs_in_it_aborts_in_debug_builds) {
#ifdef NDEBUG
  GTEST_SKIP() << "a build without assertions: scopes are not checked";
#else
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(run([]() -> task<void> {
                 weir::detail::completion end;
                 end.name = "left behind";
                 auto work = []() -> task<void> { co_await until_cancelled(); }();
                 weir::detail::scope inside(co_await weir::detail::this_frame{}, "test");
                 weir::detail::start(work, inside, end);
                 // `inside` dies first
               }()),
               "a scope died before what runs in it(.|\n)*left behind");
#endif
}

TEST(rules, R7_stop_tokens_come_implicitly_and_reach_everything_below) {
  on_loop([]() -> task<void> {
    std::vector<std::stop_token> tokens;
    const auto deep = [](std::vector<std::stop_token>& out) -> task<void> { // no parameter for a token
      out.push_back(this_task::stop_token());
      co_await until_cancelled();
    };
    co_await with_task_group([&](task_group& group) -> task<void> {
      group.spawn(deep(tokens));
      group.spawn([&]() -> task<void> { co_await gather(deep(tokens), deep(tokens)); });
      group.spawn([&]() -> task<void> { co_await with_timeout(1h, deep(tokens)); });
      group.spawn([&]() -> task<void> {
        co_await with_task_group([&](task_group& inner) -> task<void> {
          inner.spawn(deep(tokens));
          co_return;
        });
      });
      EXPECT_EQ(tokens.size(), 5u);
      for (const auto& token : tokens) EXPECT_FALSE(token.stop_requested());
      group.cancel();
      co_return;
    });
    for (const auto& token : tokens) EXPECT_TRUE(token.stop_requested());
  });
}

// All public headers, by their includes: ctest structure.rooms. This one names the libraries.
TEST(rules, R8_no_third_party_type_is_in_a_public_header) {
  std::size_t seen = 0;
  for (const char* room : {"include/weir/core", "include/weir/offload"})
    for (const auto& entry : std::filesystem::recursive_directory_iterator(room)) {
      if (entry.path().extension() != ".hpp") continue;
      ++seen;
      std::ifstream file(entry.path());
      for (std::string line; std::getline(file, line);)
        for (const char* foreign : {"liburing", "curl/", "openssl/", "nghttp2", "boost/", "fmt/", "spdlog"})
          if (line.rfind("#include", 0) == 0) EXPECT_EQ(line.find(foreign), std::string::npos) << entry.path() << line;
    }
  EXPECT_GT(seen, 30u);
}

TEST(rules, R9_a_lambda_lives_in_the_group_as_long_as_its_child) {
  on_loop([]() -> task<void> {
    auto alive = std::make_shared<std::string>(200, 'x');
    std::string said;
    co_await with_task_group([&](task_group& group) -> task<void> {
      {
        auto work = [text = *alive, alive, &said]() mutable -> task<void> {
          co_await yield_now();
          text += "!"; // a capture, after the lambda's own end
          said = text;
        };
        group.spawn(std::move(work));
      }
      EXPECT_EQ(alive.use_count(), 2);
      while (group.size() > 0) co_await yield_now();
      EXPECT_EQ(alive.use_count(), 1); // and no longer
    });
    EXPECT_EQ(said, std::string(200, 'x') + "!");
  });
}

} // namespace
