#pragma once

#include "offload/process/job_ring.hpp"
#include "offload/process/shared_region.hpp"

#include <weir/offload/detail/buffer_block.hpp>

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace weir::detail {

/// The parent's side of the memory in which one worker makes its results; no other worker maps it. The worker divides
/// it up; the parent only keeps in mind, in its own memory, what it was given and still holds.
/// It lives until the last buffer in it is gone, also after the worker's end.
/// Thread-safety: all functions; a block may go on any thread.
class result_area final : public std::enable_shared_from_this<result_area> {
 public:
  /// `size_bytes`: as much memory as the worker can take in it at most; a power of two. Fails: errc::unavailable.
  static std::shared_ptr<result_area> make(const job_ring& ring, std::size_t size_bytes);

  int descriptor() const noexcept { return region_.descriptor(); }
  std::size_t size_bytes() const noexcept { return region_.size_bytes(); }

  /// Takes over what the worker says that it made. Returns nothing where that cannot be: not within the area, not at
  /// the beginning of a page, or over something that the parent still holds. The worker is broken then.
  block_handle adopt(std::uint64_t offset, std::uint64_t size_bytes);
  /// Tells the worker of blocks that went while its list was full. Call it now and then.
  void flush() noexcept;
  /// How many blocks the parent holds.
  std::size_t held() const;

  result_area(const job_ring& ring, std::size_t size_bytes);

 private:
  class block;
  void release(std::size_t offset) noexcept;
  void flush_locked() noexcept;

  mutable std::mutex mutex_;
  std::shared_ptr<shared_region> ring_memory_;
  ring_returns& returns_;
  shared_region region_;
  std::map<std::size_t, std::size_t> held_; ///< from where to where
  std::vector<std::size_t> waiting_;        ///< to be told to the worker
  std::uint64_t told_ = 0;
};

} // namespace weir::detail
