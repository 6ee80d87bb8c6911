#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>

namespace weir::app {

/// One line on standard error that says how far a transfer is, drawn over itself; where standard error is no terminal,
/// or with --quiet, nothing.
class progress_line {
 public:
  /// `wanted`: false with --quiet.
  explicit progress_line(bool wanted);
  ~progress_line() { clear(); }
  progress_line(const progress_line&) = delete;
  progress_line& operator=(const progress_line&) = delete;

  /// "12/200 files  34.5 MiB of 66.1 MiB  8.2 MiB/s  0:04 left"; at most ten times a second. `label` stands in front.
  void show(const std::string& label, std::uint64_t done, std::uint64_t total);
  /// Takes the line away, so that something else can be written.
  void clear();
  bool active() const noexcept { return active_; }

 private:
  using clock = std::chrono::steady_clock;

  bool active_;
  bool drawn_ = false;
  clock::time_point last_{};
  std::deque<std::pair<clock::time_point, std::uint64_t>> seen_; ///< of the last seconds, for the rate
};

} // namespace weir::app
