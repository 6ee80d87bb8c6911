#pragma once

#include "offload/process/output.hpp"
#include "offload/process/worker.hpp"

#include <weir/core/task.hpp>
#include <weir/offload/sandbox.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

/// Worker processes, seen from the parent.
namespace weir::detail {

/// How a worker ended.
struct exit_report {
  pid_t pid = 0;
  bool lost = false; ///< its zygote went first, and it with it: signal is SIGKILL, the rest is unknown
  int exit_code = 0; ///< meaningful where `signal` is 0
  int signal = 0;
  bool core_dumped = false;
  bool killed = false; ///< kill() was called, or its worker_process destroyed
  std::uint64_t max_rss_bytes = 0;
  std::string failure;     ///< why it never came to its worker_main; empty: it did. Its words, printable ASCII
  checked_crash crash;     ///< of a crash by `signal`; describe() names the frames
  std::uint64_t job = 0;   ///< which job it said it was at
  std::string last_output; ///< at most 4 KiB of both streams; not to be trusted
};

struct worker_options {
  /// What runs there: a function of this program.
  worker_main entry = nullptr;
  /// Its descriptors; the first is the channel: a memfd with F_SEAL_SHRINK, so that no worker can take the memory from
  /// under the parent. They stay the caller's; needed until start_worker returns. At most 16.
  std::vector<int> fds;
  /// The channel, mapped here from its beginning, at least as far as the slot. Stays mapped while the worker_process
  /// lives.
  std::span<std::byte> channel;
  /// Where in it the worker_slot lies: a multiple of 64.
  std::uint64_t slot_offset_bytes = 0;

  /// Set: the worker is shut in before it begins, and has no environment variables.
  std::optional<sandbox_options> sandbox;
  /// Without a sandbox: private memory beyond what it starts with, and CPU time of the process. 0: no limit.
  std::uint64_t memory_limit_bytes = 0;
  std::chrono::seconds cpu_limit{0};
  int nice = 0; ///< 0 to 19
  bool core_dumps = false;

  /// Called on the loop for each line that it prints; unset: only the end is kept, for the report. It must not throw.
  std::function<void(const output_line&)> on_output;
  /// Called on the loop once, when it is gone and all that it wrote was read. It may destroy the worker_process. It
  /// must not throw. Neither is called after the worker_process was destroyed.
  std::function<void(const exit_report&)> on_exit;
};

class process_host;
struct worker_state;

/// One worker. Destroying it kills the worker and does not wait. Movable.
/// Thread-safety: the loop's thread only.
class worker_process {
 public:
  worker_process() noexcept = default;
  worker_process(worker_process&&) noexcept;
  worker_process& operator=(worker_process&&) noexcept;
  ~worker_process();

  explicit operator bool() const noexcept { return state_ != nullptr; }
  pid_t pid() const noexcept;
  /// Becomes readable when it ends. Stays open while this lives.
  int pidfd() const noexcept;
  /// Whether its end has not been told yet.
  bool running() const noexcept;

  /// Sends SIGKILL and returns; nothing waits for a process that cannot die yet. What it started in its process group
  /// dies when it is reaped. Does nothing where it has ended. Cost: one system call.
  void kill() noexcept;
  /// Waits for its end. Cancellation: ends the wait at once; the worker goes on.
  task<exit_report> ended();
  /// Reads now what it has written so far (for a job whose reply is about to be delivered), at most 64 KiB a stream.
  void drain_output();

 private:
  friend class process_host;
  explicit worker_process(std::shared_ptr<worker_state> state) noexcept : state_(std::move(state)) {}
  std::shared_ptr<worker_state> state_;
};

struct process_counters {
  std::uint64_t zygotes_started = 0;
  std::uint64_t workers_started = 0;
  std::uint64_t workers_ended = 0;
  std::size_t lingering = 0; ///< killed by kill() or by being destroyed, and not gone yet
};

/// A loop's zygote and its workers. One per loop, since all of it hangs on descriptors that the loop watches: loops
/// share nothing and need no locks. The zygote is started at the first need and started again when it has died.
/// With the loop's end everything ends.
/// Thread-safety: the loop's thread only.
class process_host {
 public:
  /// The running loop's own.
  static process_host& current();
  process_host();
  ~process_host();
  process_host(const process_host&) = delete;
  process_host& operator=(const process_host&) = delete;

  /// Returns a worker that has been forked; it makes itself ready while the caller may already write into its channel.
  /// What goes wrong in it from there is told by its exit_report.
  /// Fails: errc::unavailable (no /proc, no memory, too many processes or descriptors), errc::unsupported (no hook
  /// before main, a threaded static initialiser, a sandbox that the system does not grant), errc::invalid_argument.
  /// Cancellation: ends the wait at once; a worker that comes all the same is killed.
  /// Cost: 0.3 ms; the first one of a loop about 3 ms more.
  task<worker_process> start_worker(worker_options options);

  /// Starts the zygote, where it is not there, so that the first worker need not wait for it. Fails: as start_worker.
  task<void> prepare();

  /// Kills all workers and the zygote and waits until the zygote is gone. Another start_worker begins anew.
  /// Cancellation: ends the wait; all is killed.
  task<void> close();

  process_counters counters() const noexcept;
  /// The zygote's process number; 0: there is none.
  pid_t zygote_pid() const noexcept;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace weir::detail
