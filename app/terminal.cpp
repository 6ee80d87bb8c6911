#include "terminal.hpp"

#include <weir/core/cancelled.hpp>
#include <weir/core/error.hpp>

#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>

namespace weir::app {

namespace {

constexpr std::size_t max_line_bytes = 4096;
constexpr std::array<int, 4> ending = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
volatile std::sig_atomic_t told_to_end = 0;

extern "C" void note_the_end(int) { told_to_end = 1; }

/// Signals that would end the process break off the read instead, so that the terminal is put right first.
class signals_noted {
 public:
  signals_noted() {
    told_to_end = 0;
    struct sigaction note{};
    note.sa_handler = note_the_end; // and no SA_RESTART
    for (std::size_t i = 0; i < ending.size(); ++i) ::sigaction(ending[i], &note, &before_[i]);
    struct sigaction ignore{};
    ignore.sa_handler = SIG_IGN;
    ::sigaction(SIGTSTP, &ignore, &stop_before_);
  }
  ~signals_noted() {
    for (std::size_t i = 0; i < ending.size(); ++i) ::sigaction(ending[i], &before_[i], nullptr);
    ::sigaction(SIGTSTP, &stop_before_, nullptr);
  }
  signals_noted(const signals_noted&) = delete;
  signals_noted& operator=(const signals_noted&) = delete;

 private:
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

std::string read_line() {
  std::string line;
  for (;;) {
    char c = 0;
    const ssize_t n = ::read(STDIN_FILENO, &c, 1);
    if (told_to_end) throw cancelled();
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
  return read_line();
}

std::string ask_secret(const std::string& prompt) {
  const signals_noted signals;
  const echo_off quiet;
  std::fputs(prompt.c_str(), stderr);
  std::fflush(stderr);
  return read_line();
}

} // namespace weir::app
