#include "offload/process/worker_memory.hpp"

#include <weir/core/error.hpp>

#include <string>

namespace weir::detail {

class worker_memory::own_block final : public buffer_block {
 public:
  own_block(worker_memory& owner, std::size_t offset, std::size_t size_bytes) noexcept
      : buffer_block({owner.area_.data() + offset, size_bytes}, &owner, offset), owner_(owner) {}
  ~own_block() override { owner_.release(offset(), bytes().size()); }

 private:
  worker_memory& owner_;
};

class worker_memory::foreign_block final : public buffer_block {
 public:
  using buffer_block::buffer_block;
  bool writable() const noexcept override { return false; }
};

worker_memory::worker_memory(int arena_descriptor, std::size_t arena_bytes, int area_descriptor, std::size_t area_bytes,
                             ring_returns& returns)
    : arena_(shared_region::attach(arena_descriptor, arena_bytes, shared_region::access::read_only)),
      area_(shared_region::attach(area_descriptor, area_bytes, shared_region::access::read_write)), returns_(returns),
      books_(area_bytes) {}

block_handle worker_memory::make_block(std::size_t size_bytes) {
  collect();
  std::size_t offset;
  {
    std::lock_guard lock(mutex_);
    auto found = books_.allocate(size_bytes);
    if (!found) {
      trim_locked();
      found = books_.allocate(size_bytes);
    }
    if (!found)
      throw error(size_bytes > area_.size_bytes() ? errc::too_large : errc::unavailable,
                  "no room for " + std::to_string(size_bytes) + " bytes in the worker's memory for results (" +
                      std::to_string(area_.size_bytes()) + " bytes); return less, or let go of earlier results");
    offset = *found;
  }
  try {
    return std::make_shared<own_block>(*this, offset, size_bytes);
  } catch (...) {
    release(offset, size_bytes);
    throw;
  }
}

block_handle worker_memory::look(std::uint64_t offset, std::uint64_t size_bytes) {
  if (offset > arena_.size_bytes() || size_bytes > arena_.size_bytes() - offset)
    throw error(errc::internal, "a job refers to memory outside the arena");
  return std::make_shared<foreign_block>(std::span(arena_.data() + offset, size_bytes), &arena_, offset);
}

void worker_memory::give(const block_handle& block) { given_[block->offset()] = block; }

block_handle worker_memory::given(std::uint64_t offset) const {
  const auto found = given_.find(offset);
  return found == given_.end() ? nullptr : found->second;
}

void worker_memory::collect() {
  const std::uint64_t written = returns_.written.load(std::memory_order_acquire);
  for (; read_ != written; ++read_)
    given_.erase(returns_.offsets[read_ % ring_returns::capacity].load(std::memory_order_relaxed));
  returns_.read.store(read_, std::memory_order_release);
}

void worker_memory::release(std::size_t offset, std::size_t size_bytes) noexcept {
  std::lock_guard lock(mutex_);
  books_.release(offset, size_bytes);
}

void worker_memory::trim_locked() {
  for (const auto& idle : books_.trim()) area_.give_back(idle.offset, idle.length);
}

void worker_memory::trim() {
  std::lock_guard lock(mutex_);
  trim_locked();
}

} // namespace weir::detail
