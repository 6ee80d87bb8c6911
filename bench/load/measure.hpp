#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

/// The clocks and counters of the load driver. It shares no code with Weir, so that it measures every peer alike.
namespace weir::bench {

using clock = std::chrono::steady_clock;
using microseconds = std::chrono::duration<double, std::micro>;

/// Times of single calls.
class samples {
 public:
  void add(clock::duration taken) { taken_.push_back(std::chrono::duration_cast<microseconds>(taken).count()); }
  std::size_t count() const noexcept { return taken_.size(); }
  void clear() { taken_.clear(); }
  /// JSON members without braces: "count":..,"p50_us":..,"p99_us":..,"max_us":..
  std::string to_json();

 private:
  std::vector<double> taken_;
};

/// Processor time of another process so far, all its threads, also those that have ended.
double cpu_seconds_of(pid_t process);

/// Resident memory of another process, from /proc/PID/status: "VmRSS" or "VmHWM". 0 where it is gone.
long memory_kib_of(pid_t process, const char* which);

std::string read_file(const std::string& path);

[[noreturn]] void fail(const std::string& why);

/// Replaces each "@ID@" by `id`.
std::string with_id(const std::string& text, unsigned long id);

} // namespace weir::bench
