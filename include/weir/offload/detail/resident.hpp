#pragma once

#include <weir/core/unique_fd.hpp>

#include <sys/types.h>

#include <cstdint>
#include <optional>

namespace weir::detail {

/// Memory of a process that is in RAM.
struct resident {
  std::uint64_t total_bytes = 0;
  /// Without files and shared memory: what the process took for itself, and what it still shares with the one that it
  /// was forked from. A worker's growth is the difference to what it had at first.
  std::uint64_t private_bytes = 0;
};

/// Watches one process. It keeps the process's statm open, so that a later one with the same number is not mistaken for
/// it. statm, not smaps_rollup: that one walks the page tables, which takes milliseconds per GiB and holds the
/// process's memory lock; the exact share of copy-on-write pages is not worth it ten times a second.
/// Thread-safety: none. Cost: one descriptor; bytes() is one read of about 1 us.
class resident_watch {
 public:
  /// A process that is gone already gives nothing.
  explicit resident_watch(pid_t pid);

  /// Returns what it holds; nothing once it has ended.
  std::optional<resident> read() const;

 private:
  unique_fd statm_;
};

/// Returns the memory in RAM of a process, once: resident_watch without keeping it.
std::optional<std::uint64_t> resident_bytes(pid_t pid);

} // namespace weir::detail
