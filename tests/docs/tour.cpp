// What docs/tour.md shows, run.
#include <weir/core/cancelled.hpp>
#include <weir/core/channel.hpp>
#include <weir/core/context.hpp>
#include <weir/core/embedded_loop.hpp>
#include <weir/core/error.hpp>
#include <weir/core/gather.hpp>
#include <weir/core/limiter.hpp>
#include <weir/core/race.hpp>
#include <weir/core/run.hpp>
#include <weir/core/shield.hpp>
#include <weir/core/sleep.hpp>
#include <weir/core/task_group.hpp>
#include <weir/core/task_tree.hpp>
#include <weir/core/timeout.hpp>
#include <weir/offload/from_thread.hpp>
#include <weir/offload/processpool.hpp>
#include <weir/offload/threadpool.hpp>

#include <docs/expect.hpp>
#include <poll.h>

#include <algorithm>
#include <csignal>
#include <exception>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace {

weir::task<int> twice(int x) {
  co_await weir::sleep_for(10ms);
  co_return 2 * x;
}

weir::task<int> twice_slowly(int x) {
  co_await weir::sleep_for(10s);
  co_return 2 * x;
}

weir::task<int> broken() {
  co_await weir::sleep_for(1ms);
  throw std::runtime_error("no such shot");
}

weir::task<void> side_by_side() {
  // [gather]
  auto [a, b] = co_await weir::gather(twice(1), twice(2)); // 10 ms, not 20
  // [end]
  expect(a == 2 && b == 4);

  // [gather-many]
  std::vector<weir::task<int>> tasks;
  for (int i = 0; i < 20; ++i) tasks.push_back(twice(i));
  std::vector<int> values = co_await weir::gather(std::move(tasks), 8); // at most 8 at once
  // [end]
  expect(values.size() == 20 && values[19] == 38);

  // [gather-results]
  auto [good, bad] = co_await weir::gather_results(twice(1), broken());
  if (good) std::printf("%d\n", good.value());
  if (!bad) std::puts("the other one failed");
  // [end]
  expect(good.has_value() && !bad.has_value());

  // [race]
  auto first = co_await weir::race(twice(1), twice_slowly(2)); // std::variant<int, int>
  if (first.index() == 0) std::printf("twice was first: %d\n", std::get<0>(first));
  // [end]
  expect(first.index() == 0 && std::get<0>(first) == 2);
}

weir::task<void> tick(int& ticks) {
  for (;;) {
    co_await weir::sleep_for(1ms);
    ++ticks;
  }
}

weir::task<void> groups() {
  // [group]
  int ticks = 0;
  co_await weir::with_task_group([&](weir::task_group& group) -> weir::task<void> {
    group.spawn(tick(ticks), "ticker");
    auto child = group.spawn(twice(21));
    std::printf("%d\n", co_await child.value());
    group.cancel(); // the ticker would run for ever
  });
  // [end]
  expect(ticks > 0);
}

weir::task<void> time_limits() {
  bool late = false;
  // [timeout]
  try {
    co_await weir::with_timeout(20ms, twice_slowly(1));
  } catch (const weir::error& e) {
    if (e.code() != weir::errc::timeout) throw;
    late = true;
  }

  std::optional<int> value = co_await weir::move_on_after(20ms, twice_slowly(1)); // nothing: too late
  // [end]
  expect(late && !value);
}

int farewells = 0;

weir::task<void> talk() { co_await weir::sleep_for(10s); }
weir::task<void> say_goodbye() {
  co_await weir::sleep_for(1ms);
  ++farewells;
}

// [shield]
weir::task<void> conversation() {
  std::exception_ptr why;
  try {
    co_await talk();
  } catch (...) {
    why = std::current_exception(); // an error, or weir::cancelled: both go on below
  }
  co_await weir::shield(say_goodbye());
  if (why) std::rethrow_exception(why);
}
// [end]

weir::task<void> cancellation() {
  bool swallowed = false;
  bool arrived = false;
  co_await weir::with_task_group([&](weir::task_group& group) -> weir::task<void> {
    auto child = group.spawn([&]() -> weir::task<void> {
      try {
        // [third]
        try {
          co_await weir::sleep_for(10s);
        } catch (const std::exception& e) { // errors; a cancellation is none and passes by
          std::puts(e.what());
          swallowed = true;
        }
        // [end]
      } catch (const weir::cancelled&) {
        arrived = true;
        throw;
      }
    });
    child.cancel();
    co_await child.join();
    auto talking = group.spawn(conversation());
    talking.cancel();
  });
  expect(arrived && !swallowed && farewells == 1);
}

weir::task<void> download(int& running, int& most) {
  most = std::max(most, ++running);
  co_await weir::sleep_for(1ms);
  --running;
}

weir::task<void> waiting() {
  int running = 0, most = 0;
  // [limiter]
  weir::limiter downloads(4, "downloads");
  auto polite = [&]() -> weir::task<void> {
    auto permit = co_await downloads.acquire(); // in order of arrival; given back when it dies
    co_await download(running, most);
  };
  // [end]
  std::vector<weir::task<void>> all;
  for (int i = 0; i < 12; ++i) all.push_back(polite());
  co_await weir::gather(std::move(all));
  expect(most == 4);

  int sum = 0;
  // [channel]
  weir::channel<int> numbers(16); // a sender waits while 16 are in it
  auto produce = [&]() -> weir::task<void> {
    for (int i = 1; i <= 100; ++i) co_await numbers.send(i);
    numbers.close();
  };
  auto consume = [&]() -> weir::task<void> {
    while (auto number = co_await numbers.receive()) sum += *number;
  };
  co_await weir::gather(produce(), consume());
  // [end]
  expect(sum == 5050);
}

// [context]
const weir::context_value<std::string> request_id;

weir::task<std::string> log_line(std::string text) { co_return request_id.get() + ": " + text; }
// [end]

weir::task<void> context() {
  std::string line;
  // [context-with]
  line = co_await request_id.with("r-17", log_line("begins")); // "r-17: begins"
  // [end]
  expect(line == "r-17: begins");
}

// [thread]
double mean(const std::vector<double>& samples) { // a plain function that computes, or blocks
  return std::accumulate(samples.begin(), samples.end(), 0.0) / static_cast<double>(samples.size());
}

weir::task<double> analyse(std::vector<double> samples) {
  co_return co_await weir::run_in_threadpool(mean, std::move(samples));
}
// [end]

weir::task<void> elsewhere() {
  expect(co_await analyse({1, 2, 3}) == 2);

  int steps = 0;
  bool late = false;
  try {
    // [thread-stop]
    auto patient = [&](std::stop_token stop) { // a first parameter of this type is filled in
      while (!stop.stop_requested()) {
        std::this_thread::sleep_for(1ms);
        ++steps;
      }
      throw weir::cancelled{};
    };
    co_await weir::with_timeout(20ms, weir::run_in_threadpool(patient));
    // [end]
  } catch (const weir::error& e) {
    late = e.code() == weir::errc::timeout;
  }
  expect(late && steps > 0);

  int seen = 0;
  // [thread-back]
  int answer = co_await weir::run_in_threadpool([&] {
    weir::post_to_loop([&] { seen = 1; });              // sent; nobody waits for it
    return weir::run_on_loop([] { return twice(21); }); // a task, awaited on the loop; this thread blocks
  });
  // [end]
  expect(answer == 42 && seen == 1);
}

int decode(const std::string& upload) {
  if (upload == "crafted") std::raise(SIGSEGV);
  return static_cast<int>(upload.size());
}

weir::task<void> in_a_process() {
  const std::string upload = "crafted";
  int size = 0;
  bool gone = false;
  // [process]
  try {
    size = co_await weir::run_in_processpool({.deadline = 10s}, decode, upload);
  } catch (const weir::process_error& e) { // it crashed, hung, or wanted too much memory
    gone = true;
  }
  // [end]
  expect(gone && size == 0);
}

weir::task<void> fetch(weir::limiter& downloads) {
  auto permit = co_await downloads.acquire();
  co_await weir::sleep_for(10s);
}

weir::task<void> look() {
  weir::limiter downloads(1, "downloads");
  co_await weir::with_task_group([&](weir::task_group& group) -> weir::task<void> {
    group.spawn(fetch(downloads), "fetch a.mov");
    group.spawn(fetch(downloads), "fetch b.mov");
    const std::string text = weir::report(weir::loop::current());
    std::printf("%s", text.c_str());
    expect(text.find("fetch a.mov: waits for sleep") != std::string::npos);
    expect(text.find("fetch b.mov: waits for limiter 'downloads'") != std::string::npos);
    group.cancel();
    co_return;
  });
}

weir::task<void> tour() {
  co_await side_by_side();
  co_await groups();
  co_await time_limits();
  co_await cancellation();
  co_await waiting();
  co_await context();
  co_await elsewhere();
  co_await in_a_process();
  co_await look();
}

void embed() {
  int result = 0;
  auto work = [&]() -> weir::task<void> { result = co_await twice(21); };
  // [embed]
  weir::embedded_loop guest;
  guest.spawn(work());
  pollfd watched{guest.descriptor(), POLLIN, 0}; // or QSocketNotifier, g_unix_fd_add ...
  while (!guest.is_idle()) {
    poll(&watched, 1, -1);
    guest.run_ready(); // never blocks
  }
  // [end]
  expect(result == 42);
}

} // namespace

int main() {
  weir::run(tour());
  embed();
}
