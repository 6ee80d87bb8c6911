#pragma once

#include <chrono>

namespace weir::detail {

/// How long to poll for what another thread sends before sleeping, and whether that has paid of late.
struct linger {
  std::chrono::nanoseconds at_most{0};
  unsigned misses = 0;
  unsigned skip = 0;

  /// Polls `ready` for `at_most`; once only where polling was in vain too often: it is left out for a while that
  /// doubles with each miss. Returns what `ready` returned last.
  template <class Ready>
  bool poll(Ready&& ready) noexcept {
    if (at_most.count() == 0) return ready();
    if (skip > 0) {
      --skip;
      return ready();
    }
    const auto until = std::chrono::steady_clock::now() + at_most;
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
    } while (std::chrono::steady_clock::now() < until);
    constexpr unsigned most = 10;
    constexpr unsigned tolerated = 3;
    misses = misses < most ? misses + 1 : most;
    skip = misses < tolerated ? 0 : 1u << misses;
    return false;
  }
};

} // namespace weir::detail
