#include <weir/core/fd_watch.hpp>
#include <weir/core/run.hpp>
#include <weir/core/timer.hpp>
#include <weir/core/unique_fd.hpp>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>

namespace weir::detail {

namespace {

// What the signal handler touches: async-signal-safe by construction.
std::atomic<int> signal_pipe{-1};
std::atomic<int> signals_seen{0};
constexpr int exit_interrupted = 130;

extern "C" void on_signal(int) {
  const int saved = errno;
  if (signals_seen.fetch_add(1) > 0) ::_exit(exit_interrupted);
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(signal_pipe.load(), &one, sizeof one);
  errno = saved;
}

} // namespace

struct runner::signals {
  signals(scope& root, std::chrono::milliseconds grace)
      : wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), patience([grace] {
          std::fprintf(stderr, "weir: not stopped %lld ms after the signal; giving up\n",
                       static_cast<long long>(grace.count()));
          ::_exit(exit_interrupted);
        }),
        watch(wake.get(), [this, &root, grace](unsigned) {
          std::uint64_t count = 0;
          [[maybe_unused]] const auto got = ::read(wake.get(), &count, sizeof count);
          patience.arm(clock::now() + grace);
          root.cancel();
        }) {
    watch.want(EPOLLIN);
    signals_seen = 0;
    signal_pipe = wake.get();
    struct sigaction action{};
    action.sa_handler = &on_signal;
    action.sa_flags = SA_RESTART;
    ::sigaction(SIGINT, &action, &before[0]);
    ::sigaction(SIGTERM, &action, &before[1]);
  }
  ~signals() {
    ::sigaction(SIGINT, &before[0], nullptr);
    ::sigaction(SIGTERM, &before[1], nullptr);
    signal_pipe = -1;
    taken.clear();
  }

  static inline std::atomic_flag taken;
  unique_fd wake;
  timer patience;
  fd_watch watch;
  std::array<struct sigaction, 2> before{};
};

runner::runner(const run_options& options) : root_(loop_) {
  if (options.handle_signals && !signals::taken.test_and_set())
    signals_ = std::make_unique<signals>(root_, options.grace);
}

runner::~runner() = default;

void runner::until(const bool& done) {
  loop_.run_until([&done] { return done; });
}

} // namespace weir::detail
