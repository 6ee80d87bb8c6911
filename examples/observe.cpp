// What a program does right now: its tasks, limiters, threads and counters, as text and as lines for Prometheus.
#include <weir/core/run.hpp>
#include <weir/core/sleep.hpp>
#include <weir/core/task_group.hpp>
#include <weir/observe/report.hpp>

#include <cstdio>

using namespace std::chrono_literals;

namespace {

weir::task<void> download(weir::limiter& downloads) {
  auto mine = co_await downloads.acquire();
  co_await weir::sleep_for(10ms);
}

weir::task<bool> tour() {
  // [watch]
  weir::limiter downloads(2, "downloads");
  const weir::observe::watch_limiter watch(downloads);
  // [end]
  std::string report, lines;
  co_await weir::with_task_group([&](weir::task_group& group) -> weir::task<void> {
    for (int i = 1; i <= 3; ++i) group.spawn(download(downloads), "download " + std::to_string(i));
    co_await weir::yield_now();
    // [report]
    report = weir::observe::report();
    lines = weir::observe::prometheus(weir::observe::snapshot());
    // [end]
  });
  std::printf("%s\n%s", report.c_str(), lines.c_str());
  co_return report.find("- download 3: waits for limiter 'downloads'") !=
      std::string::npos&& lines.find("weir_limiter_waiting{name=\"downloads\"} 1\n") != std::string::npos;
}

} // namespace

int main() { return weir::run(tour()) ? 0 : 1; }
