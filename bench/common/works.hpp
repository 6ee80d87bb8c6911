#pragma once

#include <cstddef>
#include <functional>
#include <span>

/// How the small programs of the groups `core` and `threads` measure. It shares no code with Weir, so that it measures
/// both sides alike.
namespace weir::bench {

/// What one item cost. Bytes are resident memory, where the work measures it.
struct cost {
  double wall_ns = 0;
  double cpu_ns = 0;
  double bytes = 0;
};

/// Time since it was made: of the clock, and of the processor for all threads of this process.
class stopwatch {
 public:
  stopwatch();
  /// Returns what each of `items` took.
  cost per_item(std::size_t items) const;

 private:
  double wall_ns_, cpu_ns_;
};

/// Resident memory of this process.
double resident_bytes();

/// Calls `once()` to warm up, then at least three times and for at least 0.2 s. Returns the medians of an item's cost.
cost repeated(std::size_t items, const std::function<void()>& once);

/// One thing to measure: `size` items side by side, and that `times` times.
struct work {
  const char* name;
  cost (*measure)(std::size_t size, std::size_t times);
};

/// The body of main: PROGRAM WORK SIZE TIMES prints one line of JSON: wall_ns, cpu_ns and bytes of an item.
int run_works(int argc, char** argv, std::span<const work> works);

/// The same pseudo-random spread of times on both sides: number `i` of them, below `limit`.
constexpr std::size_t spread(std::size_t i, std::size_t limit) { return i * 2'654'435'761U % limit; }

} // namespace weir::bench
