// What docs/loop.md shows, run.
#include <weir/core/descriptor.hpp>
#include <weir/core/embedded_loop.hpp>
#include <weir/core/error.hpp>
#include <weir/core/event.hpp>
#include <weir/core/fd_watch.hpp>
#include <weir/core/loop.hpp>
#include <weir/core/loop_handle.hpp>
#include <weir/core/run.hpp>
#include <weir/core/sleep.hpp>
#include <weir/core/task_tree.hpp>
#include <weir/core/timer.hpp>
#include <weir/core/unique_fd.hpp>

#include <docs/expect.hpp>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string>
#include <thread>

using namespace std::chrono_literals;

namespace {

weir::task<void> threads_get_in() {
  int reading = 0;
  // [handle]
  weir::event arrived;
  weir::loop_handle here(weir::loop::current()); // made on the loop's thread
  std::thread sensor([&, here] {                 // a thread that is not Weir's
    here.post([&] {                              // runs on the loop
      reading = 17;
      arrived.set();
    });
  });
  co_await arrived.wait();
  sensor.join();
  // [end]
  expect(reading == 17);
}

weir::task<void> timers() {
  bool rang = false;
  weir::event done;
  // [timer]
  weir::timer alarm([&] {
    rang = true;
    done.set();
  });
  alarm.arm(weir::loop::current().now() + 5ms); // again: moves it
  // [end]
  co_await done.wait();
  expect(rang && !alarm.armed());
}

// [descriptor]
weir::task<std::string> read_some(weir::descriptor& from) {
  char buffer[4096];
  for (;;) {
    const ssize_t got = ::read(from.get(), buffer, sizeof buffer); // try first
    if (got >= 0) co_return std::string(buffer, static_cast<std::size_t>(got));
    if (errno != EAGAIN) throw weir::errno_error(errno, "the pipe");
    co_await from.readable(); // then wait, and try again
  }
}
// [end]

weir::task<void> descriptors() {
  int ends[2];
  expect(::pipe2(ends, O_CLOEXEC) == 0);
  weir::descriptor reader{weir::unique_fd(ends[0])};
  weir::unique_fd writer(ends[1]);
  expect(::write(writer.get(), "hello", 5) == 5);
  expect(co_await read_some(reader) == "hello");

  int calls = 0;
  weir::event readable;
  // [watch]
  weir::fd_watch watch(reader.get(), [&](unsigned events) {
    if (events & EPOLLIN) ++calls; // once per turn for as long as there is something to read
    watch.want(0);                 // asks for nothing any more
    readable.set();
  });
  watch.want(EPOLLIN);
  // [end]
  expect(::write(writer.get(), "!", 1) == 1);
  co_await readable.wait();
  expect(calls == 1);
}

weir::task<void> counting() {
  // [counters]
  weir::loop& mine = weir::loop::current();
  const weir::loop_counters now = mine.counters();
  mine.add_report([](std::string& text) { text += "cache: 12 of 100 pictures\n"; }); // in every report from now on
  // [end]
  co_await weir::sleep_for(1ms);
  expect(mine.counters().timers_fired > now.timers_fired);
  expect(weir::report(mine).find("cache: 12 of 100") != std::string::npos);
}

weir::task<void> serve(bool& cleaned) {
  struct note {
    bool& where;
    ~note() { where = true; }
  } at_end{cleaned};
  co_await weir::until_cancelled();
}

void signals() {
  bool cleaned = false;
  bool told = false;
  auto stop_soon = [&]() -> weir::task<void> {
    weir::loop::current().post([] { ::raise(SIGTERM); });
    co_await serve(cleaned);
  };
  auto serving = [&] { return stop_soon(); };
  // [signals]
  try {
    weir::run(serving()); // SIGINT and SIGTERM cancel it
  } catch (const weir::cancelled&) {
    told = true; // everything was cleaned up
  }
  // [end]
  expect(cleaned && told);
}

weir::task<void> answer(int& result) {
  co_await weir::sleep_for(1ms);
  result = 42;
}

void embedded() {
  int result = 0;
  // [embedded]
  weir::embedded_loop guest;
  weir::task_handle work = guest.spawn(answer(result), "answer");
  pollfd watched{guest.descriptor(), POLLIN, 0};
  while (!guest.is_idle()) {
    ::poll(&watched, 1, -1); // the host's own loop: QSocketNotifier, g_unix_fd_add, epoll ...
    guest.run_ready();       // rethrows the first error of a task
  }
  // [end]
  expect(result == 42 && work.done());
}

weir::task<void> all() {
  co_await threads_get_in();
  co_await timers();
  co_await descriptors();
  co_await counting();
}

} // namespace

int main() {
  weir::run(all());
  signals();
  embedded();
}
