#include "core/support.hpp"

#include <weir/core/event.hpp>
#include <weir/core/fd_watch.hpp>
#include <weir/core/unique_fd.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>

using namespace weir;
using namespace weir::testing;
using namespace std::chrono_literals;

namespace {

struct two_ends {
  two_ends() {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    a = unique_fd(ends[0]);
    b = unique_fd(ends[1]);
  }
  unique_fd a, b;
};

TEST(fd_watch, calls_once_per_turn_while_the_descriptor_is_ready) {
  on_loop([]() -> task<void> {
    two_ends pair;
    int calls = 0;
    event enough;
    fd_watch watch(pair.a.get(), [&](unsigned events) {
      EXPECT_TRUE(events & EPOLLIN);
      if (++calls == 3) enough.set(); // nobody reads: it stays ready
    });
    EXPECT_EQ(watch.descriptor(), pair.a.get());
    watch.want(EPOLLIN);
    co_await sleep_for(5ms);
    EXPECT_EQ(calls, 0);
    EXPECT_EQ(::write(pair.b.get(), "x", 1), 1);
    co_await enough.wait();
    watch.want(0);
    const int before = calls;
    co_await sleep_for(5ms);
    EXPECT_EQ(calls, before);
  });
}

TEST(fd_watch, asks_for_what_is_wanted_now) {
  on_loop([]() -> task<void> {
    two_ends pair;
    unsigned seen = 0;
    event told;
    fd_watch watch(pair.a.get(), [&](unsigned events) {
      seen = events;
      told.set();
    });
    watch.want(EPOLLOUT);
    co_await told.wait();
    EXPECT_TRUE(seen & EPOLLOUT);
    watch.want(EPOLLIN);
    co_await sleep_for(1ms);
    told.reset();
    pair.b.reset();
    co_await told.wait();
    EXPECT_TRUE(seen & (EPOLLIN | EPOLLHUP));
  });
}

TEST(fd_watch, may_be_destroyed_in_its_function) {
  on_loop([]() -> task<void> {
    two_ends pair;
    event told;
    std::unique_ptr<fd_watch> watch;
    watch = std::make_unique<fd_watch>(pair.a.get(), [&](unsigned) {
      watch.reset();
      told.set();
    });
    watch->want(EPOLLOUT);
    co_await told.wait();
    EXPECT_FALSE(watch);
  });
}

TEST(fd_watch, destroyed_by_another_s_function_in_the_same_turn_it_is_not_called) {
  on_loop([]() -> task<void> {
    two_ends one, two;
    int calls = 0;
    event told;
    std::unique_ptr<fd_watch> first, second;
    const auto make = [&](int fd, std::unique_ptr<fd_watch>& other) {
      return std::make_unique<fd_watch>(fd, [&](unsigned) {
        ++calls;
        other.reset();
        told.set();
      });
    };
    first = make(one.a.get(), second);
    second = make(two.a.get(), first);
    first->want(EPOLLOUT);
    second->want(EPOLLOUT);
    co_await told.wait();
    EXPECT_EQ(calls, 1);
    first.reset();
    second.reset();
  });
}

TEST(fd_watch, a_regular_file_is_refused) {
  on_loop([]() -> task<void> {
    unique_fd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    fd_watch watch(file.get(), [](unsigned) {});
    EXPECT_EQ(failure_of_call([&] { watch.want(EPOLLIN); }).substr(0, 17), "invalid_argument:");
    co_return;
  });
}

} // namespace
