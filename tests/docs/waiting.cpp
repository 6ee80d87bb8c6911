// What docs/waiting.md shows, run.
#include <weir/core/async_generator.hpp>
#include <weir/core/channel.hpp>
#include <weir/core/condition.hpp>
#include <weir/core/error.hpp>
#include <weir/core/event.hpp>
#include <weir/core/gather.hpp>
#include <weir/core/limiter.hpp>
#include <weir/core/mutex.hpp>
#include <weir/core/run.hpp>
#include <weir/core/sleep.hpp>

#include <docs/expect.hpp>

#include <deque>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace {

weir::task<void> step() { co_await weir::sleep_for(1ms); }

weir::task<void> events() {
  bool went = false;
  // [event]
  weir::event loaded;
  auto waits = [&]() -> weir::task<void> {
    co_await loaded.wait(); // at once where it is set
    went = true;
  };
  auto loads = [&]() -> weir::task<void> {
    co_await step();
    loaded.set(); // wakes all; stays set until reset()
  };
  co_await weir::gather(waits(), waits(), loads());
  // [end]
  expect(went && loaded.is_set());
}

weir::task<void> mutexes() {
  int balance = 0;
  // [mutex]
  weir::mutex account("account");
  auto deposit = [&]() -> weir::task<void> {
    auto guard = co_await account.lock(); // unlocks when it dies
    const int before = balance;
    co_await step(); // others run here; without the mutex they would read the same balance
    balance = before + 1;
  };
  co_await weir::gather(deposit(), deposit(), deposit());
  // [end]
  expect(balance == 3 && !account.is_locked());
}

weir::task<void> limiters() {
  // [limiter]
  weir::limiter memory(64 << 20, "decoding memory"); // units are whatever you count: here bytes
  auto decode = [&](std::size_t bytes) -> weir::task<void> {
    auto permit = co_await memory.acquire(bytes); // waits its turn; given back when it dies
    co_await step();
  };
  co_await weir::gather(decode(40 << 20), decode(40 << 20), decode(1 << 20));
  // [end]
  expect(memory.in_use() == 0);

  // [limiter-more]
  if (auto permit = memory.try_acquire(1 << 20)) co_await step(); // or go without
  memory.set_capacity(128 << 20);                                 // holds at once; takes nothing away
  const weir::limiter_statistics now = memory.statistics();
  // [end]
  expect(now.capacity == 128u << 20 && now.in_use == 0 && now.waiting == 0);

  struct session {
  } user;
  // [borrower]
  weir::limiter seats(10);
  co_await seats.acquire_on_behalf_of(&user); // belongs to the session and not to a scope
  seats.release_on_behalf_of(&user);          // perhaps another task
  // [end]
  expect(seats.in_use() == 0);
}

weir::task<void> conditions() {
  int sum = 0;
  // [condition]
  weir::mutex lock;
  weir::condition changed;
  std::deque<int> queue;
  auto reader = [&]() -> weir::task<void> {
    auto guard = co_await lock.lock();
    co_await changed.wait(guard, [&] { return queue.size() >= 2; }); // unlocked meanwhile
    sum = queue[0] + queue[1];
  };
  auto writer = [&](int value) -> weir::task<void> {
    auto guard = co_await lock.lock();
    co_await step();
    queue.push_back(value);
    changed.notify_one();
  };
  co_await weir::gather(reader(), writer(1), writer(2));
  // [end]
  expect(sum == 3);
}

weir::task<void> channels() {
  std::vector<std::string> got;
  // [channel]
  weir::channel<std::string> names(2);
  auto sender = [&]() -> weir::task<void> {
    for (const char* name : {"a.mov", "b.mov", "c.mov"}) co_await names.send(name); // waits while 2 are in it
    names.close();
  };
  auto receiver = [&]() -> weir::task<void> {
    while (auto name = co_await names.receive()) got.push_back(*name); // nothing once closed and empty
  };
  co_await weir::gather(sender(), receiver());
  // [end]
  expect(got.size() == 3 && got[2] == "c.mov");

  bool closed = false;
  // [closed]
  try {
    co_await names.send("d.mov");
  } catch (const weir::error& e) {
    closed = e.code() == weir::errc::unavailable;
  }
  // [end]
  expect(closed);
}

// [generator]
weir::async_generator<int> countdown(int from) {
  for (int i = from; i > 0; --i) {
    co_await step(); // may wait, as a task
    co_yield i;
  }
}
// [end]

weir::task<void> generators() {
  std::vector<int> got;
  // [generator-use]
  auto numbers = countdown(3);
  while (auto number = co_await numbers.next()) got.push_back(*number);
  // [end]
  expect(got == std::vector{3, 2, 1});
  got.clear();
  // [generator-loop]
  auto again = countdown(3);
  for (auto number = co_await again.begin(); number != again.end(); co_await ++number) got.push_back(*number);
  // [end]
  expect(got == std::vector{3, 2, 1});
}

weir::task<void> all() {
  co_await events();
  co_await mutexes();
  co_await limiters();
  co_await conditions();
  co_await channels();
  co_await generators();
}

} // namespace

int main() { weir::run(all()); }
