#pragma once

#include "offload/process/ring_layout.hpp"
#include "offload/process/shared_region.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace weir::detail {

/// One job for a worker. `thunk` and `payload` together: at most `inline_bytes`; a larger payload lies in the arena.
struct ring_request {
  std::uint64_t id = 0; ///< not 0, and never used before in this ring
  std::uint32_t flags = 0;
  std::span<const std::byte> thunk;   ///< which function; what it means is the pool's business
  std::span<const std::byte> payload; ///< its arguments
  std::uint64_t arena_offset = 0;
  std::uint64_t arena_length = 0; ///< not 0: the payload is there, and `payload` is empty
  std::uint32_t buffers = 0;      ///< entries of the table behind the payload, see packed_call.hpp
};

/// A worker's answer, copied out of the shared memory and checked as far as the ring can tell: it belongs to the oldest
/// job that was not retracted, and its length fits. Everything else in it is the worker's word.
struct ring_reply {
  std::uint64_t id = 0;
  std::uint32_t flags = 0;
  std::uint32_t payload_bytes = 0;
  std::uint64_t area_offset = 0; ///< checked by result_area::adopt
  std::uint64_t area_length = 0;
  std::uint32_t buffers = 0;
  alignas(8) std::array<std::byte, inline_bytes> bytes;

  std::span<const std::byte> payload() const noexcept { return {bytes.data(), payload_bytes}; }
};

/// The parent's end of the rings of one worker: requests there, replies back, in the order of the requests.
///
/// The worker may write anything anywhere into this memory at any time. So whatever matters is kept in the parent's own
/// memory, a request is never read back, and of a reply each word is read once, into a copy that is then checked. The
/// worst that a worker can reach is the verdict `broken`.
/// Thread-safety: the loop's thread, except `running`.
class job_ring {
 public:
  /// `depth` requests at most are under way: 1 to 64. What waits here can be retracted, so that a deep ring costs
  /// nobody's turn; it is what hides the worker's wake-up when jobs are tiny. Fails: errc::unavailable,
  /// errc::invalid_argument.
  explicit job_ring(std::uint32_t depth = 32);

  /// What job_ring_end maps; size_bytes() goes with it.
  int descriptor() const noexcept { return memory_->descriptor(); }
  std::size_t size_bytes() const noexcept { return memory_->size_bytes(); }

  /// Adds a request. It may start at once where the worker is awake; call notify() when all of a turn are in.
  /// Returns false where the ring is full. Fails: errc::invalid_argument where it does not fit into a slot.
  bool push(const ring_request& request);
  /// Makes sure that the worker looks. Cost: a store; a system call where it sleeps.
  void notify() noexcept;
  /// Whether push would find room. A retracted job's slot is free only once all earlier ones are finished.
  bool has_room() const noexcept { return tail_ - oldest_ < view_.depth; }
  /// Jobs that were neither answered nor retracted.
  std::uint32_t outstanding() const noexcept { return live_; }
  std::vector<std::uint64_t> outstanding_ids() const;

  /// Takes a job back. Returns whether it never starts: false once the worker has taken it, or it is unknown.
  bool retract(std::uint64_t id) noexcept;
  /// Sets the stop flag that the job sees. Returns false where it is not outstanding.
  bool cancel(std::uint64_t id) noexcept;
  /// Whether the worker says that it has taken the job.
  bool started(std::uint64_t id) const noexcept;
  /// No more jobs: the worker's wait_take returns nothing once it is idle.
  void close() noexcept;

  enum class verdict { nothing, reply, broken };
  /// Takes the next reply. `broken`: the worker does not keep to the rules; end it. Nothing more is read then.
  verdict pop(ring_reply& into) noexcept;
  /// Whether pop would return something other than `nothing`. Cost: a load of a word that seldom changes.
  bool has_news() const noexcept;
  /// What was wrong, in words; nullptr while nothing is.
  const char* broken_because() const noexcept { return broken_; }

  /// The job that the worker says it is at, for its output; 0: none. Thread-safety: any thread.
  std::uint64_t running() const noexcept;
  /// The crash slot as it is now.
  void copy_crash_slot(std::span<std::byte> into) const noexcept;

  const ring_view& view() const noexcept { return view_; }
  /// All of it, as job_ring_end takes it.
  std::span<std::byte> mapped() const noexcept { return {memory_->data(), memory_->size_bytes()}; }
  /// For result_area: keeps the memory alive.
  const std::shared_ptr<shared_region>& memory() const noexcept { return memory_; }

 private:
  struct entry {
    std::uint64_t id = 0;
    bool live = false;
  };
  entry& at(std::uint64_t position) noexcept { return jobs_[position % view_.depth]; }
  const entry& at(std::uint64_t position) const noexcept { return jobs_[position % view_.depth]; }
  /// The position of a live job; tail_ where there is none.
  std::uint64_t find(std::uint64_t id) const noexcept;
  void forget(std::uint64_t position) noexcept;
  verdict broken(const char* why) noexcept;
  std::uint64_t stale_word() const noexcept;

  std::shared_ptr<shared_region> memory_;
  ring_view view_;
  std::vector<entry> jobs_;
  std::uint64_t tail_ = 0;    ///< position of the next request
  std::uint64_t oldest_ = 0;  ///< of the oldest live one, or tail_
  std::uint64_t replies_ = 0; ///< position of the next reply
  std::uint32_t live_ = 0;
  const char* broken_ = nullptr;
};

} // namespace weir::detail
