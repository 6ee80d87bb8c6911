#pragma once

#include <algorithm>
#include <chrono>

namespace weir::detail {

/// How long to poll for what another thread sends before sleeping, and whether that has paid of late.
///
/// A wake-up that crosses to a halted processor takes longer than `at_most`, so that two sides which poll no longer
/// than that may miss each other for ever: each has gone to sleep before the other's answer is there, and the answer
/// is late because the other had gone to sleep. So who waits for an answer may grow its poll: where a wait that ended
/// asleep was a short one, the next polls last `grown` times as long. That is about what a sleep and a wake-up cost, so
/// that even where it is in vain it at most doubles the cost (competitive spinning: Karlin, Li, Manasse, Owicki,
/// "Empirical studies of competitive spinning for a shared-memory multiprocessor", 1991). A long wait takes it back, and
/// so does much work between two waits: beside that a wake-up counts for little.
struct linger {
  using clock = std::chrono::steady_clock;

  std::chrono::nanoseconds at_most{0};
  int grown = 1;
  bool is_grown = false;
  unsigned misses = 0;
  unsigned skip = 0;
  clock::time_point began{};

  /// Polls `ready` for `at_most`, or `grown` times that; once only where polling was in vain too often: it is left out
  /// for a while that doubles with each miss. Returns what `ready` returned last.
  template <class Ready>
  bool poll(Ready&& ready) noexcept {
    if (at_most.count() == 0) return ready();
    if (skip > 0 && grown == 1) {
      --skip;
      return ready();
    }
    const auto now = clock::now();
    is_grown = is_grown && is_short(now - began);
    began = now;
    if (skip > 0) {
      --skip;
      return ready();
    }
    const auto until = began + (is_grown ? grown : 1) * at_most;
    do {
      for (int i = 0; i < 32; ++i) {
        if (ready()) {
          misses = 0;
          return true;
        }
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#endif
      }
    } while (clock::now() < until);
    constexpr unsigned most = 10;
    constexpr unsigned tolerated = 3;
    misses = misses < most ? misses + 1 : most;
    skip = misses < tolerated ? 0 : 1u << misses;
    return false;
  }

  /// What `poll` had not seen came while it slept, at `now`.
  void slept(clock::time_point now) noexcept {
    if (at_most.count() > 0 && grown > 1) is_grown = is_short(now - began);
  }

 private:
  bool is_short(std::chrono::nanoseconds time) const noexcept { return time < 2 * grown * at_most; }
};

} // namespace weir::detail
