#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

namespace weir::fakes::testing {

/// A blocking client that sends and gives back the very bytes. Every wait gives up after `patience`.
class raw_peer {
 public:
  enum class ending { none, orderly, reset, timeout };

  explicit raw_peer(int port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  }
  ~raw_peer() { close(); }
  raw_peer(const raw_peer&) = delete;
  raw_peer& operator=(const raw_peer&) = delete;

  bool connected() const { return connected_; }
  ending how_it_ended() const { return ending_; }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  void end_sending() { ::shutdown(fd_, SHUT_WR); }

  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  /// Returns so many bytes, or fewer at the end of the connection.
  std::string read(std::size_t bytes, std::chrono::milliseconds patience = std::chrono::seconds(30)) {
    while (buffer_.size() < bytes && fill(patience)) continue;
    std::string text = buffer_.substr(0, bytes);
    buffer_.erase(0, text.size());
    return text;
  }
  /// Returns everything up to the end of the connection.
  std::string read_to_end(std::chrono::milliseconds patience = std::chrono::seconds(30)) {
    while (fill(patience)) continue;
    return std::exchange(buffer_, {});
  }
  /// Returns text up to and with the blank line.
  std::string read_head() {
    std::size_t end;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos)
      if (!fill(std::chrono::seconds(30))) return {};
    return read(end + 4);
  }

 private:
  bool fill(std::chrono::milliseconds patience) {
    pollfd wait{fd_, POLLIN, 0};
    if (::poll(&wait, 1, static_cast<int>(patience.count())) <= 0) {
      ending_ = ending::timeout;
      return false;
    }
    char bytes[65536];
    const ssize_t n = ::recv(fd_, bytes, sizeof bytes, 0);
    if (n <= 0) {
      ending_ = n == 0 ? ending::orderly : ending::reset;
      return false;
    }
    buffer_.append(bytes, static_cast<std::size_t>(n));
    return true;
  }

  int fd_;
  bool connected_ = false;
  ending ending_ = ending::none;
  std::string buffer_;
};

} // namespace weir::fakes::testing
