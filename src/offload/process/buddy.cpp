#include "offload/process/buddy.hpp"

#include <algorithm>
#include <new>

namespace weir::detail {

buddy::buddy(std::size_t space_bytes) : top_(order(std::bit_floor(std::max(space_bytes, page_bytes)))) {
  free_[top_].insert(0);
}

std::optional<std::size_t> buddy::allocate(std::size_t size_bytes) {
  const std::size_t wanted = order(size_bytes);
  if (wanted > top_) return std::nullopt;
  // Room for its return, so that release cannot fail.
  kept_[wanted].reserve(kept_[wanted].size() + 1);
  if (!kept_[wanted].empty()) {
    const std::size_t offset = kept_[wanted].back();
    kept_[wanted].pop_back();
    kept_bytes_ -= page_bytes << wanted;
    return offset;
  }
  std::size_t from = wanted;
  while (from <= top_ && free_[from].empty()) ++from;
  if (from > top_) return std::nullopt;
  const std::size_t offset = *free_[from].begin();
  free_[from].erase(free_[from].begin());
  while (from > wanted) {
    --from;
    free_[from].insert(offset + (page_bytes << from));
  }
  touched_ = std::max(touched_, offset + (page_bytes << wanted));
  return offset;
}

void buddy::release(std::size_t offset, std::size_t size_bytes) noexcept {
  const std::size_t which = order(size_bytes);
  try {
    kept_[which].push_back(offset);
    kept_bytes_ += page_bytes << which;
  } catch (const std::bad_alloc&) {
    // Lost address space, until the program ends: better than to end it.
  }
}

void buddy::join(std::size_t offset, std::size_t which) {
  while (which < top_) {
    const auto neighbour = free_[which].find(offset ^ (page_bytes << which));
    if (neighbour == free_[which].end()) break;
    offset = std::min(offset, *neighbour);
    free_[which].erase(neighbour);
    ++which;
  }
  free_[which].insert(offset);
}

std::vector<buddy::range> buddy::trim() {
  for (std::size_t which = 0; which <= top_; ++which) {
    for (const std::size_t offset : kept_[which]) join(offset, which);
    kept_[which].clear();
  }
  kept_bytes_ = 0;
  std::vector<range> idle;
  std::size_t last = touched_;
  for (std::size_t which = 0; which <= top_; ++which)
    for (const std::size_t offset : free_[which]) {
      if (offset >= touched_) break;
      idle.push_back({offset, std::min(page_bytes << which, touched_ - offset)});
      if (offset + (page_bytes << which) >= touched_) last = offset;
    }
  touched_ = last;
  return idle;
}

} // namespace weir::detail
