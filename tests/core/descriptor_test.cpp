#include "core/support.hpp"

#include <weir/core/descriptor.hpp>
#include <weir/core/task_group.hpp>
#include <weir/core/timeout.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

using namespace weir;
using namespace weir::testing;
using namespace std::chrono_literals;

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

struct pair_of_sockets {
  pair_of_sockets() {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    a = descriptor(unique_fd(ends[0]));
    b = descriptor(unique_fd(ends[1]));
  }
  descriptor a, b;
};

TEST(descriptor, is_made_non_blocking) {
  on_loop([]() -> task<void> {
    pair_of_sockets pair;
    EXPECT_TRUE(::fcntl(pair.a.get(), F_GETFL) & O_NONBLOCK);
    descriptor none;
    EXPECT_FALSE(none);
    EXPECT_EQ(none.get(), -1);
    co_return;
  });
}

TEST(descriptor, a_bad_one_is_refused) {
  on_loop([]() -> task<void> {
    EXPECT_NE(failure_of_call([] { descriptor bad{unique_fd()}; }), "nothing");
    co_return;
  });
}

TEST(descriptor, both_directions_at_once) {
  on_loop([]() -> task<void> {
    pair_of_sockets pair;
    co_await with_task_group([&](task_group& group) -> task<void> {
      auto reads = group.spawn([&]() -> task<void> { co_await pair.a.readable(); });
      auto writes = group.spawn([&]() -> task<void> { co_await pair.a.writable(); });
      co_await writes.join();
      EXPECT_FALSE(reads.done());
      EXPECT_EQ(::write(pair.b.get(), "x", 1), 1);
      co_await reads.join();
    });
  });
}

TEST(descriptor, a_cancelled_wait_can_be_repeated) {
  on_loop([]() -> task<void> {
    pair_of_sockets pair;
    for (int i = 0; i < 3; ++i)
      EXPECT_NE(
          co_await failure_of(with_timeout(1ms, [](descriptor& d) -> task<void> { co_await d.readable(); }(pair.a))),
          "nothing");
    EXPECT_EQ(::write(pair.b.get(), "x", 1), 1);
    co_await pair.a.readable();
  });
}

TEST(descriptor, a_closed_other_side_wakes_every_direction) {
  on_loop([]() -> task<void> {
    pair_of_sockets pair;
    co_await with_task_group([&](task_group& group) -> task<void> {
      group.spawn([&]() -> task<void> { co_await pair.a.readable(); });
      group.spawn([&]() -> task<void> { co_await pair.a.hung_up(); });
      co_await yield_now();
      pair.b.close();
      EXPECT_FALSE(pair.b);
    });
  });
}

TEST(descriptor, waits_of_a_regular_file_let_others_run) {
  on_loop([]() -> task<void> {
    descriptor file{unique_fd(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC))};
    bool ran = false;
    co_await with_task_group([&](task_group& group) -> task<void> {
      group.spawn([&]() -> task<void> {
        co_await yield_now();
        ran = true;
      });
      co_await file.readable();
      co_await file.writable();
      EXPECT_TRUE(ran);
    });
  });
}

} // namespace
