#pragma once

#include <weir/core/task.hpp>

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

/// A program to run, and what to do with its streams.
struct child_options {
  /// Program and arguments. A program without a slash is looked up in PATH.
  std::vector<std::string> argv;
  /// Written to its standard input, which is then closed.
  std::string stdin_data;
  /// Open descriptors of this process that it gets under the same numbers. All others are closed.
  std::vector<int> keep_fds;
  /// "NAME=value" entries that are added to, or replace those of, this process's environment.
  std::vector<std::string> environment;
  /// Called on the loop with each piece of output as it comes; unset: dropped. What they throw ends the child.
  std::function<void(std::string_view)> on_stdout;
  std::function<void(std::string_view)> on_stderr;
  /// Added to the niceness of this process: 0 to 19.
  int nice = 0;
  /// Between SIGTERM and SIGKILL when cancelled.
  std::chrono::milliseconds grace{500};
};

struct child_result {
  int exit_code = 0;       ///< meaningful where `signal` is 0
  int signal = 0;          ///< the signal that ended it, or 0
  std::string stderr_tail; ///< the last 4 KiB of its standard error

  bool ok() const noexcept { return signal == 0 && exit_code == 0; }
};

/// Runs a program to its end, in a process group of its own; it dies with this process.
/// Returns how it ended; an exit code other than 0 is no error here.
/// Fails: errc::not_configured where the program is not found, errno_error where it cannot be started.
/// Cancellation: SIGTERM to its group, SIGKILL after the grace time; returns when it has been reaped.
/// Thread-safety: the loop's thread only.
task<child_result> run_child(child_options options);

/// Returns the path of the program `name` as PATH finds it, or an empty string. Cost: a few stat calls.
std::string find_program(const std::string& name);

} // namespace weir
