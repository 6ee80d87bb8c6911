#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace weir::fakes::net {

using std::chrono::milliseconds;
class stream;

/// What all connections of one server share, so that its end wakes every thread that waits.
/// Thread-safety: all calls from any thread. Outlives its streams.
class lifeline {
 public:
  /// Sleeps. Returns false, perhaps early, once end() was called.
  bool sleep_for(milliseconds time);
  /// Cuts all streams, now and later, and ends all sleeps.
  void end();
  bool ended() const;
  /// Shuts every stream that is open now, in both directions.
  void cut_all();

 private:
  friend class stream;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool ended_ = false;
  std::set<stream*> streams_;
};

/// One TCP connection with blocking calls and a reading buffer. It owns its descriptor.
/// Thread-safety: one thread may read while another writes; the calls that close belong to the thread that made the
/// stream, when no other uses it. cut(), stop_reading() and limit_reading() may come from any thread before that.
class stream {
 public:
  stream(lifeline& life, int fd);
  ~stream();
  stream(const stream&) = delete;
  stream& operator=(const stream&) = delete;
  /// Connects. Returns a stream that is not open() when nobody listens there.
  stream(lifeline& life, const std::string& host, int port);

  bool open() const { return fd_ >= 0; }
  int fd() const { return fd_; }
  /// Whether bytes wait in the buffer of this object.
  bool buffered() const { return !buffer_.empty(); }
  /// Whether reading ended with a TCP reset.
  bool was_reset() const { return was_reset_; }

  /// Returns text up to and with the blank line; nothing at the end of the connection or after 64 KiB.
  std::optional<std::string> read_head();
  /// Returns a line with its end; nothing at the end of the connection or after 64 KiB.
  std::optional<std::string> read_line();
  /// Waits for one byte at least and returns `max_bytes` at most; empty at the end of the connection.
  std::string read_some(std::size_t max_bytes);
  /// Returns false once the other side is gone.
  bool send(std::string_view bytes);
  /// The same, at most so many bytes each second; 0: as fast as it goes.
  bool send_paced(std::string_view bytes, std::size_t bytes_per_second);

  /// Waits, 5 s at most, until the other side's kernel has all that was sent.
  void wait_until_sent();
  /// Waits until the other side has closed or the connection is cut.
  void wait_until_gone();
  /// From now on reading ends after this time.
  void limit_reading(milliseconds time);
  void stop_reading();
  /// Tells the other side that nothing more comes.
  void end_writing();
  /// Shuts both directions; close() must follow.
  void cut();
  /// Closes with a TCP reset, after all that was sent has arrived.
  void reset();
  /// Closes in order (FIN); reads on for 2 s at most, so that no reset overtakes what was sent.
  void finish();
  void close();

 private:
  bool fill();
  std::optional<std::string> read_until(std::string_view end);

  lifeline& life_;
  int fd_ = -1;
  std::string buffer_;
  bool was_reset_ = false;
  std::atomic<std::int64_t> read_limit_;
};

} // namespace weir::fakes::net
