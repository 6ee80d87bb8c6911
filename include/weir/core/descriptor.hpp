#pragma once

#include <weir/core/detail/timer_node.hpp>
#include <weir/core/task.hpp>
#include <weir/core/unique_fd.hpp>

namespace weir {

/// Owns a non-blocking descriptor (socket, pipe, pidfd, terminal) of the loop that runs where it is made, and waits for
/// its readiness. One task may wait per direction. Movable only while nobody waits.
/// Use: try the system call first; on EAGAIN await, and try again. A wait may end without cause.
/// Thread-safety: the loop's thread only. Cost of a wait: no allocation; epoll_ctl only when the interest changes.
class descriptor {
 public:
  descriptor() noexcept;
  /// Takes `fd` over and makes it non-blocking. Fails: errno_error. A regular file cannot be waited for: it is always
  /// ready, and waits on it return at once.
  explicit descriptor(unique_fd fd);
  descriptor(descriptor&&) noexcept;
  descriptor& operator=(descriptor&&) noexcept;
  ~descriptor();

  int get() const noexcept;
  explicit operator bool() const noexcept { return state_ != nullptr; }

  enum class direction { in, out, hang_up };

  class [[nodiscard]] waiter : detail::wait_node {
   public:
    waiter(descriptor& owner, direction way) noexcept;
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> handle_of_waiter,
                       std::source_location at = std::source_location::current()) {
      return begin(handle_of_waiter, at) && suspend();
    }
    void await_resume() const { check(); }

   private:
    friend class descriptor;
    bool suspend();
    static const detail::wait_kind kind;

    descriptor& owner_;
    direction way_;
  };

  /// Waits until reading would not block (data, end of stream or error). Cancellation: ends the wait at once.
  waiter readable() noexcept { return waiter(*this, direction::in); }
  /// Waits until writing would not block.
  waiter writable() noexcept { return waiter(*this, direction::out); }
  /// Waits until the other side has closed its sending direction, or the connection is gone.
  waiter hung_up() noexcept { return waiter(*this, direction::hang_up); }

  /// Closes. Nobody may be waiting.
  void close() noexcept;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

} // namespace weir
