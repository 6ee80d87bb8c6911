#pragma once

#include <weir/core/error.hpp>

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace weir {

/// Whose job it was, and what is left of its process.
struct job_trace {
  std::string function;             ///< the name of the function that was run
  pid_t pid = 0;                    ///< of the worker that is gone
  std::string last_output;          ///< the end of what it wrote to stdout and stderr, at most 4 KiB; not to be trusted
  std::uint64_t resident_bytes = 0; ///< memory when last seen; 0: unknown
};

/// The job failed because its process did: the other jobs and the pool go on. Catch this one, or one of those below.
class process_error : public error {
 public:
  static constexpr std::size_t max_output_bytes = 4096;

  /// The name of the function that was run.
  const std::string& function() const noexcept { return trace_.function; }
  pid_t pid() const noexcept { return trace_.pid; }
  /// Bytes of the job, unchecked: escape them before they go to a terminal.
  const std::string& last_output() const noexcept { return trace_.last_output; }
  std::uint64_t resident_bytes() const noexcept { return trace_.resident_bytes; }

 protected:
  process_error(errc code, const std::string& message, job_trace trace);

 private:
  job_trace trace_;
};

/// How a process was ended by a signal.
struct crash_facts {
  int signal = 0;
  bool core_dumped = false;
  std::optional<std::uint64_t> fault_address; ///< which address could not be used, where the signal has one
  bool stack_overflow = false;                ///< a guess: the address lies next to the stack's end
  std::vector<std::string> trace;             ///< "#0 function+0x12 (file)", innermost first; may be empty
};

/// A signal ended the worker: a bug in the function, the kernel's out-of-memory killer, or the sandbox (SIGSYS).
/// errc::job_failed.
class worker_crashed : public process_error {
 public:
  worker_crashed(job_trace job, crash_facts facts);

  int signal() const noexcept { return facts_.signal; }
  /// "SIGSEGV".
  std::string signal_name() const;
  const crash_facts& facts() const noexcept { return facts_; }

 private:
  crash_facts facts_;
};

/// The function left its process by itself: it called exit, or the like. errc::job_failed.
class worker_exited : public process_error {
 public:
  worker_exited(job_trace job, int exit_code);
  int exit_code() const noexcept { return exit_code_; }

 private:
  int exit_code_;
};

/// The job wanted more memory than it may have. errc::too_large.
class job_memory_limit : public process_error {
 public:
  job_memory_limit(job_trace job, std::uint64_t limit_bytes);
  std::uint64_t limit_bytes() const noexcept { return limit_bytes_; }

 private:
  std::uint64_t limit_bytes_;
};

/// The job was not done in the time allowed; its process was killed. errc::timeout.
class job_timeout : public process_error {
 public:
  job_timeout(job_trace job, std::chrono::milliseconds limit);
  std::chrono::milliseconds limit() const noexcept { return limit_; }

 private:
  std::chrono::milliseconds limit_;
};

/// No worker could be started for the job; it has not begun. errc::unavailable.
class worker_unavailable : public process_error {
 public:
  worker_unavailable(std::string function, const std::string& reason);
};

/// The pool was shut down before the job was done. errc::unavailable.
class pool_closed : public process_error {
 public:
  explicit pool_closed(std::string function);
};

/// The function killed so many workers lately that it is not run for a while; the job has not begun. errc::unavailable.
class function_suspended : public process_error {
 public:
  /// `last_reason`: what() of the last death.
  function_suspended(std::string function, int deaths, std::chrono::milliseconds retry_after,
                     const std::string& last_reason);
  int deaths() const noexcept { return deaths_; }
  std::chrono::milliseconds retry_after() const noexcept { return retry_after_; }

 private:
  int deaths_;
  std::chrono::milliseconds retry_after_;
};

/// Returns "SIGSEGV" for 11, "signal 99" for one without a name.
std::string signal_name(int number);

} // namespace weir
