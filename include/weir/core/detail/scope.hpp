#pragma once

#include <weir/core/detail/frame.hpp>
#include <weir/core/detail/list.hpp>
#include <weir/core/loop.hpp>

#include <coroutine>
#include <source_location>

namespace weir::detail {

struct in_parent;
struct in_scope_waits;
struct in_queue;
struct wait_node;
struct context_frame;
struct tree_reader;

/// What tasks belong to for the purpose of cancellation: a node of a tree. Cancelling a node cancels those below it,
/// except shielded ones. It lives in the frame of whoever opened it and touches no heap, except where somebody asks for
/// a std::stop_token. Thread-safety: the loop's thread only.
class scope : public list_hook<in_parent> {
 public:
  /// A root.
  explicit scope(loop& owner) noexcept;
  /// A scope below the one of `opener`, the coroutine that opens it. `kind` is the noun that reports use for it
  /// ("gather"). A shielded one is not reached by the parent's cancellation.
  scope(promise_base& opener, const char* kind, bool shielded = false) noexcept
      : scope(*opener.current, &opener, kind, shielded) {}
  /// A scope below `parent` for a task that the opener of `parent` starts.
  explicit scope(scope& parent) noexcept : scope(parent, parent.opener_, "task", false) {}
  /// As that, of a task that nobody opened it for; see above.
  scope(scope& parent, const char* kind, bool shielded) noexcept : scope(parent, nullptr, kind, shielded) {}
  ~scope();

  loop& owner() const noexcept { return loop_; }
  bool is_cancelled() const noexcept { return cancelled_; }
  /// Cancels this scope and those below it: waits end, tokens are set. Again is harmless.
  void cancel() noexcept;
  /// What `token_of` hands out from; made at the first need.
  struct stop_state;
  stop_state& stopping();

  /// The values that follow the tasks of this scope (context_value); inherited from the parent.
  const context_frame* context = nullptr;
  /// When the scope cancels itself; `clock::time_point::max()`: never. The earliest of its own and its parents'.
  clock::time_point deadline = clock::time_point::max();

 private:
  friend struct wait_node;
  friend struct tree_reader;

  scope(scope& parent, promise_base* opener, const char* kind, bool shielded) noexcept;

  loop& loop_;
  promise_base* opener_ = nullptr;
  const char* kind_ = "root";
  clock::time_point since_;
  bool shielded_ = false;
  bool cancelled_ = false;
  list<scope, in_parent> children_;
  list<wait_node, in_scope_waits> waits_;
  stop_state* stopping_ = nullptr;
};

/// The scope of the coroutine that runs now on this thread, or nullptr. Set by whoever resumes a coroutine.
inline thread_local constinit scope* current_scope = nullptr;

/// What the loop calls next (a posted function, a timer) is not part of the coroutine that ran last, which may be gone.
inline void nobody_runs() noexcept {
  current_scope = nullptr;
  running_at.store(std::source_location(), std::memory_order_relaxed);
}

/// What the waits of one kind have in common.
struct wait_kind {
  const char* name;                                          ///< the noun in reports: "sleep", "limiter"
  void (*cancel)(wait_node*) noexcept;                       ///< undoes the wait and calls `finish(true)`
  const char* (*label)(const wait_node*) noexcept = nullptr; ///< the name of what is awaited, or nullptr
  bool by_design = false;                                    ///< may wait for ever: never part of a deadlock
};

/// A suspended coroutine that waits for something and can be cancelled: the base of every awaiter that suspends.
/// A derived awaiter links itself where it waits (a queue through `in_queue`), and names a kind whose `cancel` undoes
/// that.
struct wait_node : ready_node, list_hook<in_scope_waits>, list_hook<in_queue> {
  std::coroutine_handle<> handle;
  promise_base* promise = nullptr;
  scope* scope_ = nullptr;
  const wait_kind* kind;
  std::source_location at;
  clock::time_point since;
  bool was_cancelled = false;

  /// The kind of what waits in a list through `in_queue` and needs no more than to leave it.
  explicit wait_node(const wait_kind& k) noexcept : kind(&k) { run = &resume; }

  static void leave_queue(wait_node* node) noexcept {
    static_cast<list_hook<in_queue>*>(node)->unlink();
    node->finish(true);
  }

  /// Begins to wait on behalf of `waiter`. Returns false, with `was_cancelled` set, in a cancelled scope: do not
  /// suspend.
  template <class Promise>
  bool begin(std::coroutine_handle<Promise> waiter, std::source_location where) noexcept {
    promise = &waiter.promise();
    scope_ = promise->current;
    if (scope_->cancelled_) {
      was_cancelled = true;
      return false;
    }
    handle = waiter;
    at = where;
    since = scope_->owner().turn_time();
    scope_->waits_.push_back(*this);
    return true;
  }
  /// Takes `begin` back: what was awaited is there already.
  void no_wait() noexcept { static_cast<list_hook<in_scope_waits>*>(this)->unlink(); }
  /// Ends the wait: the coroutine resumes from the loop's queue. No cancellation reaches it any more.
  void finish(bool by_cancellation = false) noexcept {
    was_cancelled = by_cancellation;
    no_wait();
    scope_->owner().schedule(this);
  }
  bool waiting() const noexcept { return static_cast<const list_hook<in_scope_waits>*>(this)->linked(); }
  bool queued() const noexcept { return static_cast<const list_hook<in_queue>*>(this)->linked(); }
  /// What `await_resume` of every wait begins with.
  void check() const {
    if (was_cancelled) throw_cancelled();
  }

  static void resume(ready_node* node) noexcept {
    auto* self = static_cast<wait_node*>(node);
    current_scope = self->scope_;
    running_at.store(self->at, std::memory_order_relaxed);
    self->handle.resume();
    nobody_runs();
  }

 private:
  [[noreturn]] static void throw_cancelled();
};

} // namespace weir::detail
