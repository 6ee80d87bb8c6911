#include "fakes/fault_proxy/acceptor.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace weir::fakes::net {

namespace {

int bound(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error(std::string("no loopback port: ") + std::strerror(errno));
  return fd;
}

int listening(int port) {
  const int fd = bound(port);
  if (::listen(fd, 1024) != 0) throw std::runtime_error(std::string("cannot listen: ") + std::strerror(errno));
  return fd;
}

} // namespace

acceptor::acceptor(handler_type handler) : handler_(std::move(handler)) {
  // A socket that is bound and never listens keeps the port while the listening one is closed.
  keeper_ = bound(0);
  sockaddr_in address{};
  socklen_t size = sizeof address;
  ::getsockname(keeper_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  listener_ = listening(port_);
  wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  thread_ = std::thread([this] { accept_loop(); });
}

acceptor::~acceptor() {
  life_.end();
  ::eventfd_write(wake_, 1);
  thread_.join();
  reap(true);
  if (listener_ >= 0) ::close(listener_);
  ::close(keeper_);
  ::close(wake_);
}

void acceptor::refuse_for(milliseconds time) {
  std::unique_lock lock(mutex_);
  if (refusing_) return;
  refusing_ = true;
  refusal_ = std::max(time, milliseconds(1));
  ::eventfd_write(wake_, 1);
  gone_.wait(lock, [this] { return !refusing_ || refusal_.count() == 0 || life_.ended(); });
}

bool acceptor::refusing() const {
  const std::lock_guard lock(mutex_);
  return refusing_;
}

void acceptor::accept_loop() {
  while (!life_.ended()) {
    pollfd both[] = {{listener_, POLLIN, 0}, {wake_, POLLIN, 0}};
    if (::poll(both, 2, -1) < 0) continue;
    eventfd_t count;
    ::eventfd_read(wake_, &count);
    std::unique_lock lock(mutex_);
    if (const milliseconds time = std::exchange(refusal_, milliseconds(0)); refusing_) {
      ::close(listener_);
      life_.cut_all();
      gone_.notify_all();
      lock.unlock();
      life_.sleep_for(time);
      lock.lock();
      listener_ = listening(port_);
      refusing_ = false;
    } else if (both[0].revents) {
      lock.unlock();
      if (const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC); fd >= 0) take(fd);
    }
  }
  const std::lock_guard lock(mutex_);
  gone_.notify_all();
}

void acceptor::take(int fd) {
  reap(false);
  const int number = ++connections_;
  one& mine = threads_.emplace_back();
  mine.thread = std::thread([this, fd, number, &mine] {
    {
      stream client(life_, fd);
      handler_(client, number);
    }
    mine.done = true;
  });
}

void acceptor::reap(bool all) {
  for (auto at = threads_.begin(); at != threads_.end();) {
    if (!all && !at->done) {
      ++at;
      continue;
    }
    at->thread.join();
    at = threads_.erase(at);
  }
}

} // namespace weir::fakes::net
