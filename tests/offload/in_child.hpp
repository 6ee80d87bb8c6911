#pragma once

#include <weir/offload/detail/sandbox_entry.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <functional>
#include <string>
#include <vector>

/// Runs pieces of a test in a forked child that may lose its life.
namespace weir::forked {

struct child_end {
  std::string said; ///< what it wrote with say()
  int exit_code = -1;
  int signal = 0;
  bool late = false; ///< it was killed for taking too long
  pid_t pid = 0;

  friend std::ostream& operator<<(std::ostream& out, const child_end& end) {
    return out << "exit " << end.exit_code << ", signal " << end.signal << (end.late ? ", late" : "") << ", said: \""
               << end.said << "\"";
  }
};

/// The child's only descriptor, whatever else is closed.
inline int say_fd = -1;

inline void say(const std::string& text) {
  [[maybe_unused]] const auto written = ::write(say_fd, text.data(), text.size());
}

/// "open:EPERM " - the outcome of a system call that gives a negative number where it fails.
inline void say_outcome(const char* what, long outcome) {
  const int number = outcome < 0 ? errno : 0;
  say(std::string(what) + ":" + (number ? strerrorname_np(number) : "ok") + " ");
}

/// Runs `work` in a child: its end is exit code 0, or 77 where it throws. Everything it says comes back.
inline child_end in_child(const std::function<void()>& work) {
  child_end end;
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
  end.pid = ::fork();
  if (end.pid == 0) {
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
    for (int number : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS}) ::signal(number, SIG_DFL);
    ::close(ends[0]);
    say_fd = ends[1];
    int code = 0;
    try {
      work();
    } catch (const std::exception& e) {
      say(std::string("threw ") + e.what());
      code = 77;
    }
    ::_exit(code);
  }
  ::close(ends[1]);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  char buffer[4096];
  for (;;) {
    pollfd waiting{ends[0], POLLIN, 0};
    if (::poll(&waiting, 1, 1000) > 0) {
      const ssize_t got = ::read(ends[0], buffer, sizeof buffer);
      if (got <= 0) break;
      end.said.append(buffer, static_cast<std::size_t>(got));
    } else if (std::chrono::steady_clock::now() > deadline) {
      end.late = true;
      ::kill(end.pid, SIGKILL);
      break;
    }
  }
  ::close(ends[0]);
  int status = 0;
  ::waitpid(end.pid, &status, 0);
  if (WIFEXITED(status)) end.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) end.signal = WTERMSIG(status);
  return end;
}

/// As in_child, sandboxed. Takes what this system grants, so that the tests run everywhere; each asserts what it has.
inline child_end in_sandbox(sandbox_options options, const std::function<void()>& work, std::vector<int> keep = {},
                            const std::function<void()>& before = {}) {
  options.required = false;
  const detail::prepared_sandbox prepared = detail::prepare_sandbox(options);
  return in_child([&] {
    if (before) before();
    keep.push_back(say_fd);
    detail::enter_sandbox(options, keep, prepared);
    work();
  });
}

inline child_end in_sandbox(const std::function<void()>& work) { return in_sandbox({}, work); }

} // namespace weir::forked

/// Where there is no seccomp there is nothing to be denied.
#define WEIR_NEEDS_SECCOMP()                                                                                           \
  if (!::weir::probe_sandbox().seccomp) GTEST_SKIP() << ::weir::to_string(::weir::probe_sandbox())
