#pragma once

#include <weir/offload/detail/crash_report.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// A worker process, seen from inside.
namespace weir::detail {

/// The part of a worker's channel that this layer uses; the parent says where it lies (64-byte aligned). To the parent
/// its contents are hostile.
struct worker_slot {
  enum phase : std::uint32_t { starting, running, failed };

  crash_record crash;
  std::uint64_t job = 0;      ///< the job that runs now, for the lines that it prints: set_job
  std::uint32_t progress = 0; ///< a phase
  char failure[256] = {};     ///< why it could not start working

  /// In the worker. Cost: one store.
  void set_job(std::uint64_t id) noexcept { std::atomic_ref(job).store(id, std::memory_order_relaxed); }
  /// In either process.
  std::uint64_t current_job() noexcept { return std::atomic_ref(job).load(std::memory_order_relaxed); }
};

/// What a worker begins with.
struct worker_context {
  std::span<std::byte> channel; ///< the file behind fds[0], mapped whole, shared with the parent
  std::span<const int> fds;     ///< those that the parent passed, in its order, under their numbers here
  worker_slot* slot = nullptr;  ///< within channel
  bool sandboxed = false;
  std::vector<std::string> sandbox_missing; ///< what was wanted of the sandbox and not granted, in words
};

/// The life of a worker: runs until it is killed; returning from it ends the process with exit code 0. It is the only
/// thread. Signals that people send to a whole group or service (INT, TERM, HUP, QUIT, USR1, USR2) and SIGPIPE are
/// ignored. Descriptors: 0 is /dev/null, 1 and 2 go to the parent, then `fds`; there are no others. stdout is
/// line-buffered. It dies with its zygote and its zygote with the parent; its process group, which is its own, dies
/// with it.
using worker_main = void (*)(worker_context& context);

/// In a zygote or worker: what ps and top show; at most 200 bytes, the last 15 of them as the thread's name. Elsewhere:
/// does nothing. Cost: one system call, below 1 us.
void set_process_title(std::string_view text) noexcept;

} // namespace weir::detail
