#include "core/monitor.hpp"

#include "core/task_tree.hpp"

#include <pthread.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

namespace weir {

loop_monitor::loop_monitor(loop& owner, std::chrono::milliseconds limit, sink report)
    : loop_(owner), limit_(limit), report_(std::move(report)), place_(&detail::running_at),
      thread_id_(static_cast<int>(::gettid())) {
  heart_.beat = 1; // at work
  heart_.unpark = [this] {
    std::lock_guard lock(mutex_);
    heart_.parked = false;
    changed_.notify_one();
  };
  loop_.impl_->heartbeat = &heart_;
  // Signals belong to the thread that runs the loop.
  sigset_t all, before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { watch(); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

loop_monitor::~loop_monitor() {
  loop_.impl_->heartbeat = nullptr;
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
    changed_.notify_one();
  }
  thread_.join();
}

std::chrono::nanoseconds loop_monitor::run_queue_delay() const noexcept {
  // "cpu time, run queue delay, slices" in ns: Documentation/scheduler/sched-stats.rst of Linux.
  char path[64];
  std::snprintf(path, sizeof path, "/proc/self/task/%d/schedstat", thread_id_);
  unsigned long long on_cpu = 0, delay = 0;
  if (std::FILE* file = std::fopen(path, "re")) {
    if (std::fscanf(file, "%llu %llu", &on_cpu, &delay) != 2) delay = 0;
    std::fclose(file);
  }
  return std::chrono::nanoseconds(delay);
}

void loop_monitor::look(std::uint64_t beat) {
  const auto now = clock::now();
  if (beat != busy_beat_) {
    if (reported_)
      report_("weir: the loop turns again after " +
              std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(now - busy_since_).count()) +
              " ms\n");
    reported_ = false;
    busy_beat_ = beat;
    busy_since_ = now;
    delay_before_ = run_queue_delay();
    return;
  }
  if (beat % 2 == 0 || reported_ || now - busy_since_ < limit_) return;
  const auto waited = run_queue_delay() - delay_before_;
  const auto blocked = std::chrono::duration_cast<std::chrono::milliseconds>(now - busy_since_ - waited);
  if (blocked < limit_) return;
  reported_ = true;
  const std::source_location place = place_->load(std::memory_order_relaxed);
  report_("weir: the loop has not turned for " + std::to_string(blocked.count()) + " ms: blocked by " +
          detail::describe(place) + "; move slow work to run_in_threadpool\n");
}

void loop_monitor::watch() {
  ::pthread_setname_np(::pthread_self(), "weir-monitor");
  constexpr unsigned quiet_looks = 20;
  unsigned quiet = 0;
  std::unique_lock lock(mutex_);
  while (!stop_) {
    changed_.wait_for(lock, limit_ / 4);
    const std::uint64_t beat = heart_.beat.load();
    quiet = beat == busy_beat_ && beat % 2 == 0 ? quiet + 1 : 0;
    look(beat);
    if (quiet < quiet_looks) continue;
    quiet = 0;
    heart_.parked = true;
    if (heart_.beat.load() != beat) heart_.parked = false;
    changed_.wait(lock, [this] { return stop_ || !heart_.parked.load(); });
  }
}

} // namespace weir
