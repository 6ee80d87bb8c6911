// What docs/tasks.md shows, run.
#include <weir/core/context.hpp>
#include <weir/core/error.hpp>
#include <weir/core/gather.hpp>
#include <weir/core/other_errors.hpp>
#include <weir/core/race.hpp>
#include <weir/core/result.hpp>
#include <weir/core/run.hpp>
#include <weir/core/sleep.hpp>
#include <weir/core/task_group.hpp>

#include <docs/expect.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

using namespace std::chrono_literals;

namespace {

// [lifetime]
weir::task<std::size_t> length(std::string text) { // by value: lives in the coroutine
  co_await weir::sleep_for(1ms);
  co_return text.size();
}

weir::task<std::size_t> sum_of_lengths() {
  std::string mine = "paper boat";
  weir::task<std::size_t> first = length(mine); // nothing has run yet; the copy is made
  mine.clear();
  co_return co_await std::move(first) + co_await length("river"); // a task is awaited once
}
// [end]

weir::task<int> value_after(std::chrono::milliseconds when, int value) {
  co_await weir::sleep_for(when);
  co_return value;
}

weir::task<int> fails_after(std::chrono::milliseconds when) {
  co_await weir::sleep_for(when);
  throw std::runtime_error("no frame 17");
}

void running() {
  // [run-options]
  weir::run_options options;
  options.handle_signals = false;             // Ctrl-C stays somebody else's
  options.deadlock = weir::on_deadlock::fail; // throws instead of waiting for ever
  options.report = [](std::string_view lines) { std::fwrite(lines.data(), 1, lines.size(), stdout); };
  std::size_t letters = weir::run(sum_of_lengths(), options);
  // [end]
  expect(letters == 15);

  bool deadlock = false;
  options.report = [](std::string_view) {};
  // [deadlock]
  auto waits_for_itself = []() -> weir::task<void> {
    weir::event never;
    co_await never.wait();
  };
  try {
    weir::run(waits_for_itself(), options);
  } catch (const weir::error& e) { // errc::deadlock; the text holds the tree of tasks
    deadlock = e.code() == weir::errc::deadlock;
  }
  // [end]
  expect(deadlock);
}

weir::task<void> sleep_long() { co_await weir::sleep_for(10s); }
weir::task<void> pause() { co_await weir::sleep_for(1ms); }

weir::task<void> gathering() {
  // [gather]
  auto [nothing, number] = co_await weir::gather(pause(), value_after(1ms, 7)); // std::monostate, int
  // [end]
  static_cast<void>(nothing);
  expect(number == 7);

  std::string first;
  std::size_t others = 0;
  // [errors]
  auto stubborn = []() -> weir::task<int> {
    try {
      co_await weir::sleep_for(10s);
    } catch (const weir::cancelled&) {
      throw std::runtime_error("and the log could not be closed"); // an error on the way out
    }
    co_return 0;
  };
  try {
    co_await weir::gather(fails_after(1ms), stubborn());
  } catch (const std::runtime_error& e) {
    first = e.what(); // "no frame 17"
    for (const std::exception_ptr& other : weir::other_errors()) {
      ++others; // what else went wrong
      static_cast<void>(other);
    }
  }
  // [end]
  expect(first == "no frame 17" && others == 1);

  // [results]
  std::vector<weir::task<int>> works;
  works.push_back(value_after(1ms, 1));
  works.push_back(fails_after(1ms));
  std::vector<weir::result<int>> outcomes = co_await weir::gather_results(std::move(works), 4);
  int good = 0;
  for (auto& outcome : outcomes)
    if (outcome) good += std::move(outcome).value(); // value() of a failure rethrows it
  // [end]
  expect(good == 1 && outcomes[1].failure() && !outcomes[1].is_cancelled());

  // [race]
  std::variant<int, std::monostate> won = co_await weir::race(value_after(1ms, 7), sleep_long());
  // [end]
  expect(won.index() == 0 && std::get<0>(won) == 7);
}

weir::task<void> watch(int& beats) {
  for (;;) {
    co_await weir::sleep_for(1ms);
    ++beats;
  }
}

struct listener {
  int port() const { return 8080; }
};
weir::task<void> serve(listener&) { co_await weir::until_cancelled(); }

weir::task<void> groups() {
  int beats = 0;
  // [handle]
  int answer = co_await weir::with_task_group([&](weir::task_group& group) -> weir::task<int> {
    weir::task_handle watching = group.spawn(watch(beats), "watch"); // the name appears in reports
    weir::task_result<int> computing = group.spawn(value_after(5ms, 42));
    const int value = co_await computing.value();
    watching.cancel(); // no error for the group
    co_await watching.join();
    co_return value;
  });
  // [end]
  expect(answer == 42 && beats > 0);

  int port = 0;
  // [start]
  co_await weir::with_task_group([&](weir::task_group& group) -> weir::task<void> {
    port = co_await group.start<int>([&](weir::started<int>& ready) -> weir::task<void> {
      listener here;
      ready(here.port()); // start() returns this; the child runs on
      co_await serve(here);
    });
    group.cancel();
  });
  // [end]
  expect(port == 8080);

  int seen = 0;
  // [lambda]
  co_await weir::with_task_group([&](weir::task_group& group) -> weir::task<void> {
    auto big = std::make_unique<int>(3);
    group.spawn([&seen, big = std::move(big)]() -> weir::task<void> { // moved into the group
      co_await weir::sleep_for(1ms);
      seen = *big; // so captures are there after a wait
    });
    co_return;
  });
  // [end]
  expect(seen == 3);
}

// [context]
inline const weir::context_value<std::string> user("nobody"); // the fallback

weir::task<std::string> who() { co_return user.get(); }

weir::task<std::string> both() {
  auto [outside, inside] = co_await weir::gather(who(), user.with("ada", who()));
  co_return outside + " and " + inside; // "nobody and ada"
}
// [end]

weir::task<void> all() {
  co_await gathering();
  co_await groups();
  expect(co_await both() == "nobody and ada");
}

} // namespace

int main() {
  running();
  weir::run(all());
}
