// What docs/cancellation.md shows, run.
#include <weir/core/cancelled.hpp>
#include <weir/core/error.hpp>
#include <weir/core/run.hpp>
#include <weir/core/shield.hpp>
#include <weir/core/sleep.hpp>
#include <weir/core/stop.hpp>
#include <weir/core/task_group.hpp>
#include <weir/core/timeout.hpp>

#include <docs/expect.hpp>

#include <exception>
#include <optional>
#include <stop_token>
#include <string>
#include <variant>

using namespace std::chrono_literals;

namespace {

// [three]
weir::task<std::string> outcome_of(weir::task<void> work) {
  try {
    co_await std::move(work);
    co_return "done";
  } catch (const std::exception& e) {
    co_return e.what(); // an error
  } catch (const weir::cancelled&) {
    throw; // neither: this task has been asked to stop as well
  }
}
// [end]

weir::task<void> nap() { co_await weir::sleep_for(10s); }
weir::task<void> fail() {
  co_await weir::sleep_for(1ms);
  throw weir::error(weir::errc::not_found, "no such shot");
}

weir::task<void> level_triggered() {
  int waits = 0;
  // [level]
  auto careless = [&]() -> weir::task<void> {
    for (;;) {
      try {
        co_await weir::sleep_for(10s);
      } catch (...) { // wrong: swallows the cancellation
        if (++waits == 3) throw;
      } // the next sleep throws again at once: nobody can wait in a cancelled scope
    }
  };
  // [end]
  co_await weir::with_task_group([&](weir::task_group& group) -> weir::task<void> {
    group.spawn(careless()).cancel();
    co_return;
  });
  expect(waits == 3);
}

struct connection {
  bool closed = false;
  weir::task<void> use() { co_await weir::sleep_for(10s); }
  weir::task<void> close() {
    co_await weir::sleep_for(1ms);
    closed = true;
  }
};

// [cleanup]
weir::task<void> talk(connection& line) {
  std::exception_ptr why;
  try {
    co_await line.use();
  } catch (...) {
    why = std::current_exception();
  }
  co_await weir::shield(weir::with_timeout(2s, line.close())); // a limit of its own holds inside of a shield
  if (why) std::rethrow_exception(why);
}
// [end]

weir::task<void> clean_up() {
  connection line;
  co_await weir::with_task_group([&](weir::task_group& group) -> weir::task<void> {
    group.spawn(talk(line)).cancel();
    co_return;
  });
  expect(line.closed);
}

// [long]
weir::task<long> count(long to) {
  long sum = 0;
  for (long i = 0; i < to; ++i) {
    sum += i;
    if (i % 10'000 == 0) co_await weir::yield_now(); // lets others run; throws when cancelled
  }
  co_return sum;
}
// [end]

// [token]
int legacy(std::stop_token stop) { return stop.stop_requested() ? -1 : 1; }

weir::task<int> calls_legacy() { co_return legacy(weir::this_task::stop_token()); }
// [end]

weir::task<int> answer_after(std::chrono::milliseconds when) {
  co_await weir::sleep_for(when);
  co_return 42;
}

weir::task<void> step() { co_await weir::sleep_for(1ms); }

weir::task<bool> another_piece() {
  static int left = 3;
  co_await weir::sleep_for(1ms);
  co_return left-- > 0;
}

weir::task<void> limits() {
  bool late = false;
  // [timeout]
  try {
    int answer = co_await weir::with_timeout(20ms, answer_after(10s));
    std::printf("%d\n", answer);
  } catch (const weir::error& e) {
    late = e.code() == weir::errc::timeout;
  }
  // [end]
  expect(late);

  // [move-on]
  std::optional<int> answer = co_await weir::move_on_after(20ms, answer_after(10s)); // nothing
  std::optional<std::monostate> done = co_await weir::move_on_after(10s, step());    // of a task<void>
  // [end]
  expect(!answer && done);

  int pieces = 0;
  // [idle]
  auto body = [&](weir::time_limit& limit) -> weir::task<void> {
    while (co_await another_piece()) {
      ++pieces;
      limit.restart(5s); // 5 s for each piece, not for all
    }
  };
  co_await weir::with_timeout(5s, body);
  // [end]
  expect(pieces == 3);

  weir::clock::time_point seen{};
  // [deadline]
  auto when = weir::loop::current().now() + 30s;
  auto ask = [&]() -> weir::task<void> {
    seen = weir::this_task::deadline(); // for code that takes a time limit of its own
    co_return;
  };
  co_await weir::with_deadline(when, weir::with_timeout(60s, ask())); // the earliest of all around it
  // [end]
  expect(seen == when);
}

weir::task<void> all() {
  expect(co_await outcome_of(step()) == "done");
  expect(co_await outcome_of(fail()) == "no such shot");
  bool third = false;
  co_await weir::with_task_group([&](weir::task_group& group) -> weir::task<void> {
    auto child = group.spawn(outcome_of(nap()));
    child.cancel();
    co_await child.join();
    third = child.status() == weir::task_status::cancelled;
  });
  expect(third);
  co_await level_triggered();
  co_await clean_up();
  expect(co_await count(100'000) == 4'999'950'000);
  bool stopped = false;
  co_await weir::with_task_group([&](weir::task_group& group) -> weir::task<void> {
    auto child = group.spawn(count(1'000'000'000'000));
    child.cancel();
    co_await child.join();
    stopped = child.status() == weir::task_status::cancelled;
  });
  expect(stopped);
  expect(co_await calls_legacy() == 1);
  co_await limits();
}

} // namespace

int main() { weir::run(all()); }
