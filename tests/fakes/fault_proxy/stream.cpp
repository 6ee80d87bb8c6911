#include "fakes/fault_proxy/stream.hpp"

#include <linux/sockios.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <thread>
#include <utility>

namespace weir::fakes::net {

namespace {

constexpr std::size_t piece_bytes = 64 * 1024;
constexpr std::size_t max_head_bytes = 64 * 1024;

std::int64_t now_ms() {
  return std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

} // namespace

bool lifeline::sleep_for(milliseconds time) {
  std::unique_lock lock(mutex_);
  return !wake_.wait_for(lock, time, [this] { return ended_; });
}

void lifeline::end() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  wake_.notify_all();
  cut_all();
}

bool lifeline::ended() const {
  const std::lock_guard lock(mutex_);
  return ended_;
}

void lifeline::cut_all() {
  const std::lock_guard lock(mutex_);
  for (stream* s : streams_) s->cut();
}

stream::stream(lifeline& life, int fd) : life_(life), fd_(fd), read_limit_(std::numeric_limits<std::int64_t>::max()) {
  if (fd_ < 0) return;
  const int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const std::lock_guard lock(life_.mutex_);
  life_.streams_.insert(this);
  if (life_.ended_) cut();
}

namespace {

int connected(const std::string& host, int port) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) return -1;
  int fd = -1;
  for (const addrinfo* a = found; a && fd < 0; a = a->ai_next) {
    fd = ::socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && ::connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
      ::close(fd);
      fd = -1;
    }
  }
  ::freeaddrinfo(found);
  return fd;
}

} // namespace

stream::stream(lifeline& life, const std::string& host, int port) : stream(life, connected(host, port)) {}

stream::~stream() { close(); }

bool stream::fill() {
  for (;;) {
    if (now_ms() >= read_limit_) return false;
    pollfd p{fd_, POLLIN, 0};
    const int ready = ::poll(&p, 1, 100);
    if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
    char piece[piece_bytes];
    const ssize_t n = ::recv(fd_, piece, sizeof piece, 0);
    if (n > 0) {
      buffer_.append(piece, static_cast<std::size_t>(n));
      return true;
    }
    if (n < 0 && errno == EINTR) continue;
    was_reset_ = n < 0 && errno == ECONNRESET;
    return false;
  }
}

std::optional<std::string> stream::read_until(std::string_view end) {
  std::size_t searched = 0;
  for (;;) {
    if (const auto at = buffer_.find(end, searched); at != std::string::npos) {
      std::string text = buffer_.substr(0, at + end.size());
      buffer_.erase(0, text.size());
      return text;
    }
    if (buffer_.size() > max_head_bytes) return std::nullopt;
    searched = buffer_.size() - std::min(buffer_.size(), end.size());
    if (!fill()) return std::nullopt;
  }
}

std::optional<std::string> stream::read_head() { return read_until("\r\n\r\n"); }

std::optional<std::string> stream::read_line() { return read_until("\r\n"); }

std::string stream::read_some(std::size_t max_bytes) {
  if (buffer_.empty() && !fill()) return {};
  if (buffer_.size() <= max_bytes) return std::exchange(buffer_, {});
  std::string text = buffer_.substr(0, max_bytes);
  buffer_.erase(0, max_bytes);
  return text;
}

bool stream::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

bool stream::send_paced(std::string_view bytes, std::size_t bytes_per_second) {
  if (bytes_per_second == 0) return send(bytes);
  while (!bytes.empty()) {
    const std::size_t n = std::min(bytes.size(), std::max<std::size_t>(bytes_per_second / 20, 1));
    if (!send(bytes.substr(0, n)) || !life_.sleep_for(milliseconds(n * 1000 / bytes_per_second))) return false;
    bytes.remove_prefix(n);
  }
  return true;
}

void stream::wait_until_sent() {
  for (const std::int64_t limit = now_ms() + 5000; now_ms() < limit;) {
    int left = 0;
    pollfd p{fd_, 0, 0};
    if (::ioctl(fd_, SIOCOUTQ, &left) != 0 || left == 0 || ::poll(&p, 1, 0) > 0) return;
    std::this_thread::sleep_for(milliseconds(1));
  }
}

void stream::wait_until_gone() {
  // Bytes that still come are not read: only the end of the connection counts.
  for (pollfd p{fd_, POLLRDHUP, 0}; ::poll(&p, 1, -1) < 0 && errno == EINTR;) continue;
}

void stream::limit_reading(milliseconds time) { read_limit_ = now_ms() + time.count(); }

void stream::stop_reading() { ::shutdown(fd_, SHUT_RD); }

void stream::end_writing() { ::shutdown(fd_, SHUT_WR); }

void stream::cut() { ::shutdown(fd_, SHUT_RDWR); }

void stream::reset() {
  if (!open()) return;
  wait_until_sent();
  const linger now{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close();
}

void stream::finish() {
  if (!open()) return;
  end_writing();
  limit_reading(milliseconds(2000));
  while (fill()) buffer_.clear();
  close();
}

void stream::close() {
  if (!open()) return;
  const std::lock_guard lock(life_.mutex_);
  life_.streams_.erase(this);
  ::close(fd_);
  fd_ = -1;
}

} // namespace weir::fakes::net
