#pragma once

#include <weir/core/task.hpp>

namespace weir {

/// A flag that tasks wait for. Thread-safety: the loop's thread only; another thread uses loop::post to set it.
class event {
 public:
  event() = default;
  event(const event&) = delete;
  event& operator=(const event&) = delete;

  /// Sets the flag and wakes everybody who waits. It stays set until `reset`.
  void set() noexcept;
  void reset() noexcept { set_ = false; }
  bool is_set() const noexcept { return set_; }

  class [[nodiscard]] waiter : detail::wait_node {
   public:
    explicit waiter(event& e) noexcept : wait_node(kind), event_(e) {}
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> handle_of_waiter,
                       std::source_location at = std::source_location::current()) noexcept {
      if (!begin(handle_of_waiter, at)) return false;
      if (event_.set_) {
        no_wait();
        return false;
      }
      event_.waiters_.push_back(*this);
      return true;
    }
    void await_resume() const { check(); }

   private:
    static constexpr detail::wait_kind kind{"event", &leave_queue};
    event& event_;
  };

  /// Waits until the flag is set; returns at once where it is. Cancellation: ends the wait at once.
  waiter wait() noexcept { return waiter(*this); }

 private:
  detail::list<detail::wait_node, detail::in_queue> waiters_;
  bool set_ = false;
};

} // namespace weir
