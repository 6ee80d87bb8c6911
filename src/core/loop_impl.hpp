#pragma once

#include "core/inbox.hpp"
#include "core/timer_heap.hpp"

#include <weir/core/detail/linger.hpp>
#include <weir/core/detail/manual_time.hpp>
#include <weir/core/detail/scope.hpp>
#include <weir/core/loop.hpp>
#include <weir/core/unique_fd.hpp>

#include <sys/epoll.h>

#include <array>
#include <map>
#include <vector>

namespace weir {

namespace detail {

/// Tells a watching thread whether the loop is at work: odd while it is. See monitor.hpp.
struct heartbeat {
  std::atomic<std::uint64_t> beat{0};
  std::atomic<bool> parked{false};
  callback<void()> unpark;

  void turn() noexcept { beat.store(beat.load(std::memory_order_relaxed) + 2, std::memory_order_relaxed); }
  void change() noexcept {
    beat.store(beat.load(std::memory_order_relaxed) + 1);
    if (parked.load()) unpark();
  }
};

} // namespace detail

struct loop::impl {
  static constexpr int max_events = 128;

  unique_fd epoll{::epoll_create1(EPOLL_CLOEXEC)};
  std::shared_ptr<detail::inbox> inbox = std::make_shared<detail::inbox>();
  detail::timer_heap timers;
  std::uint64_t timers_fired = 0;
  loop* outer = nullptr;
  std::map<const void*, std::shared_ptr<void>> locals;
  std::vector<callback<void(std::string&)>> reports;
  detail::list<detail::scope, detail::in_parent> roots;
  std::vector<detail::loop_source*> sources;
  detail::linger linger{.grown = 5};
  detail::heartbeat* heartbeat = nullptr;
  /// Called when nothing can run any more and has not for `patience`; see loop::is_stuck.
  callback<void()> on_stuck;
  std::chrono::milliseconds patience{1000};
  std::uint64_t stuck_at = static_cast<std::uint64_t>(-1); ///< `resumed_` at the last look
  unsigned stuck_looks = 0;                                ///< how often it looked stuck since
  // For a host: a timer that makes the descriptor readable.
  unique_fd alarm;
  detail::watch_node alarm_watch;
  // The events of this turn; `forget` blanks those of a watch that dies meanwhile.
  std::array<epoll_event, max_events> events{};
  int event_count = 0;
  int next_event = 0;
};

} // namespace weir
