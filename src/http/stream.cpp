#include "http/stream.hpp"

#include <weir/core/loop.hpp>

#include <linux/sockios.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>

namespace weir::http::detail {

stream::stream(unique_fd socket) : loop_(loop::current()), socket_(std::move(socket)) {
  fd = socket_.get();
  wanted = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  events = [](weir::detail::watch_node* node, unsigned what) noexcept { static_cast<stream*>(node)->on_events(what); };
  loop_.watch(*this);
}

stream::~stream() { loop_.forget(*this); }

void stream::on_events(unsigned what) noexcept {
  constexpr unsigned gone = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
  if (what & (EPOLLIN | gone)) readable_ = true;
  if (what & (EPOLLOUT | EPOLLHUP | EPOLLERR)) writable_ = true;
  const bool news = (what & gone) && !hung_up_;
  if (news) hung_up_ = true;
  if (what & (EPOLLHUP | EPOLLERR)) broken_ = true;
  if (waiter_ && ((waiter_->bits_ & EPOLLIN) ? readable_ : writable_)) wake();
  if (news) on_hang_up();
}

bool stream::waiter::suspend() noexcept {
  const bool ready = (bits_ & EPOLLIN) ? owner_.readable_ : owner_.writable_;
  if (ready || owner_.expired_) {
    no_wait();
    return false;
  }
  owner_.waiter_ = this;
  return true;
}

stream::waiter stream::readable() noexcept { return {*this, EPOLLIN}; }
stream::waiter stream::writable() noexcept { return {*this, EPOLLOUT}; }

void stream::wake() noexcept {
  // A waiter that was cancelled is on its way already.
  if (waiter_ && waiter_->waiting()) waiter_->finish();
}

void stream::check_deadline(std::chrono::steady_clock::time_point now) noexcept {
  if (now < deadline_) return;
  no_deadline();
  expired_ = true;
  wake();
}

stream::read_result stream::try_read(std::span<char> into) noexcept {
  if (!readable_) return {outcome::would_block};
  for (;;) {
    const ssize_t n = ::recv(socket_.get(), into.data(), into.size(), 0);
    if (n > 0) {
      const auto bytes = static_cast<std::size_t>(n);
      // A short read has emptied the socket: the next edge tells of more. Not so behind a hang-up, whose edge has been.
      if (bytes < into.size() && !hung_up_) readable_ = false;
      return {outcome::done, bytes};
    }
    if (n == 0) return {outcome::closed};
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      readable_ = false;
      return {outcome::would_block};
    }
    broken_ = true;
    return {outcome::closed};
  }
}

stream::read_result stream::try_write(std::span<const std::string_view> pieces) noexcept {
  if (broken_) return {outcome::closed};
  std::array<iovec, 4> parts{};
  std::size_t total = 0;
  std::size_t count = 0;
  for (const std::string_view piece : pieces) {
    if (piece.empty() || count == parts.size()) continue;
    parts[count++] = {const_cast<char*>(piece.data()), piece.size()};
    total += piece.size();
  }
  if (total == 0) return {outcome::done};
  if (!writable_) return {outcome::would_block};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = count;
  for (;;) {
    const ssize_t n = count == 1 ? ::send(socket_.get(), parts[0].iov_base, parts[0].iov_len, MSG_NOSIGNAL)
                                 : ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
    if (n >= 0) {
      const auto bytes = static_cast<std::size_t>(n);
      if (bytes == total) return {outcome::done, bytes};
      writable_ = false;
      return {outcome::would_block, bytes};
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      writable_ = false;
      return {outcome::would_block};
    }
    broken_ = true;
    return {outcome::closed};
  }
}

std::size_t stream::unacknowledged() const noexcept {
  int bytes = 0;
  return ::ioctl(socket_.get(), SIOCOUTQ, &bytes) == 0 && bytes > 0 ? static_cast<std::size_t>(bytes) : 0;
}

void stream::shut_down_writing() noexcept { ::shutdown(socket_.get(), SHUT_WR); }

void stream::abort() noexcept {
  const linger now{1, 0};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  broken_ = true;
}

} // namespace weir::http::detail
