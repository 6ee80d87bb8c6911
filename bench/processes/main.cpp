// Functions that do next to nothing, run in worker processes:
//   weir-bench-processes hops WAITERS WORKERS SECONDS LINGER_US    again and again
//   weir-bench-processes start                                     the first call of this process; one more worker
//   weir-bench-processes payload MIB copied|shared|in-place TIMES  bytes there and back
//   weir-bench-processes kill TIMES                                how late an endless loop ends, deadline 100 ms
//   weir-bench-processes sandbox TIMES                             what shutting the function in adds
// Each prints one line of JSON. LINGER_US is how long the loop polls; a worker polls in any case.
#include "family.hpp"

#include <weir/core/error.hpp>
#include <weir/core/gather.hpp>
#include <weir/core/run.hpp>
#include <weir/offload/processpool.hpp>
#include <weir/offload/threadpool.hpp>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace {

using namespace weir::bench;
using namespace std::chrono_literals;
using bench_clock = stretch::clock;

int nothing_much() { return 1; }
std::vector<std::byte> give_back(std::vector<std::byte> bytes) { return bytes; }
weir::shared_buffer make_another(const weir::shared_buffer& given) {
  weir::mutable_buffer made = weir::shared_buffer::make(given.size());
  std::memcpy(made.data(), given.data(), given.size());
  return made;
}
weir::mutable_buffer write_one(weir::mutable_buffer given) {
  given.bytes().front() = std::byte{2};
  return given;
}
void never_ends() {
  for (volatile int i = 0;; i = i + 1) {}
}

double us_since(bench_clock::time_point begin) {
  return std::chrono::duration<double, std::micro>(bench_clock::now() - begin).count();
}

weir::task<void> waiter(stretch& times) {
  auto begin = bench_clock::now();
  for (;;) {
    co_await weir::run_in_processpool(nothing_much);
    const auto end = bench_clock::now();
    if (!times.note(begin, end)) co_return;
    begin = end;
  }
}

weir::task<void> hops(std::size_t callers, std::size_t workers, double seconds) {
  weir::configure_process_pool({.max_workers = workers, .spare_workers = workers});
  for (int i = 0; i < 2; ++i) { // every worker is there before the time begins
    std::vector<weir::task<int>> first;
    for (std::size_t n = 0; n < 40 * workers; ++n) first.push_back(weir::run_in_processpool(nothing_much));
    co_await weir::gather(std::move(first));
  }
  stretch times{std::chrono::duration<double>(seconds)};
  std::vector<weir::task<void>> waiters;
  for (std::size_t i = 0; i < callers; ++i) waiters.push_back(waiter(times));
  co_await weir::gather(std::move(waiters));
  times.print();
}

weir::task<double> call_us(weir::process_options options) {
  const auto begin = bench_clock::now();
  co_await weir::run_in_processpool(std::move(options), nothing_much);
  co_return us_since(begin);
}

weir::task<void> start() {
  weir::configure_process_pool({.max_workers = 100, .spare_workers = 0});
  const double first = co_await call_us({});
  std::vector<double> others;
  for (std::uint64_t i = 1; i <= 20; ++i) // other options: another worker
    others.push_back(co_await call_us({.memory_limit_bytes = (1 + i) << 30}));
  std::printf("{\"first_us\":%.1f,\"one_more_us\":%.1f}\n", first, quantile(others, 0.5));
}

template <class Round>
weir::task<void> payload(int times, Round round) {
  for (int i = 0; i < 3; ++i) co_await round();
  std::vector<double> taken;
  const double cpu = family_cpu_us();
  for (int i = 0; i < times; ++i) {
    const auto begin = bench_clock::now();
    co_await round();
    taken.push_back(us_since(begin));
  }
  std::printf("{\"p50_us\":%.2f,\"p99_us\":%.2f,\"cpu_us\":%.2f}\n", quantile(taken, 0.5), quantile(taken, 0.99),
              (family_cpu_us() - cpu) / times);
}

weir::task<void> payloads(std::size_t mib, std::string_view form, int times) {
  const std::size_t size = mib << 20;
  weir::configure_process_pool({.max_workers = 1, .spare_workers = 0});
  if (form == "copied") {
    std::vector<std::byte> bytes(size, std::byte{1});
    co_await payload(
        times, [&]() -> weir::task<void> { bytes = co_await weir::run_in_processpool(give_back, std::move(bytes)); });
  } else if (form == "shared") {
    const auto bytes = weir::shared_buffer::from(std::vector<std::byte>(size, std::byte{1}));
    co_await payload(times, [&]() -> weir::task<void> {
      const auto back = co_await weir::run_in_processpool(make_another, bytes);
      if (back.size() != size) throw weir::error(weir::errc::internal, "the result is not whole");
    });
  } else {
    auto bytes = weir::mutable_buffer::make(size);
    std::memset(bytes.data(), 1, size);
    co_await payload(
        times, [&]() -> weir::task<void> { bytes = co_await weir::run_in_processpool(write_one, std::move(bytes)); });
  }
}

weir::task<void> kill(int times) {
  weir::configure_process_pool({.max_deaths = 1'000'000});
  std::vector<double> late;
  for (int i = 0; i < times; ++i) {
    co_await weir::run_in_processpool(nothing_much); // a worker is there
    const auto begin = bench_clock::now();
    try {
      co_await weir::run_in_processpool({.deadline = 100ms}, never_ends);
    } catch (const weir::job_timeout&) {
      late.push_back(us_since(begin) - 100e3);
    }
  }
  std::printf("{\"late_p50_us\":%.1f,\"late_max_us\":%.1f}\n", quantile(late, 0.5), quantile(late, 1));
}

/// One call after the other: microseconds of wall and of processor time.
weir::task<void> in_turn(const char* name, weir::process_options options, int times) {
  co_await call_us(options);
  std::vector<double> taken;
  const double cpu = family_cpu_us();
  for (int i = 0; i < times; ++i) taken.push_back(co_await call_us(options));
  std::printf("\"%s_us\":%.2f,\"%s_cpu_us\":%.2f,", name, quantile(taken, 0.5), name, (family_cpu_us() - cpu) / times);
}

weir::task<void> sandbox(int times) {
  weir::configure_process_pool({.max_workers = 100, .spare_workers = 0});
  std::printf("{");
  co_await in_turn("job", {}, times);
  co_await in_turn("shut_in_job", {.sandbox = weir::sandbox_options()}, times);
  weir::sandbox_options alone;
  alone.one_shot = true;
  co_await in_turn("one_shot_job", {.sandbox = alone}, times / 10);
  std::vector<double> free, shut_in;
  for (std::uint64_t i = 1; i <= 20; ++i) { // other options: another worker
    const std::uint64_t limit = (1 + i) << 30;
    free.push_back(co_await call_us({.memory_limit_bytes = limit}));
    shut_in.push_back(co_await call_us({.sandbox = weir::sandbox_options(), .memory_limit_bytes = limit}));
  }
  std::printf("\"worker_us\":%.1f,\"shut_in_worker_us\":%.1f}\n", quantile(free, 0.5), quantile(shut_in, 0.5));
}

} // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "";
  weir::set_thread_linger(0us);
  if (what == "hops" && argc == 6) {
    weir::set_thread_linger(std::chrono::microseconds(std::atol(argv[5])));
    weir::run(hops(std::strtoul(argv[2], nullptr, 10), std::strtoul(argv[3], nullptr, 10), std::atof(argv[4])));
  } else if (what == "start" && argc == 2) {
    weir::run(start());
  } else if (what == "payload" && argc == 5) {
    weir::run(payloads(std::strtoul(argv[2], nullptr, 10), argv[3], std::atoi(argv[4])));
  } else if (what == "kill" && argc == 3) {
    weir::run(kill(std::atoi(argv[2])));
  } else if (what == "sandbox" && argc == 3) {
    weir::run(sandbox(std::atoi(argv[2])));
  } else {
    std::fprintf(stderr, "use: %s hops|start|payload|kill|sandbox ..., as bench/processes/main.cpp says\n", argv[0]);
    return 2;
  }
}
