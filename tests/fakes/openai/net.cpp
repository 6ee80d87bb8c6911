#include "net.hpp"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <thread>

namespace fake {
namespace {

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

int poll_one(int fd, short events, millis limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  for (;;) {
    pollfd p{fd, events, 0};
    const auto left = std::chrono::ceil<millis>(end - std::chrono::steady_clock::now());
    const int n = ::poll(&p, 1, static_cast<int>(std::clamp<long>(left.count(), 0, 1 << 30)));
    if (n > 0) return p.revents;
    if (n == 0) return 0;
    if (errno != EINTR) fail("poll");
  }
}

} // namespace

connection::connection(int fd, std::uint64_t number) : fd_(fd), number_(number) {
  const int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

connection::~connection() { ::close(fd_); }

std::size_t connection::read_some(char* to, std::size_t size, millis limit) {
  if (poll_one(fd_, POLLIN, limit) == 0) throw connection_lost{};
  for (;;) {
    const auto n = ::recv(fd_, to, size, 0);
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno != EINTR) throw connection_lost{};
  }
}

void connection::write_all(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n >= 0)
      bytes.remove_prefix(static_cast<std::size_t>(n));
    else if (errno != EINTR)
      throw connection_lost{};
  }
}

bool connection::gone_within(millis time) { return (poll_one(fd_, POLLRDHUP, time)) != 0; }

void connection::wait(millis time) {
  if (gone_within(time)) throw connection_lost{};
}

void connection::reset() {
  // A reset throws away what is still queued here, so the queue must be empty first.
  for (int i = 0, queued = 1; i < 2000 && queued > 0; ++i) {
    if (::ioctl(fd_, SIOCOUTQ, &queued) != 0) break;
    if (queued > 0) std::this_thread::sleep_for(millis(1));
  }
  const linger now{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

void connection::finish() {
  ::shutdown(fd_, SHUT_WR);
  std::array<char, 65536> sink;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  while (std::chrono::steady_clock::now() < end && (poll_one(fd_, POLLIN, millis(200)) & POLLIN) != 0)
    if (::recv(fd_, sink.data(), sink.size(), MSG_DONTWAIT) <= 0) return;
}

void connection::interrupt() const { ::shutdown(fd_, SHUT_RDWR); }

listener::listener(std::uint16_t port) {
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd_ < 0) fail("socket");
  const int on = 1;
  ::setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  socklen_t size = sizeof address;
  if (::bind(fd_, reinterpret_cast<sockaddr*>(&address), size) != 0) fail("bind");
  if (::listen(fd_, 1024) != 0) fail("listen");
  if (::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) != 0) fail("getsockname");
  port_ = ntohs(address.sin_port);
}

listener::~listener() { ::close(fd_); }

int listener::accept() {
  for (;;) {
    const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd >= 0) return fd;
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
      std::this_thread::sleep_for(millis(10));
    else if (errno != EINTR && errno != ECONNABORTED)
      return -1;
  }
}

void listener::interrupt() const { ::shutdown(fd_, SHUT_RDWR); }

} // namespace fake
