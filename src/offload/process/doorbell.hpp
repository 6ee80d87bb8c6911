#pragma once

#include "offload/process/shared_region.hpp"

#include <atomic>
#include <cstdint>

namespace weir::detail {

/// How workers wake the loop that waits for their replies: one for all workers of a pool. Replies are looked for
/// without it; it only ends a sleep.
///
/// Workers can read the page that says whether the loop sleeps, and write into a pipe. So a hostile one can wake the
/// loop for nothing, but not keep the others from waking it: it cannot clear what says "asleep", nor take the others'
/// bytes out of the pipe, as it could with an eventfd.
/// Thread-safety: the loop's thread.
class doorbell {
 public:
  /// Fails: errc::unavailable.
  doorbell();

  /// Readable once a worker has rung; level- or edge-triggered.
  int descriptor() const noexcept { return listen_.get(); }
  /// Empties the pipe.
  void drain() const noexcept;

  /// From now on workers ring, each once. Look for replies once more (job_ring::has_news) before really sleeping.
  void sleep() noexcept;
  /// From now on they do not.
  void awake() noexcept;

  /// What a worker needs: the descriptors of bell_rope.
  int page_descriptor() const noexcept { return reader_.get(); }
  int rope_descriptor() const noexcept { return rope_.get(); }

 private:
  friend class bell_rope;
  shared_region page_;
  unique_fd reader_, listen_, rope_;
  std::uint64_t turn_ = 0;
};

/// The worker's end of it.
class bell_rope {
 public:
  /// Keeps `rope`, and nothing of `page_descriptor`. Fails: errc::unavailable.
  bell_rope(int page_descriptor, unique_fd rope);

  /// The rope of a worker that is a thread of the parent.
  bell_rope(const doorbell& here, unique_fd rope);

  /// Wakes the loop if it sleeps, after a reply was left with job_ring_end::complete.
  /// Cost: a load; a system call where the loop sleeps, once each time that it does.
  void ring() noexcept;
  int descriptor() const noexcept { return rope_.get(); }

 private:
  shared_region page_;
  const std::atomic<std::uint64_t>* number_;
  unique_fd rope_;
  std::uint64_t rung_ = 0;
};

} // namespace weir::detail
