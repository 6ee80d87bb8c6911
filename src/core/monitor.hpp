#pragma once

#include "core/loop_impl.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string_view>
#include <thread>

namespace weir {

/// A thread that notices when a loop does not turn for longer than `limit`, while it still does not, and says after
/// which co_await. It sleeps when the loop does: an idle program is not woken. Time in which the system ran something
/// else in the loop's place does not count.
class loop_monitor {
 public:
  using sink = callback<void(std::string_view)>;

  /// Made and destroyed on the loop's thread.
  loop_monitor(loop& owner, std::chrono::milliseconds limit, sink report);
  ~loop_monitor();

 private:
  void watch();
  void look(std::uint64_t beat);
  std::chrono::nanoseconds run_queue_delay() const noexcept;

  loop& loop_;
  const std::chrono::milliseconds limit_;
  const sink report_;
  const std::atomic<std::source_location>* const place_; ///< of the loop's thread
  const int thread_id_;
  detail::heartbeat heart_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stop_ = false;
  // The watching thread's own.
  std::uint64_t busy_beat_ = 0;
  clock::time_point busy_since_{};
  std::chrono::nanoseconds delay_before_{0};
  bool reported_ = false;
  std::thread thread_;
};

} // namespace weir
