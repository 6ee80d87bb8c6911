#pragma once

#include "offload/process/protocol.hpp"
#include "offload/process/worker.hpp"

#include <weir/offload/detail/sandbox_entry.hpp>

#include <sys/types.h>

namespace weir::detail {

/// In the zygote, once: where the texts lie that ps shows, and the environment that came with the program.
void remember_arguments(int argc, char** argv) noexcept;

/// What a new worker gets from its zygote.
struct worker_order {
  const worker_request& request;
  worker_main entry;
  const prepared_sandbox* sandbox; ///< where request.sandbox is set
  pid_t zygote;
  std::vector<unique_fd>& fds; ///< stdout, stderr, the channel, ...: ascending numbers, all above zygote_socket
};

/// In the child after the fork: makes it a worker and runs `entry`.
[[noreturn]] void run_worker(const worker_order& order) noexcept;

/// Descriptors of the zygote that its workers need before they close what is not theirs have this number or a higher
/// one: those of the worker are below.
inline constexpr int first_high_fd = 64;

} // namespace weir::detail
