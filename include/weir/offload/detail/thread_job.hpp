#pragma once

#include <weir/core/context.hpp>
#include <weir/core/detail/list.hpp>
#include <weir/core/detail/scope.hpp>
#include <weir/core/loop.hpp>
#include <weir/offload/thread_limiter.hpp>

#include <atomic>
#include <exception>
#include <memory>

namespace weir::detail {

struct in_lane;

/// A function for a pool thread, and where its end is reported. It is the queue's node: it lives in the frame of the
/// coroutine that waits for it (on the heap where it may be abandoned).
struct thread_job : list_hook<in_lane> {
  /// On the thread: calls the function, keeps the outcome, destroys the function.
  void (*perform)(thread_job*) noexcept = nullptr;
  /// Posted to the loop when that is done.
  ready_node* arrival = nullptr;
  /// On the thread, instead, when the loop is gone; may destroy the job.
  void (*orphaned)(thread_job*) noexcept = nullptr;
  /// On the loop: no thread could be had.
  void (*refused)(thread_job*, std::exception_ptr why) noexcept = nullptr;

  lane* where = nullptr;
  loop* home = nullptr; ///< alive until the arrival, or:
  loop_address address; ///< set where the job may outlive its loop
  const context_frame* context = nullptr;
  scope* caller = nullptr;     ///< the scope of the waiting coroutine; nullptr where it may be abandoned
  const void* limit = nullptr; ///< the limiter that it was asked to run under
  clock::time_point queued_at{};
  bool handed_over = false;           ///< to the pool; the loop's thread only
  std::atomic<bool> cancelled{false}; ///< the caller was asked to stop
};

/// Hands `job` to the pool, together with the others of this round. The loop's thread.
void submit(thread_job& job);

/// Takes `job` back. Returns false where a thread has taken it already. The loop's thread.
bool retract(thread_job& job) noexcept;

/// Keeps a lane alive for a job that may outlive its limiter.
std::shared_ptr<lane> keep(lane& where);

/// The lane of jobs that the pool does not count.
lane& unlimited_lane() noexcept;

/// Where a job is to run: in a lane, after a permit of a plain limiter where there is one.
struct thread_place {
  lane* where = nullptr;
  limiter* before = nullptr;
  const void* limit = nullptr;
};

/// Finds the place for the limiter that was asked for: its own, or, inside of a call from a thread that counts there
/// already (run_on_loop), the one that was lent.
thread_place place_for(const any_limiter& asked, const context_frame* context);

/// The job that runs on this thread, or nullptr.
inline thread_local constinit thread_job* current_job = nullptr;

/// What `thread_job::perform` does around the function.
class running_job {
 public:
  explicit running_job(thread_job& job) noexcept {
    current_job = &job;
    thread_context = job.context;
  }
  ~running_job() {
    current_job = nullptr;
    thread_context = nullptr;
  }
  running_job(const running_job&) = delete;
  running_job& operator=(const running_job&) = delete;
};

/// The failure as the caller gets it: `cancelled` out of a function whose caller was not cancelled is an error, since
/// it would pass for a cancellation that nobody asked for.
std::exception_ptr failure_of(const thread_job& job) noexcept;

} // namespace weir::detail
