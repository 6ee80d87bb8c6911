#include "core/loop_impl.hpp"
#include "core/monitor.hpp"
#include "core/task_tree.hpp"

#include <weir/core/detail/time_slice.hpp>
#include <weir/core/detail/timer_node.hpp>
#include <weir/core/error.hpp>
#include <weir/core/run.hpp>
#include <weir/core/timer.hpp>
#include <weir/core/unique_fd.hpp>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/single_threaded.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>

namespace weir::detail {

namespace {

// What the signal handlers touch: async-signal-safe by construction.
std::atomic<int> signal_event{-1};
std::atomic<int> signals_seen{0};
std::atomic<bool> report_wanted{false};
constexpr int exit_interrupted = 130;

void wake() noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(signal_event.load(), &one, sizeof one);
}

extern "C" void on_stop_signal(int) {
  const int saved = errno;
  if (signals_seen.fetch_add(1) > 0) ::_exit(exit_interrupted);
  wake();
  errno = saved;
}

extern "C" void on_report_signal(int) {
  const int saved = errno;
  report_wanted = true;
  wake();
  errno = saved;
}

/// Makes room in the kernel's table of descriptors while that is cheap. Where a second thread shares it, a table that
/// is full is replaced only once no core looks at the old one any more (expand_fdtable of fs/file.c: synchronize_rcu):
/// 5 to 25 ms on busy cores, in which the loop stands still in socket() or accept4().
void make_room_for_descriptors() noexcept {
  constexpr rlim_t wanted = 2048; // 16 KiB of the kernel's memory
  rlimit limit{};
  if (!__libc_single_threaded || ::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == 0) return;
  const int last = static_cast<int>(std::min(wanted, limit.rlim_cur)) - 1;
  if (const int there = ::fcntl(signal_event.load(), F_DUPFD_CLOEXEC, last); there >= 0) ::close(there);
}

} // namespace

struct runner::signals : watch_node {
  explicit signals(runner& owner)
      : owner_(owner), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), patience_([this] { give_up(); }) {
    if (!wake_) throw errno_error(errno, "signals could not be handled");
    fd = wake_.get();
    wanted = EPOLLIN;
    internal = true;
    events = [](watch_node* node, unsigned) noexcept { static_cast<signals*>(node)->arrived(); };
    owner_.loop_.watch(*this);
    signals_seen = 0;
    signal_event = fd;
    make_room_for_descriptors();
    set_time_slice(loop_slice);
    take(SIGINT, &on_stop_signal, 0);
    take(SIGTERM, &on_stop_signal, 1);
    struct sigaction present{};
    if (::sigaction(SIGUSR1, nullptr, &present) == 0 && present.sa_handler == SIG_DFL) {
      take(SIGUSR1, &on_report_signal, 2);
      reports_ = true;
    }
    if (owner_.options_.blocked_limit.count() > 0)
      monitor_.emplace(owner_.loop_, owner_.options_.blocked_limit,
                       [&o = owner_](std::string_view text) { o.say(text); });
  }
  ~signals() {
    ::sigaction(SIGINT, &before_[0], nullptr);
    ::sigaction(SIGTERM, &before_[1], nullptr);
    if (reports_) ::sigaction(SIGUSR1, &before_[2], nullptr);
    signal_event = -1;
    owner_.loop_.forget(*this);
    set_time_slice(slice_before_);
    taken.clear();
  }

  static inline std::atomic_flag taken;

 private:
  void take(int number, void (*handler)(int), std::size_t place) {
    struct sigaction action{};
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    ::sigaction(number, &action, &before_[place]);
  }
  void arrived() noexcept {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(fd, &count, sizeof count);
    if (report_wanted.exchange(false)) owner_.say(report(owner_.loop_));
    if (signals_seen.load() == 0 || owner_.root_.is_cancelled()) return;
    patience_.arm(clock::now() + owner_.options_.grace);
    owner_.root_.cancel();
  }
  void give_up() noexcept {
    owner_.say("weir: not stopped " + std::to_string(owner_.options_.grace.count()) +
               " ms after the signal; giving up on\n" + to_string(task_tree(owner_.loop_)));
    ::_exit(exit_interrupted);
  }

  runner& owner_;
  unique_fd wake_;
  timer patience_;
  bool reports_ = false;
  const std::chrono::nanoseconds slice_before_ = time_slice();
  std::array<struct sigaction, 3> before_{};
  std::optional<loop_monitor> monitor_;
};

runner::runner(const run_options& options) : options_(options), root_(loop_) {
  if (options_.handle_signals && !signals::taken.test_and_set()) signals_ = std::make_unique<signals>(*this);
  if (options_.deadlock != on_deadlock::ignore) {
    loop_.impl_->on_stuck = [this] { stuck(); };
    if (options_.deadlock == on_deadlock::fail) loop_.impl_->patience = std::chrono::milliseconds(0);
  }
}

runner::~runner() = default;

void runner::say(std::string_view text) const {
  if (options_.report)
    options_.report(text);
  else
    std::fwrite(text.data(), 1, text.size(), stderr);
}

void runner::stuck() {
  if (waits_by_design(loop_)) return;
  if (options_.deadlock == on_deadlock::fail) {
    if (root_.is_cancelled()) return;
    deadlock_ = "nothing can run any more, and these wait:\n" + to_string(task_tree(loop_));
    root_.cancel();
    return;
  }
  say("weir: deadlock? Nothing can run any more, and these wait:\n" + to_string(task_tree(loop_)));
}

void runner::until(const bool& done) {
  loop_.run_until([&done] { return done; });
  // What other threads have started here ends with it.
  if (loop_.guests() == 0) return;
  root_.cancel();
  loop_.run_until([this] { return loop_.guests() == 0; });
}

void runner::check_deadlock() const {
  if (!deadlock_.empty()) throw error(errc::deadlock, deadlock_);
}

} // namespace weir::detail
