#include <weir/core/error.hpp>

#include <fcntl.h>
#include <mcp/stream_fd.hpp>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <string>

namespace weir::mcp::detail {

stream_fd::stream_fd(int fd, direction way) : way_(way) {
  fd_.reset(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
  if (!fd_) throw errno_error(errno, way == direction::in ? "standard input" : "standard output");
  struct stat facts{};
  if (::fstat(fd_.get(), &facts) != 0) throw errno_error(errno, "standard stream");
  is_socket_ = S_ISSOCK(facts.st_mode);
  bool is_pipe = S_ISFIFO(facts.st_mode);
  if (way == direction::out && !is_socket_ && !S_ISREG(facts.st_mode)) {
    may_block_ = (::fcntl(fd_.get(), F_GETFL) & O_NONBLOCK) == 0;
    if (may_block_ && is_pipe) {
      // A second opening has flags of its own. Refused for a pipe of another user.
      std::string path = "/proc/self/fd/" + std::to_string(fd_.get());
      if (unique_fd again(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC)); again) {
        fd_ = std::move(again);
        may_block_ = false;
      }
    }
  }
  watch_ = std::make_unique<fd_watch>(fd_.get(), [this](unsigned) {
    watch_->want(0);
    is_ready_.set();
  });
}

ssize_t stream_fd::read(void* to, std::size_t bytes) noexcept {
  ssize_t got;
  do {
    if (is_socket_) {
      got = ::recv(fd_.get(), to, bytes, MSG_DONTWAIT);
    } else {
      // A pipe or terminal that may block is asked first; nobody else reads it.
      pollfd question{fd_.get(), POLLIN, 0};
      if (is_pollable_ && ::poll(&question, 1, 0) == 0) {
        errno = EAGAIN;
        return -1;
      }
      got = ::read(fd_.get(), to, bytes);
    }
  } while (got < 0 && errno == EINTR);
  return got;
}

ssize_t stream_fd::write(const iovec* parts, int count) noexcept {
  ssize_t put;
  do {
    if (is_socket_) {
      msghdr message{};
      message.msg_iov = const_cast<iovec*>(parts);
      message.msg_iovlen = static_cast<std::size_t>(count);
      put = ::sendmsg(fd_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    } else if (may_block_) {
      pollfd question{fd_.get(), POLLOUT, 0};
      if (::poll(&question, 1, 0) == 0) {
        errno = EAGAIN;
        return -1;
      }
      put = ::write(fd_.get(), parts[0].iov_base, std::min<std::size_t>(parts[0].iov_len, PIPE_BUF));
    } else {
      put = ::writev(fd_.get(), parts, count);
    }
  } while (put < 0 && errno == EINTR);
  return put;
}

task<void> stream_fd::ready() {
  if (is_pollable_) {
    is_ready_.reset();
    try {
      watch_->want(way_ == direction::in ? EPOLLIN : EPOLLOUT);
    } catch (const error& failure) {
      if (failure.code() != errc::invalid_argument) throw;
      is_pollable_ = false; // a regular file, or /dev/null: never blocks for long
    }
  }
  if (!is_pollable_) {
    co_await yield_now();
    co_return;
  }
  co_await is_ready_.wait();
}

} // namespace weir::mcp::detail
