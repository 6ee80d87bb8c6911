#pragma once

#include <weir/core/detail/list.hpp>
#include <weir/core/loop.hpp>

#include <coroutine>
#include <optional>
#include <stop_token>

namespace weir::detail {

struct in_parent;
struct in_scope_waits;
struct in_queue;
struct wait_node;

/// What tasks belong to for the purpose of cancellation: a node of a tree. Cancelling a node cancels those below it,
/// except shielded ones. It lives in the frame of whoever opened it and touches no heap, except where somebody asks for
/// a std::stop_token. Thread-safety: the loop's thread only.
class scope : public list_hook<in_parent> {
 public:
  explicit scope(loop& owner) noexcept : loop_(owner) {}
  /// A scope below `parent`. A shielded one is not reached by the parent's cancellation.
  explicit scope(scope& parent, bool shielded = false) noexcept;
  ~scope();

  loop& owner() const noexcept { return loop_; }
  bool is_cancelled() const noexcept { return cancelled_; }
  /// Cancels this scope and those below it: waits end, tokens are set. Again is harmless.
  void cancel() noexcept;
  std::stop_token token();

 private:
  friend struct wait_node;

  loop& loop_;
  bool shielded_ = false;
  bool cancelled_ = false;
  list<scope, in_parent> children_;
  list<wait_node, in_scope_waits> waits_;
  std::optional<std::stop_source> source_;
};

/// The scope of the coroutine that runs now on this thread, or nullptr. Set by whoever resumes a coroutine.
inline thread_local constinit scope* current_scope = nullptr;

/// A suspended coroutine that waits for something and can be cancelled: the base of every awaiter that suspends.
/// A derived awaiter links itself where it waits (a queue through `in_queue`), and sets `on_cancel`, which must undo
/// that and call `finish(true)`.
struct wait_node : ready_node, list_hook<in_scope_waits>, list_hook<in_queue> {
  std::coroutine_handle<> handle;
  scope* scope_ = nullptr;
  bool was_cancelled = false;
  void (*on_cancel)(wait_node*) noexcept = nullptr;

  wait_node() noexcept {
    run = [](ready_node* node) noexcept { static_cast<wait_node*>(node)->resume(); };
    on_cancel = [](wait_node* node) noexcept {
      static_cast<list_hook<in_queue>*>(node)->unlink();
      node->finish(true);
    };
  }

  /// Begins to wait on behalf of `waiter`. Returns false, with `was_cancelled` set, in a cancelled scope: do not
  /// suspend.
  template <class Promise>
  bool begin(std::coroutine_handle<Promise> waiter) noexcept {
    scope_ = waiter.promise().current;
    if (scope_->cancelled_) {
      was_cancelled = true;
      return false;
    }
    handle = waiter;
    scope_->waits_.push_back(*this);
    return true;
  }
  /// Ends the wait: the coroutine resumes from the loop's queue. No cancellation reaches it any more.
  void finish(bool by_cancellation = false) noexcept {
    was_cancelled = by_cancellation;
    static_cast<list_hook<in_scope_waits>*>(this)->unlink();
    scope_->owner().schedule(this);
  }
  bool waiting() const noexcept { return static_cast<const list_hook<in_scope_waits>*>(this)->linked(); }
  bool queued() const noexcept { return static_cast<const list_hook<in_queue>*>(this)->linked(); }
  /// What `await_resume` of every wait begins with.
  void check() const;

 private:
  void resume() noexcept {
    current_scope = scope_;
    handle.resume();
  }
};

} // namespace weir::detail
