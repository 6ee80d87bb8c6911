#pragma once

#include <weir/core/detail/timer_node.hpp>
#include <weir/core/task.hpp>
#include <weir/core/unique_fd.hpp>

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <span>
#include <string_view>

namespace weir::http::detail {

/// A connected socket of the running loop. It is registered once, edge-triggered, for both directions and hang-up, so
/// that a request costs no epoll_ctl and no read that finds nothing.
/// One task may wait at a time, for one direction. Waits end also when the deadline has passed or `wake` was called.
class stream : weir::detail::watch_node {
 public:
  explicit stream(unique_fd socket);
  virtual ~stream();
  stream(const stream&) = delete;
  stream& operator=(const stream&) = delete;

  enum class outcome { done, would_block, closed };
  struct read_result {
    outcome what;
    std::size_t bytes = 0;
  };

  /// Reads what is there, without waiting. `closed`: end of stream or error.
  read_result try_read(std::span<char> into) noexcept;

  /// Sends what the system takes of the pieces, without waiting. `would_block`: `bytes` fewer than all were taken.
  read_result try_write(std::span<const std::string_view> pieces) noexcept;

  class [[nodiscard]] waiter : weir::detail::wait_node {
   public:
    waiter(stream& owner, unsigned bits) noexcept : wait_node(kind), owner_(owner), bits_(bits) {}
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> handle_of_waiter,
                       std::source_location at = std::source_location::current()) {
      if (!begin(handle_of_waiter, at)) return false;
      return suspend();
    }
    void await_resume() const {
      if (owner_.waiter_ == this) owner_.waiter_ = nullptr;
      check();
    }

   private:
    friend class stream;
    bool suspend() noexcept;
    static constexpr weir::detail::wait_kind kind{"a connection", &leave_queue};

    stream& owner_;
    unsigned bits_;
  };

  waiter readable() noexcept;
  waiter writable() noexcept;
  bool has_waiter() const noexcept { return waiter_ != nullptr; }

  /// The time after which waits end with `expired()`. The sweep calls `check_deadline`.
  void set_deadline(std::chrono::steady_clock::time_point when) noexcept { deadline_ = when; }
  void no_deadline() noexcept { deadline_ = std::chrono::steady_clock::time_point::max(); }
  void check_deadline(std::chrono::steady_clock::time_point now) noexcept;
  bool expired() const noexcept { return expired_; }
  void forget_expiry() noexcept { expired_ = false; }

  /// Ends the wait that is under way, if any, without cause.
  void wake() noexcept;

  /// The other side has closed its sending direction, or all.
  bool hung_up() const noexcept { return hung_up_; }
  /// No byte can be sent any more.
  bool broken() const noexcept { return broken_; }

  /// Bytes that were written and that the other side's system has not taken yet.
  std::size_t unacknowledged() const noexcept;

  /// Sends the end of the stream behind what was written.
  void shut_down_writing() noexcept;
  /// Closing will not deliver what is still queued but reset the connection.
  void abort() noexcept;

 protected:
  /// Called when `hung_up` becomes true. May not destroy the stream.
  virtual void on_hang_up() noexcept = 0;

 private:
  void on_events(unsigned what) noexcept;

  loop& loop_;
  unique_fd socket_;
  waiter* waiter_ = nullptr;
  std::chrono::steady_clock::time_point deadline_ = std::chrono::steady_clock::time_point::max();
  bool readable_ = false;
  bool writable_ = true;
  bool hung_up_ = false;
  bool broken_ = false;
  bool expired_ = false;
};

} // namespace weir::http::detail
