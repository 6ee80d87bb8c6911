#include <weir/core/channel.hpp>
#include <weir/core/descriptor.hpp>
#include <weir/core/limiter.hpp>
#include <weir/core/mutex.hpp>
#include <weir/core/run.hpp>
#include <weir/core/sleep.hpp>
#include <weir/core/task_group.hpp>
#include <weir/core/timeout.hpp>
#include <weir/core/timer.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <random>

using namespace std::chrono_literals;
using namespace weir;

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

TEST(mutex, one_at_a_time) {
  run([]() -> task<void> {
    mutex lock;
    int inside = 0;
    std::vector<task<void>> works;
    for (int i = 0; i < 10; ++i)
      works.push_back([](mutex& m, int& n) -> task<void> {
        auto held = co_await m.lock();
        EXPECT_EQ(++n, 1);
        co_await yield_now();
        --n;
      }(lock, inside));
    co_await gather(std::move(works));
    EXPECT_FALSE(lock.is_locked());
  }());
}

TEST(channel, is_bounded_ordered_and_closable) {
  run([]() -> task<void> {
    channel<int> numbers(3);
    std::vector<int> got;
    co_await gather(
        [](channel<int>& to) -> task<void> {
          for (int i = 0; i < 100; ++i) {
            co_await to.send(i);
            EXPECT_LE(to.size(), 3u);
          }
          to.close();
        }(numbers),
        [](channel<int>& from, std::vector<int>& out) -> task<void> {
          while (auto value = co_await from.receive()) {
            out.push_back(*value);
            if (*value % 7 == 0) co_await sleep_for(100us);
          }
        }(numbers, got));
    EXPECT_EQ(got.size(), 100u);
    EXPECT_TRUE(std::is_sorted(got.begin(), got.end()));
    EXPECT_THROW(co_await numbers.send(1), error);
  }());
}

TEST(channel, cancelling_receivers_loses_no_value) {
  run([]() -> task<void> {
    channel<int> numbers(1);
    int sum = 0;
    co_await with_task_group([&](task_group& group) -> task<void> {
      std::mt19937 random(7);
      group.spawn([&]() -> task<void> {
        for (int i = 1; i <= 200; ++i) co_await numbers.send(i);
        numbers.close();
      });
      for (bool open = true; open;) {
        auto handle = group.spawn([&]() -> task<void> {
          while (auto value = co_await numbers.receive()) sum += *value;
          open = false;
        });
        for (unsigned n = random() % 4; n > 0; --n) co_await yield_now();
        handle.cancel();
        co_await yield_now();
      }
    });
    EXPECT_EQ(sum, 200 * 201 / 2);
  }());
}

TEST(descriptor, waits_for_data_and_room_and_the_end) {
  run([]() -> task<void> {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    descriptor a{unique_fd(ends[0])}, b{unique_fd(ends[1])};
    EXPECT_THROW(co_await with_timeout(10ms, [](descriptor& d) -> task<void> { co_await d.readable(); }(a)), error);
    EXPECT_EQ(::write(b.get(), "x", 1), 1);
    co_await a.readable();
    char byte = 0;
    EXPECT_EQ(::read(a.get(), &byte, 1), 1);

    std::string filler(1 << 16, 'f');
    while (::write(a.get(), filler.data(), filler.size()) > 0) {}
    bool written = false;
    co_await with_task_group([&](task_group& group) -> task<void> {
      group.spawn([&]() -> task<void> {
        co_await a.writable();
        written = true;
      });
      co_await sleep_for(5ms);
      EXPECT_FALSE(written);
      while (::read(b.get(), filler.data(), filler.size()) > 0) {}
    });
    EXPECT_TRUE(written);
    b.close();
    co_await a.hung_up();
    co_await a.readable();
    EXPECT_EQ(::read(a.get(), &byte, 1), 0);
  }());
}

TEST(descriptor, unread_data_costs_no_turns) {
  run([]() -> task<void> {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    descriptor a{unique_fd(ends[0])}, b{unique_fd(ends[1])};
    EXPECT_EQ(::write(b.get(), "x", 1), 1);
    co_await a.readable();
    const auto before = loop::current().turns();
    co_await sleep_for(50ms);
    EXPECT_LT(loop::current().turns() - before, 10u);
  }());
}

TEST(descriptor, a_regular_file_is_always_ready) {
  run([]() -> task<void> {
    descriptor file{unique_fd(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC))};
    co_await file.readable();
  }());
}

TEST(timer, fires_in_order_and_can_be_cancelled) {
  run([]() -> task<void> {
    std::vector<int> fired;
    timer late([&] { fired.push_back(3); }), early([&] { fired.push_back(1); }), never([&] { fired.push_back(9); }),
        moved([&] { fired.push_back(2); });
    const auto now = clock::now();
    late.arm(now + 30ms);
    early.arm(now + 10ms);
    never.arm(now + 15ms);
    moved.arm(now + 500s);
    moved.arm(now + 20ms);
    never.cancel();
    co_await sleep_until(now + 60ms);
    EXPECT_EQ(fired, (std::vector<int>{1, 2, 3}));
  }());
}

TEST(timer, ten_thousand_at_random_fire_in_order) {
  run([]() -> task<void> {
    std::mt19937 random(1);
    clock::time_point last{};
    int count = 0;
    std::vector<std::unique_ptr<timer>> timers;
    const auto now = clock::now();
    for (int i = 0; i < 10'000; ++i) {
      const auto due = now + std::chrono::microseconds(random() % 50'000);
      timers.push_back(std::make_unique<timer>([&, due] {
        EXPECT_GE(due, last);
        last = due;
        ++count;
      }));
      timers.back()->arm(due);
    }
    int removed = 0;
    for (int i = 0; i < 10'000; i += 3) {
      if (timers[i]->armed()) ++removed;
      timers[i].reset();
    }
    co_await sleep_until(now + 80ms);
    EXPECT_EQ(count + removed, 10'000);
  }());
}

} // namespace
