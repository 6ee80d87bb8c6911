#include "http/fault_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace weir::test {

std::string wire::read_head() {
  for (;;) {
    if (const auto end = rest_.find("\r\n\r\n"); end != std::string::npos) {
      std::string head = rest_.substr(0, end + 4);
      rest_.erase(0, end + 4);
      return head;
    }
    char piece[16384];
    const ssize_t n = ::recv(fd_, piece, sizeof piece, 0);
    if (n <= 0) return {};
    rest_.append(piece, static_cast<std::size_t>(n));
  }
}

std::string wire::read_body(std::size_t size) {
  while (rest_.size() < size) {
    char piece[65536];
    const ssize_t n = ::recv(fd_, piece, sizeof piece, 0);
    if (n <= 0) break;
    rest_.append(piece, static_cast<std::size_t>(n));
  }
  std::string body = rest_.substr(0, size);
  rest_.erase(0, body.size());
  return body;
}

std::string wire::read_body_of(const std::string& head) {
  const std::string length = header_of(head, "Content-Length");
  return length.empty() ? std::string() : read_body(std::strtoull(length.c_str(), nullptr, 10));
}

bool wire::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

bool wire::answer(int status, std::string_view body, std::string_view extra) {
  std::string text =
      "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  text.append(extra).append("\r\n").append(body);
  return send(text);
}

void wire::reset() {
  const linger now{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  // The descriptor itself is closed by the server when the handler returns.
  ::shutdown(fd_, SHUT_RD);
}

void wire::close() { ::shutdown(fd_, SHUT_RDWR); }

bool wire::wait_for_close(int ms) {
  pollfd p{fd_, POLLIN, 0};
  for (;;) {
    if (::poll(&p, 1, ms) <= 0) return false;
    char piece[65536];
    if (::recv(fd_, piece, sizeof piece, 0) <= 0) return true;
  }
}

fault_server::fault_server(handler_type handler, int receive_buffer) : handler_(std::move(handler)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (receive_buffer > 0) ::setsockopt(listener_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || ::listen(listener_, 512) != 0)
    std::abort();
  socklen_t size = sizeof address;
  ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_loop(); });
}

fault_server::~fault_server() {
  stopping_ = true;
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  {
    const std::lock_guard lock(mutex_);
    for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
  }
  for (std::thread& t : threads_) t.join();
  ::close(listener_);
}

void fault_server::accept_loop() {
  while (!stopping_) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) {
      if (stopping_) return;
      continue;
    }
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ++connections_;
    const std::lock_guard lock(mutex_);
    open_.push_back(fd);
    threads_.emplace_back([this, fd] {
      // TLS handlers write with write(2), which knows no MSG_NOSIGNAL.
      sigset_t pipe;
      sigemptyset(&pipe);
      sigaddset(&pipe, SIGPIPE);
      ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
      wire w(fd);
      handler_(w);
      const std::lock_guard inner(mutex_);
      open_.erase(std::find(open_.begin(), open_.end(), fd));
      ::close(fd);
    });
  }
}

std::string fault_server::url(std::string_view path) const {
  return "http://127.0.0.1:" + std::to_string(port_) + std::string(path);
}

fault_server::handler_type fault_server::per_request(std::function<void(const std::string&, wire&)> each) {
  return [each = std::move(each)](wire& w) {
    for (;;) {
      const std::string head = w.read_head();
      if (head.empty()) return;
      each(head, w);
    }
  };
}

std::string header_of(const std::string& head, std::string_view name) {
  std::size_t at = head.find("\r\n");
  while (at != std::string::npos && at + 2 < head.size()) {
    const std::size_t begin = at + 2;
    at = head.find("\r\n", begin);
    const std::string line = head.substr(begin, at - begin);
    const std::size_t colon = line.find(':');
    if (colon != name.size() || ::strncasecmp(line.c_str(), name.data(), colon) != 0) continue;
    std::size_t value = colon + 1;
    while (value < line.size() && line[value] == ' ') ++value;
    return line.substr(value);
  }
  return {};
}

std::string request_line(const std::string& head) {
  const std::string line = head.substr(0, head.find("\r\n"));
  return line.substr(0, line.rfind(' '));
}

} // namespace weir::test
