#include "core/timer_heap.hpp"

#include <algorithm>
#include <array>
#include <numeric>

namespace weir::detail {

namespace {

constexpr std::size_t arity = 4;
// Fewer fresh entries go to the heap, as do those that are few beside what is sorted already.
constexpr std::size_t least_to_sort = 32;
constexpr std::size_t most_sorted_for_each = 4;
// More of them are not compared with each other.
constexpr std::size_t least_to_distribute = 256;
// Disarmed entries that may stay in any case.
constexpr std::size_t disarmed_to_keep = 256;

template <class Entries>
void keep_room(Entries& entries, std::size_t count) {
  if (entries.capacity() < count) entries.reserve(2 * count);
}

} // namespace

std::uint32_t timer_heap::new_slot(timer_node& node) {
  if (free_ == none) {
    slots_.push_back({&node});
    return static_cast<std::uint32_t>(slots_.size() - 1);
  }
  const auto which = static_cast<std::uint32_t>(free_);
  free_ = slots_[which].next_free;
  slots_[which].node = &node;
  return which;
}

void timer_heap::free_slot(std::uint32_t which) noexcept {
  slots_[which].next_free = free_;
  free_ = which;
}

void timer_heap::arm(timer_node& node, clock::time_point due) {
  disarm(node);
  const std::size_t count = entries() + 1;
  keep_room(sorted_, count + taken_);
  keep_room(heap_, count);
  keep_room(fresh_, fresh_.size() + 1);
  if (next_number_ == static_cast<std::uint32_t>(-1)) sort_all(); // which numbers them anew
  node.due = std::max(due, not_before_);
  node.index = new_slot(node);
  fresh_.push_back({node.due, next_number_++, static_cast<std::uint32_t>(node.index)});
  ++armed_;
}

void timer_heap::disarm(timer_node& node) noexcept {
  if (node.index == timer_node::unarmed) return;
  slots_[node.index].node = nullptr;
  node.index = timer_node::unarmed;
  if (--armed_ == 0)
    forget_all();
  else if (entries() > 2 * armed_ + disarmed_to_keep)
    drop_disarmed();
}

void timer_heap::forget_all() noexcept {
  sorted_.clear();
  heap_.clear();
  fresh_.clear();
  slots_.clear();
  taken_ = 0;
  free_ = none;
  next_number_ = 0;
}

void timer_heap::drop_disarmed() noexcept {
  const auto is_over = [this](const entry& each) {
    if (is_live(each)) return false;
    free_slot(each.slot);
    return true;
  };
  sorted_.erase(sorted_.begin(), sorted_.begin() + static_cast<std::ptrdiff_t>(taken_));
  taken_ = 0;
  std::erase_if(sorted_, is_over);
  std::erase_if(fresh_, is_over);
  std::erase_if(heap_, is_over);
  for (std::size_t at = heap_.size() / arity + 1; at-- > 0;) down(at);
}

/// All that there is comes into sorted_, numbered from 0.
void timer_heap::sort_all() noexcept {
  drop_disarmed();
  sorted_.insert(sorted_.end(), heap_.begin(), heap_.end());
  sorted_.insert(sorted_.end(), fresh_.begin(), fresh_.end());
  heap_.clear();
  fresh_.clear();
  std::sort(sorted_.begin(), sorted_.end());
  next_number_ = 0;
  for (entry& each : sorted_) each.number = next_number_++;
}

void timer_heap::take_in_fresh() noexcept {
  std::erase_if(fresh_, [this](const entry& each) {
    if (is_live(each)) return false;
    free_slot(each.slot);
    return true;
  });
  if (fresh_.size() < least_to_sort || fresh_.size() < (entries() - fresh_.size()) / most_sorted_for_each) {
    for (const entry& each : fresh_) {
      heap_.push_back(each);
      up(heap_.size() - 1);
    }
  } else {
    sorted_.erase(sorted_.begin(), sorted_.begin() + static_cast<std::ptrdiff_t>(taken_));
    taken_ = 0;
    sort_fresh();
    merge_heap();
  }
  fresh_.clear();
}

/// What is fresh goes to the heap, which is in order from end to end afterwards.
void timer_heap::sort_fresh() noexcept {
  if (!heap_.empty() || fresh_.size() < least_to_distribute) {
    heap_.insert(heap_.end(), fresh_.begin(), fresh_.end());
    std::sort(heap_.begin(), heap_.end());
    return;
  }
  // Byte by byte of the time, from the last: comparing would guess wrong every other time. What is fresh is in the
  // order of its arming, and equal times stay so.
  const auto [least, greatest] =
      std::minmax_element(fresh_.begin(), fresh_.end(), [](const entry& a, const entry& b) { return a.due < b.due; });
  const auto number = [](const entry& each) { return static_cast<std::uint64_t>(each.due.time_since_epoch().count()); };
  const std::uint64_t base = number(*least), range = number(*greatest) - base;
  heap_.resize(fresh_.size());
  entry *from = fresh_.data(), *to = heap_.data();
  const std::size_t size = fresh_.size();
  for (unsigned shift = 0; shift < 64 && range >> shift != 0; shift += 8) {
    const auto digit = [&](const entry& each) { return (number(each) - base) >> shift & 0xff; };
    std::array<std::size_t, 256> place{};
    for (std::size_t i = 0; i < size; ++i) ++place[digit(from[i])];
    std::exclusive_scan(place.begin(), place.end(), place.begin(), std::size_t{0});
    for (std::size_t i = 0; i < size; ++i) to[place[digit(from[i])]++] = from[i];
    std::swap(from, to);
  }
  if (from == fresh_.data()) std::copy(fresh_.begin(), fresh_.end(), heap_.begin());
}

/// The heap, which is in order from end to end, goes to what is sorted; the largest first, for the room is behind it.
void timer_heap::merge_heap() noexcept {
  std::size_t old = sorted_.size(), more = heap_.size(), to = old + more;
  if (old == 0) {
    sorted_.swap(heap_);
    return;
  }
  sorted_.resize(to);
  while (more > 0)
    if (old > 0 && heap_[more - 1] < sorted_[old - 1])
      sorted_[--to] = sorted_[--old];
    else
      sorted_[--to] = heap_[--more];
  heap_.clear();
}

/// The next entry of those that are not fresh; nullptr: there is none. It is live.
const timer_heap::entry* timer_heap::first() noexcept {
  for (;;) {
    const bool any_sorted = taken_ < sorted_.size();
    if (!any_sorted && heap_.empty()) return nullptr;
    first_in_heap_ = !any_sorted || (!heap_.empty() && heap_.front() < sorted_[taken_]);
    const entry& found = first_in_heap_ ? heap_.front() : sorted_[taken_];
    if (is_live(found)) return &found;
    free_slot(found.slot);
    drop_first();
  }
}

void timer_heap::drop_first() noexcept {
  if (!first_in_heap_) {
    ++taken_;
    return;
  }
  heap_.front() = heap_.back();
  heap_.pop_back();
  down(0);
}

std::optional<clock::time_point> timer_heap::next_due() noexcept {
  if (!fresh_.empty()) take_in_fresh();
  const entry* const next = first();
  if (!next) return std::nullopt;
  return next->due;
}

std::size_t timer_heap::fire(clock::time_point now) noexcept {
  if (!fresh_.empty()) take_in_fresh();
  // What is armed meanwhile is due after `now`: a timer that rearms itself for the past holds neither the loop nor the
  // timers behind it.
  not_before_ = now + clock::duration(1);
  constexpr std::size_t most = 512; // then descriptors and what is ready have their turn
  // Nodes are anywhere: those that come soon are fetched meanwhile, what says where they are before that.
  constexpr std::size_t ahead = 8;
  std::size_t fired = 0;
  for (; fired < most; ++fired) {
    const entry* const next = first();
    if (!next || next->due > now) break;
    if (taken_ + 2 * ahead < sorted_.size()) {
      __builtin_prefetch(&slots_[sorted_[taken_ + 2 * ahead].slot]);
      __builtin_prefetch(slots_[sorted_[taken_ + ahead].slot].node, 1);
    }
    const std::uint32_t which = next->slot;
    timer_node* const node = slots_[which].node;
    drop_first();
    free_slot(which);
    node->index = timer_node::unarmed;
    if (--armed_ == 0) forget_all();
    node->fire(node);
  }
  not_before_ = clock::time_point::min();
  return fired;
}

void timer_heap::up(std::size_t at) noexcept {
  const entry moving = heap_[at];
  while (at > 0) {
    const std::size_t parent = (at - 1) / arity;
    if (!(moving < heap_[parent])) break;
    heap_[at] = heap_[parent];
    at = parent;
  }
  heap_[at] = moving;
}

void timer_heap::down(std::size_t at) noexcept {
  if (at >= heap_.size()) return;
  const entry moving = heap_[at];
  for (;;) {
    const std::size_t begin = at * arity + 1;
    if (begin >= heap_.size()) break;
    const std::size_t end = std::min(begin + arity, heap_.size());
    std::size_t least = begin;
    for (std::size_t child = begin + 1; child < end; ++child)
      if (heap_[child] < heap_[least]) least = child;
    if (!(heap_[least] < moving)) break;
    heap_[at] = heap_[least];
    at = least;
  }
  heap_[at] = moving;
}

} // namespace weir::detail
