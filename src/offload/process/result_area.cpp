#include "offload/process/result_area.hpp"

#include "offload/process/buddy.hpp"

#include <iterator>

namespace weir::detail {

class result_area::block final : public buffer_block {
 public:
  block(std::shared_ptr<result_area> owner, std::size_t offset, std::size_t size_bytes) noexcept
      : buffer_block({owner->region_.data() + offset, size_bytes}, owner.get(), offset), owner_(std::move(owner)) {}
  ~block() override { owner_->release(offset()); }

 private:
  std::shared_ptr<result_area> owner_;
};

result_area::result_area(const job_ring& ring, std::size_t size_bytes)
    : ring_memory_(ring.memory()), returns_(ring.view().returns()),
      region_(shared_region::make("weir-results", size_bytes)) {}

std::shared_ptr<result_area> result_area::make(const job_ring& ring, std::size_t size_bytes) {
  return std::make_shared<result_area>(ring, size_bytes);
}

block_handle result_area::adopt(std::uint64_t offset, std::uint64_t size_bytes) {
  if (offset % buddy::page_bytes != 0 || size_bytes == 0 || offset > region_.size_bytes() ||
      size_bytes > region_.size_bytes() - offset)
    return nullptr;
  const std::size_t end = offset + buddy::whole_pages(size_bytes);
  {
    std::lock_guard lock(mutex_);
    const auto after = held_.lower_bound(offset);
    if (after != held_.end() && after->first < end) return nullptr;
    if (after != held_.begin() && std::prev(after)->second > offset) return nullptr;
    waiting_.reserve(waiting_.size() + held_.size() + 1); // release must not fail
    held_.emplace_hint(after, offset, end);
  }
  try {
    return std::make_shared<block>(shared_from_this(), offset, size_bytes);
  } catch (...) {
    release(offset);
    throw;
  }
}

void result_area::release(std::size_t offset) noexcept {
  std::lock_guard lock(mutex_);
  held_.erase(offset);
  waiting_.push_back(offset);
  flush_locked();
}

void result_area::flush() noexcept {
  std::lock_guard lock(mutex_);
  flush_locked();
}

void result_area::flush_locked() noexcept {
  // The worker's word on how far it has read decides only whether it is told more now. Acquire: its reads of the
  // entries come before they are written anew; release of `written`: the worker sees the entries, and whatever the
  // parent did with the memory lies before its next use there.
  while (!waiting_.empty()) {
    const std::uint64_t unread = told_ - returns_.read.load(std::memory_order_acquire);
    if (unread >= ring_returns::capacity) return;
    returns_.offsets[told_ % ring_returns::capacity].store(waiting_.back(), std::memory_order_relaxed);
    returns_.written.store(++told_, std::memory_order_release);
    waiting_.pop_back();
  }
}

std::size_t result_area::held() const {
  std::lock_guard lock(mutex_);
  return held_.size();
}

} // namespace weir::detail
