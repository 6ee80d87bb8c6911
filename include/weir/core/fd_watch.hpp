#pragma once

#include <weir/core/callback.hpp>
#include <weir/core/detail/timer_node.hpp>

namespace weir {

/// Calls a function when a descriptor is ready, for code that is no coroutine (libcurl). Does not own the descriptor,
/// which must stay open until the watch is stopped or dies. Level-triggered: the function is called once per turn of
/// the loop for as long as the descriptor is ready.
/// The function may destroy the watch. Thread-safety: the loop's thread only.
class fd_watch : detail::watch_node {
 public:
  /// `function(events)` gets the EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP ... bits of epoll(7).
  fd_watch(int fd, callback<void(unsigned events)> function);
  ~fd_watch();
  fd_watch(const fd_watch&) = delete;
  fd_watch& operator=(const fd_watch&) = delete;

  /// Asks for these epoll bits from now on; 0 keeps the watch but asks for nothing (errors and hang-ups too are
  /// silent). Fails: errc::invalid_argument where the kernel cannot poll this kind of file (a regular file).
  void want(unsigned events);
  int descriptor() const noexcept { return fd; }

 private:
  loop& loop_;
  callback<void(unsigned)> function_;
};

} // namespace weir
