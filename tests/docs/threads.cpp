// What docs/threads.md shows, run.
#include <weir/core/cancelled.hpp>
#include <weir/core/context.hpp>
#include <weir/core/error.hpp>
#include <weir/core/gather.hpp>
#include <weir/core/run.hpp>
#include <weir/core/sleep.hpp>
#include <weir/core/timeout.hpp>
#include <weir/offload/child.hpp>
#include <weir/offload/from_thread.hpp>
#include <weir/offload/threadpool.hpp>

#include <docs/expect.hpp>

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <semaphore>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace {

int add(int a, int b) { return a + b; }

struct catalogue {
  std::size_t size(const std::string& shelf) const { return shelf.size(); }
};

weir::task<void> arguments() {
  catalogue books;
  std::vector<int> numbers{3, 1, 2};
  // [arguments]
  int sum = co_await weir::run_in_threadpool(add, 1, 2);
  int twice = co_await weir::run_in_threadpool([](int x) { return 2 * x; }, 21);
  std::size_t size = co_await weir::run_in_threadpool(&catalogue::size, &books, "maps");
  auto moved = co_await weir::run_in_threadpool([](std::unique_ptr<int> p) { return p; }, std::make_unique<int>(7));
  co_await weir::run_in_threadpool([](std::vector<int>& v) { std::ranges::sort(v); }, std::ref(numbers));
  // [end]
  expect(sum == 3 && twice == 42 && size == 4 && *moved == 7 && numbers[0] == 1);
}

struct no_such_frame : std::runtime_error {
  using std::runtime_error::runtime_error;
};

weir::task<void> exceptions() {
  int frame = 0;
  // [exception]
  try {
    co_await weir::run_in_threadpool([] { throw no_such_frame("17"); });
  } catch (const no_such_frame& e) { // its own type, the same object
    frame = std::stoi(e.what());
  }
  // [end]
  expect(frame == 17);
}

std::atomic<int> running{0}, most{0};
void decode(int) {
  const int now = ++running;
  for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {}
  std::this_thread::sleep_for(2ms);
  --running;
}

weir::task<void> limiters() {
  // [limiter]
  weir::thread_limiter pictures(2, "pictures"); // at most two decode at once, whatever else runs
  std::vector<weir::task<void>> all;
  for (int i = 0; i < 8; ++i)
    all.push_back(weir::run_in_threadpool(weir::thread_options{.limiter = &pictures}, decode, i));
  co_await weir::gather(std::move(all));
  // [end]
  expect(most == 2);

  expect(weir::default_thread_limiter().capacity() == 40);
  // [capacity]
  weir::default_thread_limiter().set_capacity(8); // of this loop; 40 from the start
  // [end]
  expect(weir::default_thread_limiter().capacity() == 8);
}

weir::task<void> cancelling() {
  bool late = false;
  // [stop]
  auto search = [](std::stop_token stop, int from) { // a first parameter of this type is filled in
    while (!stop.stop_requested() && ++from > 0) std::this_thread::sleep_for(1ms);
    throw weir::cancelled{};
  };
  try {
    co_await weir::with_timeout(20ms, weir::run_in_threadpool(search, 17));
  } catch (const weir::error& e) {
    late = e.code() == weir::errc::timeout;
  }
  // [end]
  expect(late);

  // [value-kept]
  auto stops_with_a_value = [](std::stop_token stop) {
    while (!stop.stop_requested()) std::this_thread::sleep_for(1ms);
    return 42; // not lost: the caller gets it, and is cancelled at its next wait
  };
  int value = co_await weir::with_timeout(20ms, weir::run_in_threadpool(stops_with_a_value));
  // [end]
  expect(value == 42);

  static std::binary_semaphore released(0);
  static std::atomic<bool> ended{false};
  weir::thread_limiter foreign(1, "foreign");
  // [abandon]
  auto stubborn = [] { // blocks, and cannot be told
    released.acquire();
    ended = true;
  };
  auto gone = co_await weir::move_on_after(
      20ms, weir::run_in_threadpool(weir::thread_options{.limiter = &foreign, .abandon = true}, stubborn));
  expect(!gone && foreign.in_use() == 1); // it runs on, and keeps its place
  // [end]
  released.release();
  while (!ended || foreign.in_use() > 0) co_await weir::sleep_for(1ms);

  std::string text;
  // [cancelled-error]
  try {
    co_await weir::run_in_threadpool([] { throw weir::cancelled{}; }); // nobody has cancelled it
  } catch (const weir::error& e) {                                     // errc::internal
    text = e.what();
  }
  // [end]
  expect(!text.empty());
}

weir::task<int> look_up(int key) {
  co_await weir::sleep_for(1ms);
  co_return 2 * key;
}

// [context]
inline const weir::context_value<std::string> request_id("none");

std::string log_prefix() { return request_id.get(); } // on a thread

weir::task<std::string> prefix_of(std::string id) {
  return request_id.with(std::move(id), weir::run_in_threadpool(log_prefix));
}
// [end]

weir::task<void> back() {
  int percent = 0;
  // [back]
  int found = co_await weir::run_in_threadpool([&] {
    weir::post_to_loop([&] { percent = 50; });                 // sent; this thread goes on
    int value = weir::run_on_loop([] { return look_up(21); }); // a task, awaited there; this thread blocks
    weir::run_on_loop([&] { percent = 100; });                 // a plain function, there
    return value;
  });
  // [end]
  expect(found == 42 && percent == 100);

  int sum = 0;
  // [foreign]
  weir::loop_handle here(weir::loop::current());
  std::jthread driver([&, here] { sum = weir::run_on_loop(here, [] { return look_up(4); }); });
  // [end]
  while (sum == 0) co_await weir::sleep_for(1ms);
  expect(sum == 8);
  expect(co_await prefix_of("r-17") == "r-17");

  weir::thread_limiter one(1, "one");
  // [nested]
  weir::thread_options mine{.limiter = &one}; // capacity 1
  int inner = co_await weir::run_in_threadpool(mine, [&] {
    return weir::run_on_loop([&] { return weir::run_in_threadpool(mine, add, 1, 2); }); // no deadlock
  });
  // [end]
  expect(inner == 3);

  bool exists = false;
  // [job]
  co_await weir::run_in_threadpool([&] {
    exists = weir::this_job::exists();    // whether this thread runs such a function
    weir::this_job::throw_if_cancelled(); // whether its caller was asked to stop
  });
  // [end]
  expect(exists);
}

weir::task<void> programs() {
  std::string out;
  // [child]
  weir::child_options options;
  options.argv = {"sh", "-c", "cat; exit 3"};
  options.stdin_data = "a paper boat";
  options.on_stdout = [&](std::string_view piece) { out += piece; };
  weir::child_result ended = co_await weir::with_timeout(30s, weir::run_child(std::move(options)));
  // [end]
  expect(out == "a paper boat" && ended.exit_code == 3 && !ended.ok());
}

weir::task<void> all() {
  co_await arguments();
  co_await exceptions();
  co_await limiters();
  co_await cancelling();
  co_await back();
  co_await programs();
}

} // namespace

int main() {
  // [linger]
  weir::set_thread_linger(0us); // never poll: the least processor time where calls are rare
  // [end]
  expect(weir::thread_linger() == 0us);
  weir::set_thread_linger(10us);
  weir::run(all());
}
