#pragma once

#include "offload/process/arena.hpp"
#include "offload/process/host.hpp"
#include "offload/process/job_ring.hpp"
#include "offload/process/packed_call.hpp"
#include "offload/process/result_area.hpp"

#include <weir/core/event.hpp>
#include <weir/core/timer.hpp>
#include <weir/offload/detail/process_job.hpp>
#include <weir/offload/detail/resident.hpp>
#include <weir/offload/process_options.hpp>

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace weir::detail {

/// Which worker a job needs: they are alike where all of this is.
struct worker_profile {
  explicit worker_profile(const process_options& options);
  bool operator==(const worker_profile& other) const noexcept;
  bool one_shot() const noexcept { return sandbox && sandbox->one_shot; }
  std::uint64_t memory_limit() const noexcept;
  /// Whether a function that takes a stop token can be told: somebody has to wait for the word, on a thread.
  bool can_be_told() const noexcept { return !sandbox || sandbox->allow_threads; }

  std::optional<sandbox_options> sandbox;
  std::uint64_t memory_limit_bytes = 0;
};

struct pool_worker;

/// The pool's record of a call.
struct pool_job {
  pool_job(process_job& c, std::string called, std::uint64_t n, const std::shared_ptr<arena>& where);

  process_job* call; ///< nullptr: nobody waits for it any more
  const std::uint64_t number;
  const std::pair<int, std::uint64_t> rank; ///< its place in the queue: priority, downwards, and order of arrival
  const std::string label;
  const worker_profile profile;
  packed_call packed;
  pool_worker* at = nullptr; ///< nullptr: queued
  clock::time_point pushed_at{};
  int attempts = 0;
  bool timed_out = false;
  bool withdrawn = false;       ///< its caller was cancelled while it ran
  std::unique_ptr<timer> alarm; ///< the deadline, or the end of its grace
};

/// A worker and the jobs that it was sent, in their order.
struct pool_worker : std::enable_shared_from_this<pool_worker> {
  pool_worker(worker_profile kind, std::uint32_t depth);

  /// The oldest job that was not answered, if the worker has begun it.
  pool_job* begun() const noexcept;
  /// 0: its process does not exist yet, or never did.
  pid_t pid() const noexcept { return process ? process.pid() : 0; }
  /// Takes what it has written, and kills it. Where it is still being started, that is what its end will be.
  void end() noexcept;

  worker_profile profile;
  job_ring ring;
  std::shared_ptr<result_area> area;
  worker_process process;
  std::deque<std::unique_ptr<pool_job>> jobs;
  bool started = false; ///< the process exists
  event settled;        ///< it does, or why not is known
  std::string failure;  ///< why not
  bool touched = false; ///< jobs were pushed since the last notify
  bool quick = false;   ///< its jobs take so little time that several may queue in it
  bool over_limit = false;
  std::uint64_t done = 0;
  clock::time_point born;
  clock::time_point idle_since;
  clock::time_point last_reply;
  std::optional<resident_watch> memory;
  std::uint64_t first_bytes = 0; ///< private memory after the first job
};

/// The life of a worker of the pool; see worker_main. Its descriptors: ring, arena, result area, bell page, bell rope.
void pool_worker_main(worker_context& context);
constexpr std::uint32_t flag_wants_stop = 1;
constexpr std::uint32_t flag_name_in_payload = 2;

} // namespace weir::detail
