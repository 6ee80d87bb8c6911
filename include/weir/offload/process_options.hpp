#pragma once

#include <weir/core/limiter.hpp>
#include <weir/core/loop.hpp>
#include <weir/offload/sandbox.hpp>

#include <chrono>
#include <cstdint>
#include <optional>

namespace weir {

/// How a function is run in a worker process.
struct process_options {
  /// How long the call may take, waiting for a worker included. Then the function is killed with its worker, and the
  /// call fails with job_timeout.
  clock::duration deadline = clock::duration::max();
  /// How long a function that takes a std::stop_token may go on after that was set, on cancellation and at the
  /// deadline, before it is killed. One that takes none is killed at once, as is one in a sandbox without threads: they
  /// could not know.
  std::chrono::milliseconds grace{50};
  /// Those with a higher one are started first; among equals, who comes first.
  int priority = 0;
  /// May be run again where its worker died before it was done: it does no harm twice.
  bool idempotent = false;
  /// Shuts the function in: see sandbox_options.
  std::optional<sandbox_options> sandbox;
  /// Private memory that the worker may take for it; beyond that the call fails with job_memory_limit. 0: no limit. In
  /// a sandbox, where this is 0, sandbox_options::memory_limit_bytes holds.
  std::uint64_t memory_limit_bytes = 0;
  /// Counts the call beside the pool's own limit, from before it is handed over until its end.
  weir::limiter* limiter = nullptr;
};

} // namespace weir
