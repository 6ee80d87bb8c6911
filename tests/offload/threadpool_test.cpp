#include <weir/core/detail/time_slice.hpp>
#include <weir/core/error.hpp>
#include <weir/core/event.hpp>
#include <weir/core/gather.hpp>
#include <weir/core/run.hpp>
#include <weir/core/sleep.hpp>
#include <weir/core/task_group.hpp>
#include <weir/core/timeout.hpp>
#include <weir/offload/threadpool.hpp>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using namespace weir;

namespace {

int add(int a, int b) { return a + b; }

struct counter {
  int total = 0;
  int bump(int by) { return total += by; }
};

TEST(run_in_threadpool, takes_functions_lambdas_members_and_references) {
  run([]() -> task<void> {
    EXPECT_EQ(co_await run_in_threadpool(add, 1, 2), 3);
    EXPECT_EQ(*co_await run_in_threadpool([p = std::make_unique<int>(5)]() mutable { return std::move(p); }), 5);
    counter c;
    EXPECT_EQ(co_await run_in_threadpool(&counter::bump, &c, 4), 4);
    int x = 0;
    co_await run_in_threadpool([](int& r) { r = 7; }, std::ref(x));
    EXPECT_EQ(x, 7);
    const auto here = std::this_thread::get_id();
    EXPECT_NE(co_await run_in_threadpool([] { return std::this_thread::get_id(); }), here);
    EXPECT_EQ(std::this_thread::get_id(), here);
  }());
}

TEST(run_in_threadpool, leaves_the_loop_the_first_turn) {
  run([]() -> task<void> {
    const auto nice_of_this_thread = [] { return ::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid())); };
    const int loop = nice_of_this_thread();
    EXPECT_EQ(co_await run_in_threadpool(nice_of_this_thread), std::min(loop + 5, 19));
    EXPECT_EQ(nice_of_this_thread(), loop);
  }());
}

TEST(run_in_threadpool, all_threads_are_alike_whoever_started_them) {
  run([]() -> task<void> {
    constexpr int threads = 12; // more than have run before: they start each other
    std::atomic<int> running{0};
    std::vector<task<std::pair<int, std::chrono::nanoseconds>>> works;
    for (int i = 0; i < threads; ++i)
      works.push_back(run_in_threadpool([&] {
        for (++running; running < threads;) std::this_thread::sleep_for(1ms);
        return std::pair(::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid())), weir::detail::time_slice());
      }));
    const int loop = ::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()));
    const auto slice = weir::detail::time_slice();
    for (const auto& [nice, theirs] : co_await gather(std::move(works))) {
      EXPECT_EQ(nice, std::min(loop + 5, 19));
      if (slice > 0ns) EXPECT_GT(theirs, slice) << "not the loop's, which is the shortest";
    }
  }());
}

TEST(run_in_threadpool, rethrows_the_same_object) {
  struct mine : std::runtime_error {
    using runtime_error::runtime_error;
    int tag = 42;
  };
  run([]() -> task<void> {
    try {
      co_await run_in_threadpool([] { throw mine("foo"); });
      ADD_FAILURE() << "no error";
    } catch (const mine& e) {
      EXPECT_EQ(e.tag, 42);
      EXPECT_STREQ(e.what(), "foo");
    }
  }());
}

TEST(run_in_threadpool, keeps_the_limit) {
  run([]() -> task<void> {
    limiter three(3);
    std::atomic<int> running{0}, most{0};
    std::vector<task<void>> works;
    for (int i = 0; i < 20; ++i)
      works.push_back(run_in_threadpool(thread_options{.limiter = &three}, [&] {
        const int now = ++running;
        int seen = most;
        while (seen < now && !most.compare_exchange_weak(seen, now)) {}
        std::this_thread::sleep_for(2ms);
        --running;
      }));
    co_await gather(std::move(works));
    EXPECT_EQ(most, 3);
    EXPECT_EQ(three.in_use(), 0u);
  }());
}

TEST(run_in_threadpool, cancelled_while_queued_never_starts) {
  run([]() -> task<void> {
    limiter one(1);
    std::atomic<bool> ran{false};
    auto held = co_await one.acquire();
    EXPECT_THROW(co_await with_timeout(20ms, run_in_threadpool(thread_options{.limiter = &one}, [&] { ran = true; })),
                 error);
    held.release();
    co_await sleep_for(10ms);
    EXPECT_FALSE(ran);
  }());
}

TEST(run_in_threadpool, cancelled_while_running_sets_the_token_and_waits) {
  run([]() -> task<void> {
    std::atomic<bool> ended{false};
    EXPECT_THROW(co_await with_timeout(500ms, run_in_threadpool([&](std::stop_token stop) {
                                         while (!stop.stop_requested()) std::this_thread::sleep_for(1ms);
                                         std::this_thread::sleep_for(20ms);
                                         ended = true;
                                         throw cancelled{};
                                       })),
                 error);
    EXPECT_TRUE(ended);
  }());
}

TEST(run_in_threadpool, abandoned_jobs_keep_their_permit_until_they_end) {
  run([]() -> task<void> {
    limiter one(1);
    std::atomic<bool> go{false};
    EXPECT_THROW(co_await with_timeout(500ms, run_in_threadpool(thread_options{.limiter = &one, .abandon = true},
                                                                [&] {
                                                                  while (!go) std::this_thread::sleep_for(1ms);
                                                                })),
                 error);
    EXPECT_EQ(one.in_use(), 1u);
    go = true;
    auto held = co_await one.acquire();
    EXPECT_TRUE(held);
  }());
}

TEST(run_in_threadpool, an_abandoned_job_may_outlive_the_loop) {
  static std::atomic<bool> go, ended;
  go = ended = false;
  EXPECT_THROW(run(with_timeout(500ms, run_in_threadpool(thread_options{.abandon = true},
                                                         [] {
                                                           while (!go) std::this_thread::sleep_for(1ms);
                                                           ended = true;
                                                         }))),
               error);
  go = true;
  while (!ended) std::this_thread::sleep_for(1ms);
  std::this_thread::sleep_for(20ms);
}

TEST(run_in_threadpool, the_loop_answers_meanwhile) {
  run([]() -> task<void> {
    int ticks = 0;
    co_await with_task_group([&](task_group& group) -> task<void> {
      auto ticking = group.spawn([&]() -> task<void> {
        for (;; ++ticks) co_await sleep_for(1ms);
      });
      co_await run_in_threadpool([] { std::this_thread::sleep_for(100ms); });
      ticking.cancel();
    });
    EXPECT_GT(ticks, 20);
  }());
}

TEST(run_in_threadpool, many_at_once) {
  run([]() -> task<void> {
    std::vector<task<int>> works;
    for (int i = 0; i < 5000; ++i) works.push_back(run_in_threadpool(add, i, 0));
    const auto values = co_await gather(std::move(works));
    for (int i = 0; i < 5000; ++i) EXPECT_EQ(values[i], i);
  }());
}

} // namespace
