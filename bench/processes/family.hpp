#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

namespace weir::bench {

/// Returns the processor time of this process and of all that descend from it and live, in microseconds.
double family_cpu_us();

/// Collects the times of what is done again and again, in a stretch that begins a tenth of a second after this was
/// made. Thread-safety: one thread.
class stretch {
 public:
  using clock = std::chrono::steady_clock;

  explicit stretch(std::chrono::duration<double> length);

  /// Notes one; its end is where the next one of the same caller begins. Returns whether there is time for more.
  bool note(clock::time_point begin, clock::time_point end);
  /// Prints one line of JSON: how many a second, p50 and p99 in microseconds, microseconds of processor time for each.
  void print();

 private:
  clock::time_point begin_, end_, from_{}, to_{};
  double cpu_from_ = 0, cpu_to_ = 0;
  std::vector<float> taken_us_;
};

/// Returns the element at `part` of the sorted values, or 0 of none.
double quantile(std::vector<double> values, double part);

} // namespace weir::bench
