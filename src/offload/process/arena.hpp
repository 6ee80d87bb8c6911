#pragma once

#include "offload/process/buddy.hpp"
#include "offload/process/shared_region.hpp"

#include <weir/offload/detail/buffer_block.hpp>

#include <cstddef>
#include <memory>
#include <mutex>

namespace weir::detail {

struct arena_use {
  std::size_t in_use_bytes = 0;     ///< whole pages
  std::size_t high_water_bytes = 0; ///< the most that was ever in use
  std::size_t kept_bytes = 0;       ///< given back and kept for the next, as address space
  std::size_t cap_bytes = 0;
};

/// Memory that this process writes and its workers only read: arguments, and buffers that go along by reference.
/// It is one sparse region of the full size from the start, so that a worker maps it once and it never has to grow;
/// pages are there once they are touched, and stay warm until `trim`.
/// Thread-safety: all functions. Blocks keep it alive.
class arena final : public buffer_source, public std::enable_shared_from_this<arena> {
 public:
  /// Fails: errc::unavailable.
  static std::shared_ptr<arena> make(std::size_t cap_bytes);
  /// The one that shared_buffer::make uses: its cap is half of the machine's memory. Made at its first use, never
  /// destroyed.
  static const std::shared_ptr<arena>& process();

  /// Fails: errc::too_large above the cap, errc::unavailable where others fill it: a limiter of cap_bytes, of which
  /// each caller takes footprint_bytes first, makes callers wait instead.
  block_handle make_block(std::size_t size_bytes) override;
  /// What a block counts as.
  static std::size_t footprint_bytes(std::size_t size_bytes) noexcept { return buddy::whole_pages(size_bytes); }

  /// Gives what is kept back to the system; call it when the pool has been idle for a while.
  void trim();
  arena_use use() const;

  /// What workers map, for reading only.
  int reader_descriptor() const noexcept { return reader_.get(); }
  const shared_region& region() const noexcept { return region_; }

  explicit arena(std::size_t cap_bytes);

 private:
  class block;
  void trim_locked();
  void release(std::size_t offset, std::size_t size_bytes) noexcept;

  mutable std::mutex mutex_;
  std::size_t cap_bytes_;
  buddy books_;
  shared_region region_;
  unique_fd reader_;
  arena_use use_;
};

} // namespace weir::detail
