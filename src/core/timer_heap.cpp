#include "core/timer_heap.hpp"

#include <algorithm>

namespace weir::detail {

constexpr std::size_t arity = 4;

void timer_heap::up(std::size_t at) noexcept {
  const entry moving = heap_[at];
  while (at > 0) {
    const std::size_t parent = (at - 1) / arity;
    if (heap_[parent].due <= moving.due) break;
    place(heap_[parent], at);
    at = parent;
  }
  place(moving, at);
}

void timer_heap::down(std::size_t at) noexcept {
  const entry moving = heap_[at];
  for (;;) {
    const std::size_t first = at * arity + 1;
    if (first >= heap_.size()) break;
    const std::size_t last = std::min(first + arity, heap_.size());
    std::size_t least = first;
    for (std::size_t child = first + 1; child < last; ++child)
      if (heap_[child].due < heap_[least].due) least = child;
    if (heap_[least].due >= moving.due) break;
    place(heap_[least], at);
    at = least;
  }
  place(moving, at);
}

void timer_heap::arm(timer_node& node, clock::time_point due) {
  disarm(node);
  node.due = due;
  heap_.push_back({due, &node});
  node.index = heap_.size() - 1;
  up(node.index);
}

void timer_heap::disarm(timer_node& node) noexcept {
  if (node.index == timer_node::unarmed) return;
  const std::size_t at = node.index;
  node.index = timer_node::unarmed;
  const entry last = heap_.back();
  heap_.pop_back();
  if (last.node == &node) return;
  place(last, at);
  up(at);
  down(last.node->index);
}

std::size_t timer_heap::fire(clock::time_point now) noexcept {
  // At most as many as are armed now: a timer that rearms itself for the past cannot hold the loop.
  constexpr std::size_t most = 512; // then descriptors and what is ready have their turn
  const std::size_t budget = std::min(heap_.size(), most);
  std::size_t fired = 0;
  for (; fired < budget && !heap_.empty() && heap_.front().due <= now; ++fired) {
    timer_node* node = heap_.front().node;
    disarm(*node);
    node->fire(node);
  }
  return fired;
}

} // namespace weir::detail
