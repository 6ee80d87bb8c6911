#pragma once

#include <weir/core/unique_fd.hpp>
#include <weir/http/headers.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace weir::http::testing {

/// An answer as it came over the wire.
struct raw_answer {
  int status = 0;
  std::string head; ///< with the empty line
  http::headers headers;
  std::string body;
};

/// A blocking client that sends exactly the bytes it is told to. Every wait gives up after 20 s.
class raw_client {
 public:
  explicit raw_client(std::uint16_t port, int receive_buffer_bytes = 0)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_buffer_bytes > 0)
      ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
    const int on = 1;
    ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  }

  bool connected() const noexcept { return connected_; }
  int get() const noexcept { return socket_.get(); }

  /// Returns false if the server has closed meanwhile.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n < 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
  void close_sending() { ::shutdown(socket_.get(), SHUT_WR); }
  void close() { socket_.reset(); }
  void reset() {
    const linger now{1, 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    socket_.reset();
  }

  enum class ending { none, orderly, reset, timeout };
  ending how_it_ended() const noexcept { return ending_; }

  /// Everything up to the end of the connection.
  std::string read_to_end(std::chrono::milliseconds patience = std::chrono::seconds(20)) {
    while (fill(patience)) {}
    return std::exchange(buffer_, {});
  }

  /// One answer, its body found by Content-Length or chunks (else empty, or the rest where the connection closes).
  /// Nothing if the connection ended before its end.
  std::optional<raw_answer> read_answer(bool to_head = false) {
    raw_answer answer;
    std::size_t end;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos)
      if (!fill()) return std::nullopt;
    answer.head = buffer_.substr(0, end + 4);
    buffer_.erase(0, end + 4);
    parse_head(answer);
    if (to_head || answer.status == 204 || answer.status == 304 || answer.status == 100) return answer;
    if (const auto length = answer.headers.get("Content-Length")) {
      const std::size_t wanted = std::strtoull(std::string(*length).c_str(), nullptr, 10);
      while (buffer_.size() < wanted)
        if (!fill()) return std::nullopt;
      answer.body = buffer_.substr(0, wanted);
      buffer_.erase(0, wanted);
    } else if (answer.headers.get("Transfer-Encoding") == "chunked") {
      if (!read_chunks(answer.body)) return std::nullopt;
    } else {
      answer.body = read_to_end();
    }
    return answer;
  }

  std::optional<raw_answer> exchange(std::string_view request, bool to_head = false) {
    send(request);
    return read_answer(to_head);
  }

  /// Reads what comes until `bytes` more are there. False at the end of the connection.
  bool read_at_least(std::size_t bytes) {
    while (buffer_.size() < bytes)
      if (!fill()) return false;
    return true;
  }
  std::string& buffered() noexcept { return buffer_; }

 private:
  bool fill(std::chrono::milliseconds patience = std::chrono::seconds(20)) {
    pollfd wait{socket_.get(), POLLIN, 0};
    if (::poll(&wait, 1, static_cast<int>(patience.count())) <= 0) {
      ending_ = ending::timeout;
      return false;
    }
    char bytes[65536];
    const ssize_t n = ::recv(socket_.get(), bytes, sizeof bytes, 0);
    if (n <= 0) {
      ending_ = n == 0 ? ending::orderly : ending::reset;
      return false;
    }
    buffer_.append(bytes, static_cast<std::size_t>(n));
    return true;
  }

  bool read_line(std::string& line) {
    std::size_t end;
    while ((end = buffer_.find("\r\n")) == std::string::npos)
      if (!fill()) return false;
    line = buffer_.substr(0, end);
    buffer_.erase(0, end + 2);
    return true;
  }

  bool read_chunks(std::string& body) {
    for (std::string line;;) {
      if (!read_line(line)) return false;
      const std::size_t size = std::strtoull(line.c_str(), nullptr, 16);
      if (size == 0) return read_line(line) && line.empty();
      while (buffer_.size() < size + 2)
        if (!fill()) return false;
      body += buffer_.substr(0, size);
      buffer_.erase(0, size + 2);
    }
  }

  static void parse_head(raw_answer& answer) {
    std::string_view rest = answer.head;
    answer.status = std::atoi(answer.head.substr(9, 3).c_str());
    rest.remove_prefix(rest.find("\r\n") + 2);
    while (rest.size() > 2) {
      const std::string_view line = rest.substr(0, rest.find("\r\n"));
      rest.remove_prefix(line.size() + 2);
      const std::size_t colon = line.find(':');
      answer.headers.add(line.substr(0, colon), line.substr(colon + 1));
    }
  }

  unique_fd socket_;
  std::string buffer_;
  bool connected_ = false;
  ending ending_ = ending::none;
};

} // namespace weir::http::testing
