#include "core/support.hpp"

#include <weir/core/gather.hpp>
#include <weir/core/limiter.hpp>
#include <weir/core/task_group.hpp>
#include <weir/core/timeout.hpp>

#include <gtest/gtest.h>

#include <concepts>
#include <memory>
#include <string>
#include <vector>

using namespace weir;
using namespace weir::testing;
using namespace std::chrono_literals;

namespace {

TEST(limiter, holds_the_limit_and_the_order) {
  run([]() -> task<void> {
    limiter two(2);
    std::vector<int> order;
    std::size_t most = 0;
    co_await with_task_group([&](task_group& group) -> task<void> {
      for (int i = 0; i < 10; ++i)
        group.spawn([&, i]() -> task<void> {
          auto held = co_await two.acquire();
          most = std::max(most, two.in_use());
          order.push_back(i);
          co_await sleep_for(1ms);
        });
      co_return;
    });
    EXPECT_EQ(most, 2u);
    EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
    EXPECT_EQ(two.in_use(), 0u);
    EXPECT_EQ(two.waiting(), 0u);
  }());
}

TEST(limiter, a_cancelled_waiter_passes_nothing_on_and_strands_nobody) {
  run([]() -> task<void> {
    limiter one(1);
    bool got = false;
    co_await with_task_group([&](task_group& group) -> task<void> {
      auto held = co_await one.acquire();
      auto first = group.spawn([&]() -> task<void> { auto mine = co_await one.acquire(); });
      group.spawn([&]() -> task<void> {
        auto mine = co_await one.acquire();
        got = true;
      });
      co_await yield_now();
      first.cancel();
      held.release();
    });
    EXPECT_TRUE(got);
  }());
}

TEST(limiter, nobody_overtakes_a_waiter_and_large_requests_are_served) {
  run([]() -> task<void> {
    limiter bytes(100);
    auto held = co_await bytes.acquire(60);
    bool large_served = false;
    co_await with_task_group([&](task_group& group) -> task<void> {
      group.spawn([&]() -> task<void> {
        auto large = co_await bytes.acquire(500); // more than there is: alone
        large_served = true;
        EXPECT_EQ(bytes.in_use(), 500u);
      });
      co_await yield_now();
      EXPECT_FALSE(bytes.try_acquire(10));
      EXPECT_EQ(bytes.waiting(), 1u);
      held.release();
    });
    EXPECT_TRUE(large_served);
    EXPECT_TRUE(bytes.try_acquire(10));
  }());
}

TEST(limiter, raising_the_capacity_wakes_at_once) {
  run([]() -> task<void> {
    limiter none(0);
    bool got = false;
    co_await with_task_group([&](task_group& group) -> task<void> {
      group.spawn([&]() -> task<void> {
        auto mine = co_await none.acquire();
        got = true;
      });
      co_await sleep_for(1ms);
      EXPECT_FALSE(got);
      none.set_capacity(1);
    });
    EXPECT_TRUE(got);
  }());
}

template <class T>
concept makes_a_limiter = std::constructible_from<limiter, T>;
static_assert(makes_a_limiter<int> && makes_a_limiter<unsigned char> && makes_a_limiter<long long>);
// L01: what is no whole number does not compile, and the compiler names the concept.
static_assert(!makes_a_limiter<double> && !makes_a_limiter<float> && !makes_a_limiter<bool>);
static_assert(!makes_a_limiter<char> && !makes_a_limiter<std::nullptr_t> && !makes_a_limiter<const char*>);
template <class T>
concept is_set_as_capacity = requires(limiter& l, T value) { l.set_capacity(value); };
static_assert(is_set_as_capacity<int> && !is_set_as_capacity<double> && !is_set_as_capacity<bool>);

TEST(limiter, L01_a_capacity_that_is_no_whole_number_does_not_compile) {
  EXPECT_TRUE(makes_a_limiter<int>);
  EXPECT_FALSE(makes_a_limiter<double>);
  EXPECT_FALSE(makes_a_limiter<bool>);
  EXPECT_FALSE(is_set_as_capacity<float>);
}

TEST(limiter, L01_a_negative_capacity_is_refused) {
  EXPECT_EQ(failure_of_call([] { limiter wrong(-1); }),
            "invalid_argument: a limiter cannot let -1 in at once: 0 or more, or limiter::unlimited");
  limiter right(3);
  EXPECT_EQ(failure_of_call([&] { right.set_capacity(-7L); }).substr(0, 16), "invalid_argument");
  EXPECT_EQ(right.capacity(), 3u);
}

TEST(limiter, L02_capacity_0_makes_everybody_wait) {
  on_manual_time([]() -> task<void> {
    limiter none(0);
    EXPECT_FALSE(none.try_acquire());
    const std::string end =
        co_await failure_of(with_timeout(1s, [](limiter& l) -> task<void> { auto held = co_await l.acquire(); }(none)));
    EXPECT_EQ(end, "timeout: not finished within 1 s");
    EXPECT_EQ(none.waiting(), 0u);
  });
}

TEST(limiter, L02_unlimited_never_makes_anybody_wait_and_counts) {
  on_loop([]() -> task<void> {
    limiter all(limiter::unlimited, "everything");
    std::vector<permit> held;
    for (int i = 0; i < 1000; ++i) held.push_back(co_await all.acquire(1u << 30));
    EXPECT_EQ(all.in_use(), 1000ull << 30);
    EXPECT_EQ(all.capacity(), limiter::unlimited);
    held.clear();
    EXPECT_EQ(all.in_use(), 0u);
    all.set_capacity(1);
    auto one = co_await all.acquire();
    EXPECT_FALSE(all.try_acquire());
    all.set_capacity(limiter::unlimited);
    EXPECT_TRUE(all.try_acquire());
  });
}

TEST(limiter, L02_has_a_capacity_and_a_name) {
  limiter named(2, "downloads"), plain(3);
  EXPECT_EQ(named.name(), "downloads");
  EXPECT_EQ(named.capacity(), 2u);
  EXPECT_EQ(plain.name(), "");
}

TEST(limiter, L03_a_permit_changes_what_is_in_use) {
  on_loop([]() -> task<void> {
    limiter two(2);
    {
      auto first = co_await two.acquire();
      EXPECT_EQ(two.in_use(), 1u);
      auto second = two.try_acquire();
      EXPECT_TRUE(second);
      EXPECT_EQ(two.in_use(), 2u);
      permit moved = std::move(first);
      EXPECT_FALSE(first);
      EXPECT_EQ(two.in_use(), 2u);
      moved.release();
      moved.release();
      EXPECT_EQ(two.in_use(), 1u);
    }
    EXPECT_EQ(two.in_use(), 0u);
  });
}

TEST(limiter, L04_limit_1_with_three_tasks_of_five_rounds_never_overlaps) {
  on_loop([]() -> task<void> {
    limiter one(1);
    int inside = 0, rounds = 0;
    std::vector<task<void>> works;
    for (int i = 0; i < 3; ++i)
      works.push_back([](limiter& l, int& n, int& all) -> task<void> {
        for (int round = 0; round < 5; ++round) {
          auto held = co_await l.acquire();
          EXPECT_EQ(++n, 1);
          co_await yield_now();
          --n;
          ++all;
        }
      }(one, inside, rounds));
    co_await gather(std::move(works));
    EXPECT_EQ(rounds, 15);
  });
}

TEST(limiter, L05_a_borrower_that_borrows_twice_is_refused) {
  on_loop([]() -> task<void> {
    limiter two(2);
    int someone = 0, other = 0;
    co_await two.acquire_on_behalf_of(&someone);
    EXPECT_EQ(co_await failure_of(two.acquire_on_behalf_of(&someone)),
              "invalid_argument: this borrower has a unit of the limiter already, or waits for one");
    EXPECT_EQ(two.in_use(), 1u);
    co_await two.acquire_on_behalf_of(&other);
    EXPECT_EQ(two.in_use(), 2u);
    two.release_on_behalf_of(&someone);
    two.release_on_behalf_of(&other);
    co_await two.acquire_on_behalf_of(&someone); // and may again
    two.release_on_behalf_of(&someone);
    EXPECT_EQ(two.in_use(), 0u);
  });
}

TEST(limiter, L05_a_borrower_that_waits_already_is_refused) {
  on_loop([]() -> task<void> {
    limiter none(0);
    int someone = 0;
    co_await with_task_group([&](task_group& group) -> task<void> {
      group.spawn(none.acquire_on_behalf_of(&someone));
      EXPECT_EQ(none.waiting(), 1u);
      EXPECT_NE(co_await failure_of(none.acquire_on_behalf_of(&someone)), "nothing");
      EXPECT_NE(failure_of_call([&] { none.release_on_behalf_of(&someone); }), "nothing");
      EXPECT_TRUE(none.statistics().borrowers.empty());
      none.set_capacity(1);
    });
    EXPECT_EQ(none.statistics().borrowers, std::vector<const void*>{&someone});
    none.release_on_behalf_of(&someone);
  });
}

TEST(limiter, L05_nobody_borrows_for_null) {
  on_loop([]() -> task<void> {
    limiter one(1);
    EXPECT_NE(co_await failure_of(one.acquire_on_behalf_of(static_cast<const void*>(nullptr))), "nothing");
    EXPECT_EQ(one.in_use(), 0u);
  });
}

TEST(limiter, L05_who_holds_nothing_cannot_release) {
  on_loop([]() -> task<void> {
    limiter one(1);
    int someone = 0, other = 0;
    const char* refused = "invalid_argument: this borrower has no unit of the limiter to give back";
    EXPECT_EQ(failure_of_call([&] { one.release_on_behalf_of(&someone); }), refused);
    co_await one.acquire_on_behalf_of(&someone);
    EXPECT_EQ(failure_of_call([&] { one.release_on_behalf_of(&other); }), refused);
    EXPECT_EQ(one.in_use(), 1u);
    one.release_on_behalf_of(&someone);
    EXPECT_EQ(failure_of_call([&] { one.release_on_behalf_of(&someone); }), refused);
  });
}

TEST(limiter, L05_a_cancelled_borrower_holds_nothing_and_may_come_again) {
  on_loop([]() -> task<void> {
    limiter one(1);
    int someone = 0;
    auto held = co_await one.acquire();
    co_await with_task_group([&](task_group& group) -> task<void> {
      auto waits = group.spawn(one.acquire_on_behalf_of(&someone));
      waits.cancel();
      co_await waits.join();
    });
    held.release();
    EXPECT_EQ(one.in_use(), 0u);
    co_await one.acquire_on_behalf_of(&someone);
    one.release_on_behalf_of(&someone);
  });
}

TEST(limiter, L05_a_shared_borrower_lives_as_long_as_it_holds) {
  on_loop([]() -> task<void> {
    limiter one(1);
    auto request = std::make_shared<int>(1);
    std::weak_ptr<int> seen = request;
    const void* identity = request.get();
    co_await one.acquire_on_behalf_of(std::move(request));
    EXPECT_FALSE(seen.expired());
    one.release_on_behalf_of(identity);
    EXPECT_TRUE(seen.expired());
    auto again = std::make_shared<int>(1);
    co_await one.acquire_on_behalf_of(again);
    one.release_on_behalf_of(again);
    EXPECT_EQ(again.use_count(), 1);
  });
}

TEST(limiter, L06_raising_the_capacity_serves_those_who_wait) {
  on_loop([]() -> task<void> {
    limiter one(1);
    auto held = co_await one.acquire();
    int got = 0;
    co_await with_task_group([&](task_group& group) -> task<void> {
      for (int i = 0; i < 3; ++i)
        group.spawn([&]() -> task<void> {
          auto mine = co_await one.acquire();
          ++got;
          co_await until_cancelled();
        });
      one.set_capacity(3);
      EXPECT_EQ(one.in_use(), 3u); // at once
      EXPECT_EQ(one.waiting(), 1u);
      co_await yield_now();
      EXPECT_EQ(got, 2);
      group.cancel();
    });
  });
}

TEST(limiter, L06_lowering_the_capacity_takes_nothing_away) {
  on_loop([]() -> task<void> {
    limiter three(3);
    auto a = co_await three.acquire();
    auto b = co_await three.acquire();
    three.set_capacity(1);
    EXPECT_EQ(three.in_use(), 2u);
    EXPECT_FALSE(three.try_acquire());
    a.release();
    EXPECT_FALSE(three.try_acquire());
    b.release();
    EXPECT_TRUE(three.try_acquire());
  });
}

// L07, the default of 40, belongs to threads: offload.thread_rules.T03_the_default_cap_is_40_and_can_be_changed.

TEST(limiter, L08_statistics_at_each_step) {
  on_loop([]() -> task<void> {
    limiter one(1, "one");
    int borrower = 0;
    const auto expect = [&](std::size_t in_use, std::size_t waiting, std::vector<const void*> borrowers) {
      const auto now = one.statistics();
      EXPECT_EQ(now.capacity, 1u);
      EXPECT_EQ(now.in_use, in_use);
      EXPECT_EQ(now.waiting, waiting);
      EXPECT_EQ(now.borrowers, borrowers);
    };
    expect(0, 0, {});
    co_await one.acquire_on_behalf_of(&borrower);
    expect(1, 0, {&borrower});
    co_await with_task_group([&](task_group& group) -> task<void> {
      group.spawn([&]() -> task<void> {
        auto mine = co_await one.acquire();
        expect(1, 0, {});
      });
      expect(1, 1, {&borrower});
      one.release_on_behalf_of(&borrower);
      expect(1, 0, {});
      co_return;
    });
    expect(0, 0, {});
  });
}

TEST(limiter, L09_fifo_order) {
  on_loop([]() -> task<void> {
    limiter one(1);
    std::vector<int> order;
    auto held = co_await one.acquire();
    co_await with_task_group([&](task_group& group) -> task<void> {
      for (int i = 0; i < 3; ++i)
        group.spawn([&, i]() -> task<void> {
          auto mine = co_await one.acquire();
          order.push_back(i);
        });
      held.release();
      co_return;
    });
    EXPECT_EQ(order, (std::vector<int>{0, 1, 2}));
  });
}

TEST(limiter, L10_a_cancelled_first_waiter_does_not_strand_the_second) {
  on_loop([]() -> task<void> {
    limiter one(1);
    bool got = false;
    auto held = co_await one.acquire();
    co_await with_task_group([&](task_group& group) -> task<void> {
      auto first = group.spawn([&]() -> task<void> { auto mine = co_await one.acquire(); });
      group.spawn([&]() -> task<void> {
        auto mine = co_await one.acquire();
        got = true;
      });
      held.release(); // served, but has not run
      first.cancel();
      co_return;
    });
    EXPECT_TRUE(got);
    EXPECT_EQ(one.in_use(), 0u);
  });
}

TEST(limiter, L10_a_cancelled_large_request_lets_small_ones_behind_it_in) {
  on_loop([]() -> task<void> {
    limiter ten(10);
    auto held = co_await ten.acquire(5);
    bool got = false;
    co_await with_task_group([&](task_group& group) -> task<void> {
      auto large = group.spawn([&]() -> task<void> { auto mine = co_await ten.acquire(8); });
      group.spawn([&]() -> task<void> {
        auto mine = co_await ten.acquire(2);
        got = true;
      });
      EXPECT_EQ(ten.waiting(), 2u);
      large.cancel();
      co_return;
    });
    EXPECT_TRUE(got);
  });
}

TEST(limiter, L11_try_acquire_when_full_gives_nothing) {
  on_loop([]() -> task<void> {
    limiter one(1);
    auto held = one.try_acquire();
    EXPECT_TRUE(held);
    EXPECT_FALSE(one.try_acquire());
    EXPECT_EQ(one.in_use(), 1u);
    co_return;
  });
}

TEST(limiter, L12_try_acquire_between_release_and_wake_up_gives_nothing) {
  on_loop([]() -> task<void> {
    limiter one(1);
    auto held = co_await one.acquire();
    bool got = false;
    co_await with_task_group([&](task_group& group) -> task<void> {
      group.spawn([&]() -> task<void> {
        auto mine = co_await one.acquire();
        got = true;
      });
      held.release();
      EXPECT_FALSE(got);
      EXPECT_FALSE(one.try_acquire()); // it is the waiter's already
      EXPECT_EQ(one.in_use(), 1u);     // and never more than there is
      co_return;
    });
    EXPECT_TRUE(got);
  });
}

TEST(limiter, L13_is_made_outside_of_a_loop) {
  limiter two(2);
  two.set_capacity(1);
  for (int round = 0; round < 2; ++round) // and outlives it
    on_loop([&]() -> task<void> {
      auto held = co_await two.acquire();
      EXPECT_FALSE(two.try_acquire());
    });
  EXPECT_EQ(two.in_use(), 0u);
}

TEST(limiter, L14_a_cancelled_holder_lets_the_next_one_in) {
  on_loop([]() -> task<void> {
    limiter one(1);
    bool got = false;
    co_await with_task_group([&](task_group& group) -> task<void> {
      auto holder = group.spawn([&]() -> task<void> {
        auto mine = co_await one.acquire();
        co_await until_cancelled();
      });
      group.spawn([&]() -> task<void> {
        auto mine = co_await one.acquire();
        got = true;
      });
      holder.cancel();
      co_return;
    });
    EXPECT_TRUE(got);
  });
}

TEST(limiter, acquire_in_a_cancelled_scope_takes_nothing) {
  on_loop([]() -> task<void> {
    limiter one(1);
    co_await with_task_group([&](task_group& group) -> task<void> {
      group.cancel();
      auto held = co_await one.acquire();
      ADD_FAILURE() << "acquired in a cancelled scope";
    });
    EXPECT_EQ(one.in_use(), 0u);
  });
}

TEST(limiter, many_waiters_cost_no_more_each) {
  expect_linear([](std::size_t size) {
    on_loop_unwatched([&]() -> task<void> {
      limiter one(1);
      co_await with_task_group([&](task_group& group) -> task<void> {
        auto held = co_await one.acquire();
        for (std::size_t i = 0; i < size; ++i)
          group.spawn([](limiter& l) -> task<void> { auto mine = co_await l.acquire(); }(one));
        EXPECT_EQ(one.waiting(), size);
      });
    });
  });
}

TEST(limiter, many_cancelled_waiters_cost_no_more_each) {
  expect_linear([](std::size_t size) {
    on_loop_unwatched([&]() -> task<void> {
      limiter one(1);
      auto held = co_await one.acquire();
      co_await with_task_group([&](task_group& group) -> task<void> {
        std::vector<task_handle> children;
        children.reserve(size);
        for (std::size_t i = 0; i < size; ++i)
          children.push_back(group.spawn([](limiter& l) -> task<void> { auto mine = co_await l.acquire(); }(one)));
        for (std::size_t i = 0; i < size; i += 2) children[i].cancel();
        group.cancel();
        co_return;
      });
      EXPECT_EQ(one.waiting(), 0u);
    });
  });
}

} // namespace
