#pragma once

#include <weir/core/loop.hpp>

namespace weir::detail {

/// A time that a test sets. While a loop goes by it, nothing waits for real.
struct manual_time {
  clock::time_point now;
  /// Whether it jumps to the next timer whenever nothing else can run.
  bool advances = true;
};

} // namespace weir::detail
