#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace weir::test {

/// One accepted connection of a fault_server, with blocking calls for its handler.
class wire {
 public:
  explicit wire(int fd) : fd_(fd) {}

  /// Reads one request head, up to and with the blank line; empty text at the end of the connection. A body that came
  /// along stays for `read_body`.
  std::string read_head();
  std::string read_body(std::size_t size);
  /// Reads the body of `head` (Content-Length or chunked).
  std::string read_body_of(const std::string& head);
  /// Returns false once the other side is gone.
  bool send(std::string_view bytes);
  /// A whole answer.
  bool answer(int status, std::string_view body, std::string_view extra_headers = "");
  /// Closes with a TCP reset.
  void reset();
  void close();
  /// Waits until the client has closed its side, at most `ms`. Returns whether it has.
  bool wait_for_close(int ms);
  int fd() const { return fd_; }

 private:
  int fd_;
  std::string rest_;
};

/// A real HTTP-ish server on a loopback port, one thread per connection, that does what `handler` says: also wrong
/// things.
class fault_server {
 public:
  using handler_type = std::function<void(wire&)>;
  /// `receive_buffer` bounds what the kernel takes in for a handler that does not read; 0: as it likes.
  explicit fault_server(handler_type handler, int receive_buffer = 0);
  ~fault_server();

  int port() const { return port_; }
  std::string url(std::string_view path = "/") const;
  int connections() const { return connections_; }

  /// Repeats `each(head, wire)` for every request on a connection.
  static handler_type per_request(std::function<void(const std::string& head, wire&)> each);

 private:
  void accept_loop();

  handler_type handler_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<int> connections_{0};
  std::mutex mutex_;
  std::vector<std::thread> threads_;
  std::vector<int> open_;
  std::thread acceptor_;
};

/// The value of header `name` in a raw head, or "".
std::string header_of(const std::string& head, std::string_view name);
/// "GET /path" of a raw head.
std::string request_line(const std::string& head);

} // namespace weir::test
