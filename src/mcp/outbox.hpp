#pragma once

#include <mcp/stream_fd.hpp>

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <string>

namespace weir::mcp::detail {

/// Messages on their way to a stream, one per line, each written whole and in order. Writing happens on the loop, by
/// readiness; messages of one turn leave together.
class outbox {
 public:
  /// `on_broken` is called once, from the loop, when the other end is gone.
  outbox(int fd, std::size_t max_bytes, std::function<void()> on_broken);

  /// Adds a message. One that is not `needed` is dropped while the box is over its limit.
  void push(std::string message, bool needed = true);

  bool is_full() const noexcept { return bytes_ > max_bytes_; }
  bool is_broken() const noexcept { return broken_; }
  std::size_t bytes() const noexcept { return bytes_; }

  /// Waits until half of the limit is free again, or the other end is gone.
  task<void> room();
  /// Writes until cancelled. Runs beside the producers.
  task<void> write_all();
  /// Writes what goes without waiting.
  void write_now();
  /// Writes what is left, for as long as the reader takes something every `patience`.
  task<void> drain(std::chrono::milliseconds patience);

 private:
  bool write_some();

  stream_fd fd_;
  std::size_t max_bytes_;
  std::function<void()> on_broken_;
  std::deque<std::string> messages_;
  std::size_t offset_ = 0;
  std::size_t bytes_ = 0;
  bool broken_ = false;
  event has_messages_;
  event has_room_;
};

} // namespace weir::mcp::detail
