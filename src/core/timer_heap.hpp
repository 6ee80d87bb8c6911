#pragma once

#include <weir/core/detail/timer_node.hpp>

#include <optional>
#include <vector>

namespace weir::detail {

/// The armed timers of a loop: a 4-ary min-heap whose nodes know their place, so that disarming is O(log n). The times
/// are kept beside the nodes' addresses: comparing them touches no node.
class timer_heap {
 public:
  void arm(timer_node& node, clock::time_point due);
  void disarm(timer_node& node) noexcept;
  std::optional<clock::time_point> next_due() const noexcept {
    if (heap_.empty()) return std::nullopt;
    return heap_.front().due;
  }
  /// Fires those that are due at `now`; what they arm for a time that has passed waits for the next call.
  /// Returns how many.
  std::size_t fire(clock::time_point now) noexcept;
  std::size_t size() const noexcept { return heap_.size(); }

 private:
  struct entry {
    clock::time_point due;
    timer_node* node;
  };
  void place(const entry& what, std::size_t at) noexcept {
    heap_[at] = what;
    what.node->index = at;
  }
  void up(std::size_t at) noexcept;
  void down(std::size_t at) noexcept;

  std::vector<entry> heap_;
  clock::time_point not_before_ = clock::time_point::min(); ///< of what is armed while others fire
};

} // namespace weir::detail
