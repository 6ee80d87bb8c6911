#pragma once

#include "works.hpp"

#include <chrono>
#include <optional>
#include <string_view>
#include <vector>

namespace weir::bench {

/// What a program of the group `threads` is asked for: PROGRAM FORM WAITERS THREADS SECONDS [LINGER_US].
struct hop_options {
  std::string_view form;
  std::size_t waiters;
  std::size_t threads;
  std::chrono::duration<double> seconds;
  std::chrono::microseconds linger;
};

/// Returns what was asked for, or nothing after a line about the use.
std::optional<hop_options> read_hop_options(int argc, char** argv);

/// Collects the times of hops in a stretch that begins a while after this was made. Thread-safety: one thread.
class hop_times {
 public:
  using clock = std::chrono::steady_clock;

  explicit hop_times(const hop_options& options);

  /// Notes a hop; its end is where the next one of the same waiter begins. Returns whether there is time for more.
  bool note(clock::time_point begin, clock::time_point end);

  /// Prints one line of JSON: hops per second, p50 and p99 in microseconds, microseconds of processor time a hop.
  void print();

 private:
  clock::time_point begin_, end_;
  std::optional<stopwatch> watch_;
  std::optional<cost> spent_;
  std::vector<float> taken_us_;
};

/// What is run on the other thread: next to nothing, but not removable.
int nothing_much() noexcept;

} // namespace weir::bench
