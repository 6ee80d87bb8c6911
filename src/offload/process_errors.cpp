#include <weir/offload/process_errors.hpp>

#include <fmt/format.h>

#include <csignal>
#include <cstring>
#include <utility>

namespace weir {

namespace {

std::string named(const job_trace& job) {
  return job.function.empty() ? "a job" : fmt::format("the job {}", job.function);
}

std::string in_mib(std::uint64_t bytes) { return fmt::format("{} MiB", (bytes + (1u << 19)) >> 20); }

const char* meaning(const crash_facts& facts) {
  if (facts.stack_overflow) return "its stack overflowed: too deep a recursion, or large arrays as local variables";
  switch (facts.signal) {
  case SIGSEGV:
  case SIGBUS:
    return "it used an invalid address";
  case SIGFPE:
    return "an integer was divided by zero, or the like";
  case SIGILL:
    return "it ran an invalid instruction";
  case SIGABRT:
    return "it called abort, as a failed assertion and an uncaught exception do";
  case SIGSYS:
    return "it made a system call that the sandbox forbids";
  case SIGXCPU:
    return "its CPU time was used up";
  case SIGKILL:
    return "somebody killed it, most often the kernel for want of memory";
  default:
    return "somebody sent it that signal";
  }
}

const char* advice(const crash_facts& facts) {
  switch (facts.signal) {
  case SIGKILL:
    return "Look into the kernel's log, and run fewer or smaller jobs at a time";
  case SIGSYS:
    return "Hostile input does that; if it was yours, run the function without the sandbox";
  case SIGXCPU:
    return "Give it less work or a larger limit";
  default:
    return facts.trace.empty() ? "Its last output may say more" : "See its trace and last output";
  }
}

std::string crash_text(const job_trace& job, const crash_facts& facts) {
  std::string text = fmt::format("{} crashed its worker process {} with {}: {}", named(job), job.pid,
                                 signal_name(facts.signal), meaning(facts));
  if (facts.fault_address && !facts.stack_overflow) text += fmt::format(" (at {:#x})", *facts.fault_address);
  if (facts.core_dumped) text += "; a core file was written";
  return text + fmt::format(". {}. Other jobs are not affected", advice(facts));
}

std::string memory_text(const job_trace& job, std::uint64_t limit) {
  std::string text = fmt::format("{} wanted more memory than its limit of {}", named(job), in_mib(limit));
  if (job.resident_bytes > 0) text += fmt::format(" (its process held {})", in_mib(job.resident_bytes));
  return text + ". Give it a smaller input, or raise the memory limit";
}

} // namespace

std::string signal_name(int number) {
  const char* name = ::sigabbrev_np(number);
  return name ? fmt::format("SIG{}", name) : fmt::format("signal {}", number);
}

process_error::process_error(errc code, const std::string& message, job_trace trace)
    : error(code, message), trace_(std::move(trace)) {
  std::string& output = trace_.last_output;
  if (output.size() > max_output_bytes) output.erase(0, output.size() - max_output_bytes);
}

worker_crashed::worker_crashed(job_trace job, crash_facts facts)
    : process_error(errc::job_failed, crash_text(job, facts), std::move(job)), facts_(std::move(facts)) {}

std::string worker_crashed::signal_name() const { return weir::signal_name(facts_.signal); }

worker_exited::worker_exited(job_trace job, int exit_code)
    : process_error(
          errc::job_failed,
          fmt::format("{} ended its worker process {} with exit code {} instead of returning. A function that "
                      "is run in a process must return or throw, and not call exit",
                      named(job), job.pid, exit_code),
          std::move(job)),
      exit_code_(exit_code) {}

job_memory_limit::job_memory_limit(job_trace job, std::uint64_t limit_bytes)
    : process_error(errc::too_large, memory_text(job, limit_bytes), std::move(job)), limit_bytes_(limit_bytes) {}

job_timeout::job_timeout(job_trace job, std::chrono::milliseconds limit)
    : process_error(errc::timeout,
                    fmt::format("{} was not done within {} ms and was killed. Give it less work, or a later deadline",
                                named(job), limit.count()),
                    std::move(job)),
      limit_(limit) {}

worker_unavailable::worker_unavailable(std::string function, const std::string& reason)
    : process_error(errc::unavailable,
                    fmt::format("no worker process could be started for the job {}: {}. The job has not begun; try "
                                "again later",
                                function, reason),
                    {.function = function}) {}

pool_closed::pool_closed(std::string function)
    : process_error(errc::unavailable,
                    fmt::format("the process pool was shut down before the job {} was done", function),
                    {.function = function}) {}

function_suspended::function_suspended(std::string function, int deaths, std::chrono::milliseconds retry_after,
                                       const std::string& last_reason)
    : process_error(errc::unavailable,
                    fmt::format("{} is not run for another {} ms, because it ended {} worker processes shortly after "
                                "one another; the last time: {}",
                                function, retry_after.count(), deaths, last_reason),
                    {.function = function}),
      deaths_(deaths), retry_after_(retry_after) {}

} // namespace weir
