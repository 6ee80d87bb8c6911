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
  node.due = std::max(due, not_before_);
  heap_.push_back({node.due, &node});
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
  // What is armed meanwhile is due after `now`: a timer that rearms itself for the past holds neither the loop nor the
  // timers behind it.
  not_before_ = now + clock::duration(1);
  constexpr std::size_t most = 512; // then descriptors and what is ready have their turn
  std::size_t fired = 0;
  for (; fired < most && !heap_.empty() && heap_.front().due <= now; ++fired) {
    timer_node* node = heap_.front().node;
    disarm(*node);
    node->fire(node);
  }
  not_before_ = clock::time_point::min();
  return fired;
}

} // namespace weir::detail
