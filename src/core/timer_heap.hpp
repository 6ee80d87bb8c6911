#pragma once

#include <weir/core/detail/timer_node.hpp>

#include <cstdint>
#include <optional>
#include <vector>

namespace weir::detail {

/// The armed timers of a loop, in the order of their times, and of their arming where those are equal.
///
/// What costs time where there are many is memory that is not in the caches, so that nothing but arming, disarming and
/// firing touches a node: the queue holds times and numbers, and a table says which node has a number. A timer that is
/// disarmed leaves its number without a node; its entry goes when its turn comes, or when such entries are more than
/// the others.
///
/// Entries come in three sets. Those that were armed since somebody last asked what is next wait in a list. Many of
/// them are then sorted together with what was sorted before, and taken one after the other; a few go to a 4-ary heap.
class timer_heap {
 public:
  /// `first`: the number of the first arming, for tests of what happens when numbers run out.
  explicit timer_heap(std::uint32_t first = 0) noexcept : next_number_(first) {}

  void arm(timer_node& node, clock::time_point due);
  void disarm(timer_node& node) noexcept;
  std::optional<clock::time_point> next_due() noexcept;
  /// Fires those that are due at `now`; what they arm for a time that has passed waits for the next call.
  /// Returns how many.
  std::size_t fire(clock::time_point now) noexcept;
  std::size_t size() const noexcept { return armed_; }

 private:
  struct entry {
    clock::time_point due;
    std::uint32_t number; ///< of the arming
    std::uint32_t slot;
    bool operator<(const entry& other) const noexcept {
      return due != other.due ? due < other.due : number < other.number;
    }
  };
  /// A node, or none where it was disarmed; or the next free slot.
  union slot {
    timer_node* node;
    std::size_t next_free;
  };
  static constexpr std::size_t none = static_cast<std::size_t>(-1);

  bool is_live(const entry& each) const noexcept { return slots_[each.slot].node != nullptr; }
  std::size_t entries() const noexcept { return fresh_.size() + heap_.size() + sorted_.size() - taken_; }
  std::uint32_t new_slot(timer_node& node);
  void free_slot(std::uint32_t which) noexcept;
  void take_in_fresh() noexcept;
  void sort_fresh() noexcept;
  void merge_heap() noexcept;
  const entry* first() noexcept;
  void drop_first() noexcept;
  void drop_disarmed() noexcept;
  void sort_all() noexcept;
  void forget_all() noexcept;
  void up(std::size_t at) noexcept;
  void down(std::size_t at) noexcept;

  // Room for all entries is kept in both, so that nothing but arming can fail.
  std::vector<entry> sorted_;
  std::vector<entry> heap_;
  std::vector<entry> fresh_;
  std::size_t taken_ = 0; ///< of sorted_, from its beginning
  std::vector<slot> slots_;
  std::size_t free_ = none; ///< the first free slot
  std::size_t armed_ = 0;
  std::uint32_t next_number_;
  bool first_in_heap_ = false;
  clock::time_point not_before_ = clock::time_point::min(); ///< of what is armed while others fire
};

} // namespace weir::detail
