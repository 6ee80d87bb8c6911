#include "offload/process/arena.hpp"

#include <weir/core/error.hpp>

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <string>

namespace weir::detail {

namespace {

// Blocks are powers of two of address space while the cap counts pages: twice the space makes up for the rounding.
std::size_t space_for(std::size_t cap_bytes) noexcept {
  return 2 * std::bit_ceil(std::max(cap_bytes, buddy::page_bytes));
}

} // namespace

class arena::block final : public buffer_block {
 public:
  block(std::shared_ptr<arena> owner, std::size_t offset, std::size_t size_bytes) noexcept
      : buffer_block({owner->region_.data() + offset, size_bytes}, owner.get(), offset), owner_(std::move(owner)) {}
  ~block() override { owner_->release(offset(), bytes().size()); }

 private:
  std::shared_ptr<arena> owner_;
};

arena::arena(std::size_t cap_bytes)
    : cap_bytes_(cap_bytes), books_(space_for(cap_bytes)),
      region_(shared_region::make("weir-arena", space_for(cap_bytes))), reader_(region_.read_only_descriptor()) {
  use_.cap_bytes = cap_bytes;
}

std::shared_ptr<arena> arena::make(std::size_t cap_bytes) { return std::make_shared<arena>(cap_bytes); }

const std::shared_ptr<arena>& arena::process() {
  static const auto* const one = new std::shared_ptr<arena>(make(
      static_cast<std::size_t>(::sysconf(_SC_PHYS_PAGES)) / 2 * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE))));
  return *one;
}

block_handle arena::make_block(std::size_t size_bytes) {
  const std::size_t needed = footprint_bytes(size_bytes);
  if (size_bytes > cap_bytes_ || needed > cap_bytes_)
    throw error(errc::too_large, "a buffer of " + std::to_string(size_bytes) +
                                     " bytes is larger than the memory shared with worker processes may be (" +
                                     std::to_string(cap_bytes_) + " bytes)");
  std::size_t offset;
  {
    std::lock_guard lock(mutex_);
    if (needed > cap_bytes_ - use_.in_use_bytes)
      throw error(errc::unavailable, "no room for a buffer of " + std::to_string(size_bytes) +
                                         " bytes in the memory shared with worker processes: " +
                                         std::to_string(use_.in_use_bytes) + " of " + std::to_string(cap_bytes_) +
                                         " bytes are in use. Let go of buffers, or have fewer jobs at a time.");
    auto found = books_.allocate(size_bytes);
    // What is kept warm in other sizes counts as memory too.
    if (!found || use_.in_use_bytes + needed + books_.kept_bytes() > cap_bytes_) {
      if (found) books_.release(*found, size_bytes);
      trim_locked();
      found = books_.allocate(size_bytes);
    }
    if (!found)
      throw error(errc::unavailable, "the memory shared with worker processes is in too many pieces for a buffer of " +
                                         std::to_string(size_bytes) + " bytes; let go of buffers");
    offset = *found;
    use_.in_use_bytes += needed;
    use_.high_water_bytes = std::max(use_.high_water_bytes, use_.in_use_bytes);
  }
  try {
    return std::make_shared<block>(shared_from_this(), offset, size_bytes);
  } catch (...) {
    release(offset, size_bytes);
    throw;
  }
}

void arena::release(std::size_t offset, std::size_t size_bytes) noexcept {
  std::lock_guard lock(mutex_);
  books_.release(offset, size_bytes);
  use_.in_use_bytes -= footprint_bytes(size_bytes);
}

void arena::trim_locked() {
  for (const auto& idle : books_.trim()) region_.give_back(idle.offset, idle.length);
}

void arena::trim() {
  std::lock_guard lock(mutex_);
  trim_locked();
}

arena_use arena::use() const {
  std::lock_guard lock(mutex_);
  arena_use now = use_;
  now.kept_bytes = books_.kept_bytes();
  return now;
}

} // namespace weir::detail
