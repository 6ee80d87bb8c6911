#pragma once

#include "offload/process/ring_layout.hpp"
#include "offload/process/shared_region.hpp"

#include <weir/core/detail/linger.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace weir::detail {

/// A job as the worker sees it. The spans lie in the shared memory: the parent does not touch them before the reply.
struct taken_job {
  std::uint64_t id = 0;
  std::uint32_t flags = 0;
  std::uint32_t buffers = 0;
  std::span<const std::byte> thunk;
  std::span<const std::byte> payload; ///< empty where it is in the arena
  std::uint64_t arena_offset = 0;
  std::uint64_t arena_length = 0;
};

/// The worker's end of a job_ring. It believes what its parent wrote.
/// Thread-safety: one thread, except `stop_requested` and `wait_for_stop`.
class job_ring_end {
 public:
  /// Maps the ring; the descriptor may be closed afterwards. `linger`: how long to poll for the next job before
  /// sleeping, see linger.hpp; 0 where there is one CPU. Fails: errc::unavailable.
  job_ring_end(int descriptor, std::size_t size_bytes, std::chrono::nanoseconds linger);

  /// The same where it is mapped already, and stays so. (In a thread of the parent: a race detector then sees both ends
  /// in one place.)
  job_ring_end(std::span<std::byte> mapped, std::chrono::nanoseconds linger);

  /// Takes the next job, in the order in which they were pushed; those that were retracted are left out.
  /// Each taken job is finished by complete() before the next is taken.
  std::optional<taken_job> try_take() noexcept;
  /// Waits for one: polls, then sleeps. Returns nothing once the parent has closed the ring.
  std::optional<taken_job> wait_take() noexcept;

  /// Whether the parent wants the job that was taken last to stop. Thread-safety: any thread, until complete().
  bool stop_requested() const noexcept;
  /// Sleeps until it does, or `limit` is over; returns stop_requested(). Thread-safety: any thread.
  bool wait_for_stop(std::chrono::nanoseconds limit) const noexcept;

  /// Where a small reply is written, `inline_bytes`.
  std::span<std::byte> reply_room() noexcept;
  /// Answers the job: with the first `payload_bytes` of reply_room(), or what lies in the result area.
  /// Pull the bell_rope afterwards.
  void complete(std::uint32_t payload_bytes, std::uint32_t flags = 0, std::uint32_t buffers = 0) noexcept;
  void complete_in_area(std::uint64_t offset, std::uint64_t length, std::uint32_t flags = 0,
                        std::uint32_t buffers = 0) noexcept;

  /// 4096 bytes for a crash_record.
  std::byte* crash_slot() const noexcept { return view_.crash(); }
  ring_returns& returns() const noexcept { return view_.returns(); }
  std::uint64_t sleeps() const noexcept { return sleeps_; }

 private:
  void publish(std::uint64_t offset, std::uint64_t length, std::uint32_t payload_bytes, std::uint32_t flags,
               std::uint32_t buffers) noexcept;
  bool anything() noexcept;
  void look(std::span<std::byte> mapped, std::chrono::nanoseconds linger);

  shared_region memory_;
  ring_view view_;
  linger patience_;
  std::uint64_t head_ = 0;    ///< position of the next request
  std::uint64_t replies_ = 0; ///< position of the next reply
  std::uint64_t sleeps_ = 0;
  std::uint64_t id_ = 0;
};

} // namespace weir::detail
