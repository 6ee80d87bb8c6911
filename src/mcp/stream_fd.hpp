#pragma once

#include <weir/core/event.hpp>
#include <weir/core/fd_watch.hpp>
#include <weir/core/task.hpp>
#include <weir/core/unique_fd.hpp>

#include <sys/types.h>
#include <sys/uio.h>

#include <cstddef>
#include <memory>

namespace weir::mcp::detail {

/// One direction of a standard stream. Standard streams are shared with the parent and with a terminal's other users,
/// so their O_NONBLOCK flag is left alone: that flag belongs to the open file, not to our descriptor.
/// Sockets are used with MSG_DONTWAIT; a pipe is opened a second time for writing; where that is refused, a write is
/// cut to what poll(2) promises (PIPE_BUF). Regular files cannot be polled and are always ready.
class stream_fd {
 public:
  enum class direction { in, out };

  /// Duplicates `fd`. Fails: errno_error.
  stream_fd(int fd, direction way);

  /// As read(2) and writev(2): -1 with errno EAGAIN where it would block.
  ssize_t read(void* to, std::size_t bytes) noexcept;
  ssize_t write(const iovec* parts, int count) noexcept;

  /// Waits for readiness. Cancellation: ends the wait at once.
  task<void> ready();

 private:
  unique_fd fd_;
  direction way_;
  bool is_socket_ = false;
  bool is_pollable_ = true;
  bool may_block_ = false;
  event is_ready_;
  std::unique_ptr<fd_watch> watch_;
};

} // namespace weir::mcp::detail
