#pragma once

#include "offload/process/buddy.hpp"
#include "offload/process/ring_layout.hpp"
#include "offload/process/shared_region.hpp"

#include <weir/offload/detail/buffer_block.hpp>

#include <cstddef>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace weir::detail {

/// What a worker has of shared memory: it looks at its parent's arena, and makes results in an area of its own.
/// Thread-safety: all functions, but for `give` and `given`: the thread that runs the jobs.
class worker_memory final : public buffer_source {
 public:
  /// Maps both; the descriptors may be closed afterwards. The sizes are those of the parent's regions.
  /// Fails: errc::unavailable.
  worker_memory(int arena_descriptor, std::size_t arena_bytes, int area_descriptor, std::size_t area_bytes,
                ring_returns& returns);

  /// In the result area. Fails: errc::too_large, errc::unavailable.
  block_handle make_block(std::size_t size_bytes) override;
  /// Of the arena, read-only. Fails: errc::internal where it is not within.
  block_handle look(std::uint64_t offset, std::uint64_t size_bytes);
  /// Whether a block was made here, and where the arena's come from.
  bool made(const buffer_block& block) const noexcept { return block.home() == this; }
  bool is_argument(const buffer_block& block) const noexcept { return block.home() == &arena_; }

  /// The parent holds this block from now on.
  void give(const block_handle& block);
  /// The block at `offset` if the parent holds it.
  block_handle given(std::uint64_t offset) const;
  /// Takes back what the parent has let go of. Done before each new block; call it before a long sleep, with `trim`.
  void collect();
  /// Gives what is kept for later back to the system.
  void trim();

 private:
  class own_block;
  class foreign_block;
  void release(std::size_t offset, std::size_t size_bytes) noexcept;
  void trim_locked();

  shared_region arena_, area_;
  ring_returns& returns_;
  std::uint64_t read_ = 0;
  std::mutex mutex_;
  buddy books_;
  std::unordered_map<std::uint64_t, block_handle> given_;
};

} // namespace weir::detail
