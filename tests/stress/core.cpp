// What must hold of the primitives of core whatever the order of tasks and the moment of a cancellation. Each property
// is a model and a crowd of tasks that act at random, by a manual clock and under fault injection.
#include "harness.hpp"

#include <weir/core/channel.hpp>
#include <weir/core/condition.hpp>
#include <weir/core/limiter.hpp>
#include <weir/core/mutex.hpp>
#include <weir/core/shield.hpp>
#include <weir/core/sleep.hpp>
#include <weir/core/task_group.hpp>
#include <weir/core/timeout.hpp>
#include <weir/testing/run_test.hpp>

#include <cstdlib>
#include <list>
#include <map>

using namespace std::chrono_literals;
using stress::require;
using weir::task;
using weir::task_group;
using weir::testing::fault_injection;

namespace {

/// Runs `body` on a loop of its own with faults from `seed`. A deadlock is a stranded waiter, a leaked task one too.
void under_faults(std::uint64_t seed, const std::function<task<void>(fault_injection&)>& body) {
  weir::testing::test_options options;
  options.seed = &seed;
  options.leaks = {.descriptors = false, .threads = false, .patience = 0ms};
  const auto problems =
      weir::testing::run_test([&](weir::testing::test_context& context) { return body(*context.faults); }, options);
  if (!problems.empty()) throw std::runtime_error(problems.front());
}

/// Waits for nothing, a turn, or some time.
task<void> dawdle(weir::testing::random& dice) {
  switch (dice.below(3)) {
  case 0:
    break;
  case 1:
    co_await weir::yield_now();
    break;
  default:
    co_await weir::sleep_for(std::chrono::milliseconds(dice.below(20)));
  }
}

/// Units in use never exceed the capacity unless that was lowered, a request for more than all is served alone, nobody
/// is stranded, and at the end every unit is back.
void limiter_keeps_count(std::uint64_t seed) {
  under_faults(seed, [](fault_injection& faults) -> task<void> {
    auto& dice = faults.random();
    weir::limiter limit(1 + dice.below(5));
    std::size_t held = 0;                   // by tasks that have gone on
    std::size_t ceiling = limit.capacity(); // of what may be in use: follows a lower capacity as units come back
    const auto change = [&](std::size_t capacity) {
      ceiling = std::max(capacity, std::min(ceiling, limit.in_use()));
      limit.set_capacity(capacity);
    };
    std::list<std::size_t> queue; // the units of those who wait, in order of arrival
    const auto nobody_is_forgotten = [&] {
      if (queue.empty() || queue.size() != limit.waiting()) return; // somebody is on the way out of it
      const std::size_t used = limit.in_use();
      const bool fits = used == 0 ? limit.capacity() > 0 : used + queue.front() <= limit.capacity();
      require(!fits, "the first in the queue waits for what is free");
    };
    const auto use = [&](std::size_t units) -> task<void> {
      const auto place = queue.insert(queue.end(), units);
      struct leaving {
        std::list<std::size_t>& from;
        std::list<std::size_t>::iterator place;
        bool left = false;
        void now() {
          if (!std::exchange(left, true)) from.erase(place);
        }
        ~leaving() { now(); }
      } in_queue{queue, place};
      auto mine = dice.chance(20) ? limit.try_acquire(units) : co_await limit.acquire(units);
      in_queue.now();
      if (!mine) co_return;
      struct giving_back {
        std::size_t& count;
        std::size_t units;
        ~giving_back() { count -= units; }
      } at_end{held += units, units};
      require(held <= limit.in_use(), "the limiter counts less than there is");
      require(limit.in_use() <= ceiling || limit.in_use() == units, "more in use than the capacity");
      co_await dawdle(dice);
      mine.release();
      ceiling = std::max(limit.capacity(), std::min(ceiling, limit.in_use()));
    };
    co_await weir::with_task_group([&](task_group& group) -> task<void> {
      const std::size_t users = 5 + dice.below(30);
      for (std::size_t i = 0; i < users; ++i) {
        auto child = group.spawn([&]() -> task<void> {
          for (std::size_t turns = 1 + dice.below(3); turns > 0; --turns) co_await use(1 + dice.below(4));
        });
        if (dice.chance(40)) faults.may_cancel(child);
        if (dice.chance(20)) change(dice.below(6));
        if (dice.chance(50)) co_await dawdle(dice);
        nobody_is_forgotten();
      }
      change(1 + dice.below(4)); // a capacity of 0 would keep them for ever
    });
    require(held == 0, "the model itself is wrong");
    require(limit.in_use() == 0, "a permit was lost");
    require(limit.waiting() == 0, "a waiter was left in the queue");
  });
}

/// Grants come in order of arrival, whatever order the tasks go on in.
void limiter_is_fair(std::uint64_t seed) {
  under_faults(seed, [](fault_injection& faults) -> task<void> {
    auto& dice = faults.random();
    weir::limiter one(1);
    std::size_t arrived = 0;
    std::size_t last = 0;
    co_await weir::with_task_group([&](task_group& group) -> task<void> {
      for (std::size_t i = 0; i < 20; ++i) {
        auto child = group.spawn([&]() -> task<void> {
          co_await dawdle(dice);
          const std::size_t ticket = ++arrived;
          auto mine = co_await one.acquire();
          require(ticket > last, "overtaken: " + std::to_string(ticket) + " after " + std::to_string(last));
          last = ticket;
          co_await dawdle(dice);
        });
        if (dice.chance(30)) faults.may_cancel(child);
      }
      co_return;
    });
    require(one.in_use() == 0, "a permit was lost");
  });
}

/// At most one task is inside, also where a waiter is cancelled just as it gets the lock.
void mutex_excludes(std::uint64_t seed) {
  under_faults(seed, [](fault_injection& faults) -> task<void> {
    auto& dice = faults.random();
    weir::mutex lock;
    int inside = 0;
    co_await weir::with_task_group([&](task_group& group) -> task<void> {
      for (std::size_t i = 0; i < 15; ++i) {
        auto child = group.spawn([&]() -> task<void> {
          for (int turns = 0; turns < 3; ++turns) {
            auto mine = co_await lock.lock();
            struct guard {
              int& count;
              ~guard() { --count; }
            } leaving{++inside};
            require(inside == 1, "two tasks hold the mutex");
            co_await dawdle(dice);
          }
        });
        if (dice.chance(50)) faults.may_cancel(child);
      }
      co_return;
    });
    require(!lock.is_locked(), "the mutex stayed locked");
  });
}

/// A notification wakes one who waits, also where that one is cancelled at the same moment: nothing that was put into
/// the guarded queue stays there while somebody waits for it.
void condition_loses_no_notification(std::uint64_t seed) {
  under_faults(seed, [](fault_injection& faults) -> task<void> {
    auto& dice = faults.random();
    weir::mutex lock;
    weir::condition filled;
    int queued = 0;
    int taken = 0;
    constexpr int all = 20;
    co_await weir::with_task_group([&](task_group& group) -> task<void> {
      for (int who = 0; who < 6; ++who) {
        auto child = group.spawn([&]() -> task<void> {
          while (taken < all) {
            auto guard = co_await lock.lock();
            co_await filled.wait(guard, [&] { return queued > 0 || taken == all; });
            if (queued == 0) co_return;
            --queued;
            if (++taken == all) filled.notify_all();
            if (dice.chance(50)) co_await dawdle(dice);
          }
        });
        if (who > 0 && dice.chance(50)) faults.may_cancel(child); // one stays to the end
      }
      for (int i = 0; i < all; ++i) {
        auto guard = co_await lock.lock();
        ++queued;
        filled.notify_one();
        guard.release();
        co_await dawdle(dice);
      }
    });
    require(taken == all && queued == 0, "something was left in the queue");
    require(filled.waiting() == 0 && !lock.is_locked(), "a waiter or the lock was left");
  });
}

/// Every value whose send succeeded is received exactly once or still in the channel; none whose send failed is
/// received.
void channel_loses_nothing(std::uint64_t seed) {
  under_faults(seed, [](fault_injection& faults) -> task<void> {
    auto& dice = faults.random();
    weir::channel<std::pair<std::size_t, int>> values(1 + dice.below(4));
    std::map<std::pair<std::size_t, int>, int> sent, received;
    const std::size_t senders = 1 + dice.below(6);
    std::size_t left = senders;
    const auto arrives = [&](const std::pair<std::size_t, int>& value) {
      require(++received[value] == 1, "a value was received twice");
    };
    co_await weir::with_task_group([&](task_group& group) -> task<void> {
      for (std::size_t who = 0; who < senders; ++who) {
        auto child = group.spawn([&, who]() -> task<void> {
          struct closing {
            std::size_t& left;
            weir::channel<std::pair<std::size_t, int>>& values;
            ~closing() {
              if (--left == 0) values.close();
            }
          } at_end{left, values};
          for (int number = 1; number <= 10; ++number) {
            co_await dawdle(dice);
            const std::pair<std::size_t, int> value{who, number};
            if (dice.chance(20)) {
              if (!values.try_send(value)) continue;
            } else {
              co_await values.send(value);
            }
            ++sent[value];
          }
        });
        if (dice.chance(30)) faults.may_cancel(child);
      }
      for (std::size_t who = 0, all = 1 + dice.below(5); who < all; ++who) {
        auto child = group.spawn([&]() -> task<void> {
          while (auto value = co_await values.receive()) {
            arrives(*value);
            co_await dawdle(dice);
          }
        });
        if (who > 0 && dice.chance(40)) faults.may_cancel(child); // one remains, or senders would wait for ever
      }
      co_return;
    });
    require(values.size() == 0, "values were left in a channel with a receiver");
    for (const auto& [value, count] : sent) require(received.contains(value), "a value that was sent is lost");
    for (const auto& [value, count] : received) require(sent.contains(value), "a value was received that was not sent");
  });
}

/// No child outlives its group, whoever fails or is cancelled; a child's error arrives unless there was none.
void group_holds_its_children(std::uint64_t seed) {
  under_faults(seed, [](fault_injection& faults) -> task<void> {
    auto& dice = faults.random();
    int alive = 0;
    const auto child_of = [&](bool fails) -> task<void> {
      struct counted {
        int& count;
        ~counted() { --count; }
      } here{++alive};
      bool stopped = false;
      try {
        for (int turns = 0; turns < 3; ++turns) co_await dawdle(dice);
      } catch (const weir::cancelled&) {
        stopped = true;
      }
      if (stopped) {
        if (dice.chance(50)) co_await weir::shield(dawdle(dice));
        throw weir::cancelled{};
      }
      if (fails) throw std::runtime_error("a child");
    };
    std::function<task<void>(int)> level = [&](int depth) -> task<void> {
      const int before = alive;
      bool fails = false;
      bool failed = false;
      try {
        co_await weir::with_task_group([&](task_group& group) -> task<void> {
          auto target = dice.chance(30) ? faults.may_cancel(group) : fault_injection::target();
          for (std::size_t i = 0, all = dice.below(5); i < all; ++i) {
            const bool this_one = dice.chance(10);
            fails = fails || this_one;
            auto child = group.spawn(child_of(this_one));
            if (dice.chance(20)) faults.may_cancel(child);
          }
          if (depth > 0) co_await level(depth - 1);
          co_await dawdle(dice);
        });
      } catch (const std::runtime_error&) {
        failed = true;
      }
      require(!failed || fails || depth > 0, "an error from nowhere");
      require(alive == before, "a child has outlived its group");
    };
    co_await level(3);
    require(alive == 0, "a child is alive");
  });
}

/// A time limit is kept and waited for: at its end nothing of the work is left, and no more time has passed.
void time_limit_waits(std::uint64_t seed) {
  under_faults(seed, [](fault_injection& faults) -> task<void> {
    auto& dice = faults.random();
    weir::loop& here = weir::loop::current();
    co_await weir::with_task_group([&](task_group& group) -> task<void> {
      for (int i = 0; i < 10; ++i) {
        const auto limit = std::chrono::milliseconds(1 + dice.below(30));
        const auto work = std::chrono::milliseconds(1 + dice.below(30));
        auto child = group.spawn([&, limit, work]() -> task<void> {
          const auto began = here.now();
          bool inside = false;
          bool late = false;
          struct leaving {
            bool& flag;
            ~leaving() { flag = false; }
          };
          try {
            co_await weir::with_timeout(limit, [](bool& flag, auto how_long) -> task<void> {
              leaving at_end{flag = true};
              co_await weir::sleep_for(how_long);
            }(inside, work));
          } catch (const weir::error&) {
            late = true;
          }
          require(!inside, "a time limit was left before its work");
          require(late ? limit <= work : work <= limit, "the wrong one of limit and work came first");
          require(here.now() - began >= std::min<weir::clock::duration>(limit, work), "too early");
        });
        if (dice.chance(20)) faults.may_cancel(child);
      }
      co_return;
    });
    require(here.counters().timers_armed == 0, "a timer stayed armed");
  });
}

} // namespace

int main(int count, char** arguments) {
  return stress::run_all({{"limiter_keeps_count", limiter_keeps_count},
                          {"limiter_is_fair", limiter_is_fair},
                          {"mutex_excludes", mutex_excludes},
                          {"condition_loses_no_notification", condition_loses_no_notification},
                          {"channel_loses_nothing", channel_loses_nothing},
                          {"group_holds_its_children", group_holds_its_children},
                          {"time_limit_waits", time_limit_waits}},
                         count > 1 ? std::atof(arguments[1]) : 5);
}
