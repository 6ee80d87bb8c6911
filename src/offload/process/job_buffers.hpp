#pragma once

#include "offload/process/job_ring_end.hpp"
#include "offload/process/packed_call.hpp"
#include "offload/process/worker_memory.hpp"

#include <weir/offload/detail/reply.hpp>

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace weir::detail {

/// One job in its worker, from the arguments to the reply:
///
///   auto job = ring.wait_take();
///   job_buffers buffers(memory, ring, *job);
///   decoder in(buffers.payload());
///   { buffer_transfer::scope journey(buffers); written = thunk(in, buffers, context); }
///   buffers.finish(written);
///   rope.ring();
///
/// Thread-safety: none.
class job_buffers final : public reply_room, public buffer_transfer {
 public:
  /// Fails: errc::internal where the request does not hold together.
  job_buffers(worker_memory& memory, job_ring_end& ring, const taken_job& job);
  job_buffers(const job_buffers&) = delete;
  job_buffers& operator=(const job_buffers&) = delete;

  std::span<const std::byte> payload() const noexcept { return payload_; }

  /// Sends the reply, which was written into the room that this gave out; empty where there was no room for anything.
  /// Fails: as make_block where the table of its buffers needs more room than there is; then nothing was sent.
  void finish(std::span<const std::byte> written, std::uint32_t flags = 0);
  /// Forgets what was written and placed: another reply follows.
  void drop_results() noexcept {
    results_.clear();
    room_.reset();
  }

  std::span<std::byte> first() noexcept override {
    if (is_copy) ::_exit(0); // before it writes where the worker itself writes
    return ring_.reply_room();
  }
  /// Set in what a function forks. Where that comes back from the function as well, it must not answer too.
  static inline bool is_copy = false;
  std::span<std::byte> more(std::size_t bytes) override;
  std::uint32_t place(const block_handle& block, bool exclusive) override;
  block_handle find(std::uint32_t number, bool exclusive) override;

 private:
  struct result {
    block_handle block; ///< as the job has it
    block_handle sent;  ///< the same, or a copy in the result area
    buffer_entry entry;
  };
  struct argument {
    buffer_entry entry;
    block_handle block; ///< what a mutable one became
  };
  bool came_with_this_job(const buffer_block& block) const noexcept;

  worker_memory& memory_;
  job_ring_end& ring_;
  block_handle large_; ///< the payload, where it is in the arena
  std::span<const std::byte> payload_;
  std::vector<argument> arguments_;
  std::vector<result> results_;
  block_handle room_;
};

} // namespace weir::detail
