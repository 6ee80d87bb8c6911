#pragma once

#include <weir/core/loop.hpp>
#include <weir/core/unique_fd.hpp>

#include <atomic>

namespace weir::detail {

/// Where other threads leave nodes for a loop: a lock-free stack, turned into arrival order when it is taken.
///
/// The head is one of: `closed()` (the loop is gone), `asleep()` (empty, and the loop may be blocked in epoll: who adds
/// the first node writes to the eventfd), nullptr (empty, the loop is awake), or the newest node. So one wake-up is
/// paid per sleep of the loop, however many threads post.
struct inbox {
  inbox();

  /// Returns false where the loop is gone. Thread-safety: any thread.
  bool post(ready_node* node) noexcept;

  // The loop's thread only.
  int wake_descriptor() const noexcept { return wake_.get(); }
  /// Announces that the loop is about to block. Returns false where there is something to take first.
  bool sleep() noexcept;
  void awake() noexcept;
  /// Whether there is something to take; cheap enough to poll.
  bool has_news() const noexcept { return head_.load(std::memory_order_acquire) != nullptr; }
  /// Makes the wake descriptor readable, for who waits for edges: it is never read.
  void signal() noexcept;
  /// Takes everything, oldest first.
  ready_node* take() noexcept;
  /// Refuses all that comes later; returns what is left, oldest first.
  ready_node* close() noexcept;

 private:
  ready_node* asleep() noexcept { return &asleep_; }
  ready_node* closed() noexcept { return &closed_; }
  ready_node* reversed(ready_node* newest) noexcept;

  ready_node asleep_;
  ready_node closed_;
  std::atomic<ready_node*> head_{nullptr};
  unique_fd wake_;
};

} // namespace weir::detail
