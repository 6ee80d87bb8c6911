#include "terminal.hpp"

#include <weir/core/cancelled.hpp>
#include <weir/core/error.hpp>
#include <weir/core/unique_fd.hpp>

#include <poll.h>
#include <sys/eventfd.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>

namespace weir::app {

namespace {

constexpr std::size_t max_line_bytes = 4096;
constexpr std::array<int, 4> ending = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
volatile int end_event = -1; // what the handler writes to

extern "C" void note_the_end(int) {
  const int saved = errno;
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(end_event, &one, sizeof one);
  errno = saved;
}

/// Signals that would end the process break off the question instead, so that the terminal is put right first. A signal
/// may come to any thread, and before the wait begins: so it is a descriptor that tells of it, not an interrupted call.
class signals_noted {
 public:
  signals_noted() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!event_) throw errno_error(errno, "the terminal");
    end_event = event_.get();
    struct sigaction note{};
    note.sa_handler = note_the_end;
    note.sa_flags = SA_RESTART;
    for (std::size_t i = 0; i < ending.size(); ++i) ::sigaction(ending[i], &note, &before_[i]);
    struct sigaction ignore{};
    ignore.sa_handler = SIG_IGN;
    ::sigaction(SIGTSTP, &ignore, &stop_before_);
  }
  ~signals_noted() {
    for (std::size_t i = 0; i < ending.size(); ++i) ::sigaction(ending[i], &before_[i], nullptr);
    ::sigaction(SIGTSTP, &stop_before_, nullptr);
    end_event = -1;
  }
  signals_noted(const signals_noted&) = delete;
  signals_noted& operator=(const signals_noted&) = delete;

  /// Waits until something was typed. Throws `cancelled` where a signal came.
  void until_readable() const {
    std::array<pollfd, 2> either = {pollfd{.fd = event_.get(), .events = POLLIN, .revents = 0},
                                    pollfd{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0}};
    while (::poll(either.data(), either.size(), -1) < 0)
      if (errno != EINTR) throw errno_error(errno, "the terminal");
    if (either[0].revents != 0) throw cancelled();
  }

 private:
  unique_fd event_;
  std::array<struct sigaction, ending.size()> before_{};
  struct sigaction stop_before_{};
};

class echo_off {
 public:
  echo_off() {
    if (::tcgetattr(STDIN_FILENO, &before_) != 0) throw errno_error(errno, "the terminal");
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    // What was typed before the prompt would have been shown.
    if (::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) != 0) throw errno_error(errno, "the terminal");
  }
  ~echo_off() {
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
    std::fputc('\n', stderr);
  }
  echo_off(const echo_off&) = delete;
  echo_off& operator=(const echo_off&) = delete;

 private:
  termios before_{};
};

std::string read_line(const signals_noted& signals) {
  std::string line;
  for (;;) {
    signals.until_readable();
    char c = 0;
    const ssize_t n = ::read(STDIN_FILENO, &c, 1);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw errno_error(errno, "the terminal");
    if (n == 0) throw cancelled(); // Ctrl-D
    if (c == '\n') return line;
    if (line.size() == max_line_bytes) throw error(errc::too_large, "the line is too long");
    line += c;
  }
}

} // namespace

bool can_ask() { return ::isatty(STDIN_FILENO); }

std::string ask(const std::string& prompt) {
  const signals_noted signals;
  std::fputs(prompt.c_str(), stderr);
  std::fflush(stderr);
  return read_line(signals);
}

std::string ask_secret(const std::string& prompt) {
  const signals_noted signals;
  const echo_off quiet;
  std::fputs(prompt.c_str(), stderr);
  std::fflush(stderr);
  return read_line(signals);
}

} // namespace weir::app
