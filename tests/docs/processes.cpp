// What docs/processes.md shows, run.
#include <weir/core/cancelled.hpp>
#include <weir/core/gather.hpp>
#include <weir/core/run.hpp>
#include <weir/core/sleep.hpp>
#include <weir/core/timeout.hpp>
#include <weir/offload/processpool.hpp>

#include <docs/expect.hpp>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace {

int add(int a, int b) { return a + b; }

weir::task<void> calls() {
  // [call]
  int sum = co_await weir::run_in_processpool(add, 1, 2);                         // a function,
  int same = co_await weir::run_in_processpool<&add>(1, 2);                       // one that is known at compile time,
  int square = co_await weir::run_in_processpool([](int x) { return x * x; }, 7); // or a lambda without captures
  // [end]
  expect(sum == 3 && same == 3 && square == 49);
}

// [struct]
struct resize_order { // a struct of public fields travels as it is
  std::string name;
  std::vector<std::byte> image;
  std::optional<int> width;
};
std::size_t weight(const resize_order& order) { return order.name.size() + order.image.size(); }
// [end]

weir::task<void> structs() {
  expect(co_await weir::run_in_processpool(weight, resize_order{"boat", std::vector<std::byte>(10), 3}) == 14);
}

} // namespace

// [codec]
class money {
 public:
  explicit money(long cents) : cents_(cents) {}
  long cents() const { return cents_; }

 private:
  long cents_;
};

template <>
struct weir::codec<money> {
  static void encode(weir::encoder& out, const money& value) { out.put(value.cents()); }
  static money decode(weir::decoder& in) { return money(in.get<long>()); }
};
// [end]

// [register]
struct out_of_paint : std::runtime_error {
  using std::runtime_error::runtime_error;
};
inline const bool out_of_paint_travels = weir::register_exception<out_of_paint>();
// [end]

namespace {

money twice(money each) { return money(2 * each.cents()); }
void paint(const std::string& colour) { throw out_of_paint(colour); }
int to_number(const std::string& text) { return std::stoi(text); }

weir::task<void> exceptions() {
  expect((co_await weir::run_in_processpool(twice, money(21))).cents() == 42);
  std::string colour, where;
  bool bad = false;
  // [exception]
  try {
    co_await weir::run_in_processpool<&to_number>("seven");
  } catch (const std::invalid_argument& e) { // as it was thrown
    bad = true;
    if (auto* report = dynamic_cast<const weir::remote_report*>(&e)) where = report->function();
  }
  try {
    co_await weir::run_in_processpool(paint, "red");
  } catch (const out_of_paint& e) { // registered: itself. Without that: weir::remote_exception
    colour = e.what();
  }
  // [end]
  expect(bad && colour == "red" && where.find("to_number") != std::string::npos);
}

int draw(int pages) {
  std::printf("page %d\n", pages);
  std::fflush(stdout);
  if (pages == 13) ::raise(SIGSEGV);
  return pages;
}

weir::task<void> crash() {
  std::string text;
  int pages = 0;
  // [crash]
  try {
    co_await weir::run_in_processpool(draw, 13);
  } catch (const weir::worker_crashed& e) { // e.signal(), e.function(), e.facts().trace, e.last_output()
    text = e.signal_name() + " after " + e.last_output();
  }
  pages = co_await weir::run_in_processpool(draw, 14); // the pool goes on
  // [end]
  expect(text.starts_with("SIGSEGV after ") && text.find("page 13") != std::string::npos && pages == 14);
}

void never_ends() {
  for (volatile int i = 0;; i = i + 1) {}
}

weir::task<void> deadline() {
  bool late = false;
  // [deadline]
  try {
    co_await weir::run_in_processpool({.deadline = 100ms}, never_ends);
  } catch (const weir::job_timeout& e) {
    late = true; // its worker was killed; another one takes its place
  }
  auto nothing = co_await weir::move_on_after(100ms, weir::run_in_processpool(sleep, 600u)); // cancelled: the same
  // [end]
  expect(late && !nothing);
}

weir::task<void> stop() {
  // [stop]
  auto search = [](std::stop_token stop, int from) { // a first parameter of this type is filled in
    while (!stop.stop_requested()) std::this_thread::sleep_for(1ms), ++from;
    return from; // the best so far
  };
  auto best = co_await weir::move_on_after(100ms, weir::run_in_processpool({.grace = 5s}, search, 0));
  // [end]
  expect(best && *best > 0);
}

int render(int frame) { return frame; }

weir::task<void> options() {
  weir::limiter renders(2, "renders");
  // [options]
  weir::process_options preview{
      .deadline = 20s,
      .priority = 1,      // before those of priority 0 that wait
      .idempotent = true, // if its worker dies: once more
      .memory_limit_bytes = 1u << 30,
      .limiter = &renders, // counts beside the pool's own bound
  };
  int frame = co_await weir::run_in_processpool(preview, render, 17);
  // [end]
  expect(frame == 17);
}

bool can_read(const std::string& path) { return ::access(path.c_str(), R_OK) == 0 && std::fopen(path.c_str(), "r"); }

weir::task<void> sandbox() {
  if (!weir::probe_sandbox().sufficient()) {
    std::puts(to_string(weir::probe_sandbox()).c_str());
    co_return;
  }
  // [sandbox]
  weir::sandbox_options shut_in; // no files, no network, no programs, no threads, 1 GiB
  bool sees = co_await weir::run_in_processpool({.deadline = 10s, .sandbox = shut_in}, can_read, "/etc/passwd");

  shut_in.read_only_paths = {"/usr/share"}; // but these
  shut_in.one_shot = true;                  // and a process of its own for each call
  // [end]
  bool allowed = co_await weir::run_in_processpool({.sandbox = shut_in}, can_read, "/etc/passwd");
  expect(!sees && !allowed);
}

weir::shared_buffer invert(const weir::shared_buffer& image) {
  weir::mutable_buffer out = weir::shared_buffer::make(image.size()); // the caller will read this very memory
  std::ranges::transform(image, out.begin(), [](std::byte b) { return ~b; });
  return out;
}
weir::mutable_buffer sorted(weir::mutable_buffer values) { // owns it: may write
  std::ranges::sort(values);
  return values;
}

weir::task<void> buffers() {
  // [shared]
  weir::mutable_buffer pixels = weir::shared_buffer::make(1 << 20); // one owner: fill it
  std::ranges::fill(pixels, std::byte{0x0f});
  weir::shared_buffer image = std::move(pixels); // shared: from here on it can only be read
  weir::shared_buffer negative = co_await weir::run_in_processpool(invert, image); // no byte is copied
  // [end]
  expect(negative.size() == image.size() && negative.bytes().back() == std::byte{0xf0});
  // [owned]
  weir::mutable_buffer values = weir::shared_buffer::make(100'000);
  for (std::size_t i = 0; i < values.size(); ++i) values.data()[i] = static_cast<std::byte>(i * 37);
  values = co_await weir::run_in_processpool(sorted, std::move(values)); // given away, and back
  // [end]
  expect(std::ranges::is_sorted(values));
}

int brightness(const std::string& name) { return static_cast<int>(name.size()); }

weir::task<void> map() {
  std::vector<std::string> names(100, "boat.png");
  // [map]
  std::vector<int> levels = co_await weir::map_in_processpool<&brightness>(names);
  std::vector<int> same = co_await weir::map_in_processpool({.deadline = 20s}, names,
                                                            [](const std::string& name) { return brightness(name); });
  // [end]
  expect(levels == same && levels.size() == 100 && levels[99] == 8);
}

weir::task<void> pool() {
  std::vector<std::string> lines;
  // [pool]
  weir::configure_process_pool({
      .max_workers = 2,
      .idle_time = 10s,
      .max_jobs_per_worker = 1000,
      .on_output = [&](const weir::process_output& line) { lines.emplace_back(line.text); },
  });
  co_await weir::warm_up_processpool();
  co_await weir::run_in_processpool(draw, 1);
  // [end]
  for (int i = 0; i < 1000 && lines.empty(); ++i) co_await weir::sleep_for(10ms);
  expect(lines.size() == 1 && lines[0] == "page 1");
  expect(weir::processpool_counters().completed > 0);
  weir::configure_process_pool({});
}

weir::task<void> page() {
  co_await calls();
  co_await structs();
  co_await exceptions();
  co_await crash();
  co_await deadline();
  co_await stop();
  co_await options();
  co_await sandbox();
  co_await buffers();
  co_await map();
  co_await pool();
}

} // namespace

int main() { weir::run(page()); }
