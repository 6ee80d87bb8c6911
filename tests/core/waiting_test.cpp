
#include <weir/core/descriptor.hpp>
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
