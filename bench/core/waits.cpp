// What tasks wait for: timers, events, each other.
#include "works.hpp"

#include <weir/core/channel.hpp>
#include <weir/core/event.hpp>
#include <weir/core/gather.hpp>
#include <weir/core/limiter.hpp>
#include <weir/core/mutex.hpp>
#include <weir/core/run.hpp>
#include <weir/core/sleep.hpp>
#include <weir/core/task_group.hpp>
#include <weir/core/timer.hpp>

#include <deque>
#include <stdexcept>
#include <vector>

namespace weir::bench {

using namespace std::chrono_literals;

/// Most timers are due before the last is armed, so that the wait itself is short.
constexpr std::size_t spread_ns(std::size_t size) { return size * 10; }

cost timers_that_fire(std::size_t size, std::size_t times) {
  return repeated(size * times, [&] {
    const auto all = [&]() -> task<void> {
      for (std::size_t round = 0; round < times; ++round) {
        std::size_t fired = 0;
        event everyone;
        std::deque<timer> timers;
        const auto start = clock::now();
        for (std::size_t i = 0; i < size; ++i)
          timers
              .emplace_back([&] {
                if (++fired == size) everyone.set();
              })
              .arm(start + std::chrono::nanoseconds(spread(i, spread_ns(size))));
        co_await everyone.wait();
      }
    };
    run(all());
  });
}

cost timers_cancelled(std::size_t size, std::size_t times) {
  return repeated(size * times, [&] {
    const auto all = [&]() -> task<void> {
      for (std::size_t round = 0; round < times; ++round) {
        std::deque<timer> timers;
        const auto later = clock::now() + 1h;
        for (std::size_t i = 0; i < size; ++i)
          timers.emplace_back([] { throw std::logic_error("a timer fired an hour early"); })
              .arm(later + std::chrono::nanoseconds(spread(i, spread_ns(size))));
        for (auto& one : timers) one.cancel();
        co_await yield_now();
      }
    };
    run(all());
  });
}

cost sleeping_tasks(std::size_t size, std::size_t times) {
  return repeated(size * times, [&] {
    const auto sleeps = [](clock::time_point due) -> task<void> { co_await sleep_until(due); };
    const auto all = [&]() -> task<void> {
      for (std::size_t round = 0; round < times; ++round) {
        std::vector<task<void>> works;
        works.reserve(size);
        const auto start = clock::now();
        for (std::size_t i = 0; i < size; ++i)
          works.push_back(sleeps(start + std::chrono::nanoseconds(spread(i, spread_ns(size)))));
        co_await gather(std::move(works));
      }
    };
    run(all());
  });
}

/// Once, without warming up: what matters is the memory that the tasks take first.
cost idle_tasks(std::size_t size, std::size_t) {
  cost each;
  const auto waits = [](event& end) -> task<void> { co_await end.wait(); };
  const auto all = [&]() -> task<void> {
    const double before = resident_bytes();
    const stopwatch watch;
    event end;
    co_await with_task_group([&](task_group& group) -> task<void> {
      for (std::size_t i = 0; i < size; ++i) group.spawn(waits(end));
      co_await yield_now();
      each.bytes = (resident_bytes() - before) / static_cast<double>(size);
      end.set();
    });
    const double bytes = each.bytes;
    each = watch.per_item(size);
    each.bytes = bytes;
  };
  run(all());
  return each;
}

/// `size` values there and `size` back, each one waited for.
cost channel_ping_pong(std::size_t size, std::size_t times) {
  return repeated(2 * size * times, [&] {
    channel<std::size_t> there(1), back(1);
    const std::size_t count = size * times;
    const auto asks = [&]() -> task<void> {
      for (std::size_t i = 0; i < count; ++i) {
        co_await there.send(i);
        if (co_await back.receive() != i) throw std::runtime_error("another value came back");
      }
      there.close();
    };
    const auto answers = [&]() -> task<void> {
      while (const auto value = co_await there.receive()) co_await back.send(*value);
    };
    run(gather(asks(), answers()));
  });
}

/// `size` tasks that hold one mutex in turn, `times` times each, and let the others come to wait for it meanwhile.
cost mutex_hand_over(std::size_t size, std::size_t times) {
  return repeated(size * times, [&] {
    mutex one;
    const auto locks = [&]() -> task<void> {
      for (std::size_t i = 0; i < times; ++i) {
        const auto guard = co_await one.lock();
        co_await yield_now();
      }
    };
    std::vector<task<void>> works;
    for (std::size_t i = 0; i < size; ++i) works.push_back(locks());
    run(gather(std::move(works)));
  });
}

cost waiters_on_one_limiter(std::size_t size, std::size_t times) {
  return repeated(size * times, [&] {
    limiter one(1);
    const auto waits = [&]() -> task<void> { const auto mine = co_await one.acquire(); };
    const auto all = [&]() -> task<void> {
      for (std::size_t round = 0; round < times; ++round)
        co_await with_task_group([&](task_group& group) -> task<void> {
          const auto held = co_await one.acquire();
          for (std::size_t i = 0; i < size; ++i) group.spawn(waits());
        });
    };
    run(all());
  });
}

} // namespace weir::bench
