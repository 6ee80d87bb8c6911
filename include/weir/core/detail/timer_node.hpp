#pragma once

#include <weir/core/loop.hpp>

#include <cstddef>

namespace weir::detail {

/// What a loop's queue of timers fires. `index` is its place in the queue's table, or `unarmed`.
struct timer_node {
  static constexpr std::size_t unarmed = static_cast<std::size_t>(-1);

  clock::time_point due{};
  std::size_t index = unarmed;
  void (*fire)(timer_node*) noexcept = nullptr;
};

/// A descriptor that a loop watches. `wanted` holds the epoll bits now registered; `events` is called with what came.
struct watch_node {
  int fd = -1;
  unsigned wanted = 0;
  bool registered = false;
  bool internal = false; ///< the loop's own affair: not something that tasks wait for
  void (*events)(watch_node*, unsigned what) noexcept = nullptr;
};

} // namespace weir::detail
