#pragma once

#include <weir/core/detail/manual_time.hpp>
#include <weir/core/loop.hpp>
#include <weir/core/task.hpp>

namespace weir::testing {

/// A clock that a test moves. While it exists, every sleep and time limit of its loop goes by it: an hour takes no
/// time.
///
///     weir::testing::manual_clock clock; // inside a task
///     co_await weir::sleep_for(1h);      // at once: nothing else can run, so the clock jumps to the next timer
///
/// It jumps only when nothing else can run: no task is ready, no watched descriptor has an event, no function runs on
/// another thread on behalf of this loop. What happens outside of the loop (processes, sockets, threads) takes real
/// time. For loops that `run` makes, not for an embedded_loop. Not copyable. Thread-safety: the loop's thread only.
class manual_clock {
 public:
  /// Takes the place of the real clock of the loop that is running. It begins at the real time.
  manual_clock() : manual_clock(loop::current()) {}
  explicit manual_clock(loop& owner);
  /// Gives the loop its real clock back.
  ~manual_clock();
  manual_clock(const manual_clock&) = delete;
  manual_clock& operator=(const manual_clock&) = delete;

  clock::time_point now() const noexcept { return time_.now; }

  /// Moves the clock by `span`, from timer to timer: what is due on the way runs in order, at its own time, and so does
  /// what that arms. Returns when everything that was due has run and nothing else can.
  /// Cancellation: stops where it is.
  task<void> advance(clock::duration span);

  /// Moves the clock by `span` at once, over all timers; they fire, late, in the next turn of the loop. For what
  /// `advance` cannot do: while a function runs on a thread, it would wait for that function.
  void jump(clock::duration span) noexcept { time_.now += span; }

  /// Whether the clock jumps by itself. On at first; off: only `advance` and `jump` move it, and a test in which
  /// everybody waits for a timer ends as a deadlock.
  void set_auto_advance(bool on) noexcept;

 private:
  loop& loop_;
  detail::manual_time time_;
  bool auto_ = true;
  unsigned advancing_ = 0;
};

} // namespace weir::testing
