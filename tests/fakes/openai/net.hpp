#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <string_view>

namespace fake {

using millis = std::chrono::milliseconds;

/// Thrown when the other side is gone, or when the server is being ended: the connection is of no more use.
struct connection_lost : std::exception {
  const char* what() const noexcept override { return "the connection is lost"; }
};

/// One accepted TCP connection with plain blocking calls. Used by one thread; only `interrupt` may be called from
/// another.
class connection {
 public:
  connection(int fd, std::uint64_t number);
  ~connection();
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  /// Counts from 1 over the life of the server: shows in the journal whether a client reuses its connections.
  std::uint64_t number() const { return number_; }
  /// Returns the bytes read, 0 at the end of the stream. Throws connection_lost on an error or after `limit` of
  /// silence.
  std::size_t read_some(char* to, std::size_t size, millis limit);
  void write_all(std::string_view bytes);
  /// Waits; returns true as soon as the other side has gone.
  bool gone_within(millis time);
  /// Waits, and throws connection_lost as soon as the other side has gone.
  void wait(millis time);
  /// Lets what was written arrive, then ends the connection with a TCP reset.
  void reset();
  /// Says that no more bytes follow and reads on for a moment, so that unread input does not turn the end into a reset.
  void finish();
  /// Makes every call of the owner return soon.
  void interrupt() const;

 private:
  int fd_;
  std::uint64_t number_;
};

/// A listening socket on 127.0.0.1.
class listener {
 public:
  explicit listener(std::uint16_t port);
  ~listener();
  listener(const listener&) = delete;
  listener& operator=(const listener&) = delete;
  std::uint16_t port() const { return port_; }
  /// Returns a descriptor, or -1 once `interrupt` was called.
  int accept();
  void interrupt() const;

 private:
  int fd_ = -1;
  std::uint16_t port_ = 0;
};

} // namespace fake
