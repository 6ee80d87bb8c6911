#include "core/inbox.hpp"

#include <weir/core/error.hpp>

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace weir::detail {

inbox::inbox() : wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!wake_) throw errno_error(errno, "the event loop could not be made");
}

bool inbox::post(ready_node* node) noexcept {
  // Acquired also where it is closed: then the node is its poster's alone, who may delete what the loop wrote to last.
  ready_node* seen = head_.load(std::memory_order_acquire);
  do {
    if (seen == closed()) return false;
    node->next_ready = seen == asleep() ? nullptr : seen;
  } while (!head_.compare_exchange_weak(seen, node, std::memory_order_acq_rel, std::memory_order_acquire));
  if (seen == asleep()) signal();
  return true;
}

void inbox::signal() noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof one);
}

bool inbox::sleep() noexcept {
  ready_node* empty = nullptr;
  return head_.compare_exchange_strong(empty, asleep(), std::memory_order_acq_rel);
}

void inbox::awake() noexcept {
  ready_node* sleeping = asleep();
  head_.compare_exchange_strong(sleeping, nullptr, std::memory_order_acq_rel);
}

ready_node* inbox::reversed(ready_node* newest) noexcept {
  ready_node* oldest = nullptr;
  while (newest && newest != asleep()) {
    ready_node* next = newest->next_ready;
    newest->next_ready = oldest;
    oldest = newest;
    newest = next;
  }
  return oldest;
}

ready_node* inbox::take() noexcept {
  if (head_.load(std::memory_order_relaxed) == nullptr) return nullptr;
  return reversed(head_.exchange(nullptr, std::memory_order_acq_rel));
}

ready_node* inbox::close() noexcept { return reversed(head_.exchange(closed(), std::memory_order_acq_rel)); }

} // namespace weir::detail
