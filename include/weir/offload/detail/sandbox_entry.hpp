#pragma once

#include <weir/core/unique_fd.hpp>
#include <weir/offload/sandbox.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace weir::detail {

/// The system call filter of one set of options, ready for the kernel.
class sandbox_filter {
 public:
  sandbox_filter() = default;
  explicit sandbox_filter(std::vector<std::uint64_t> code) : code_(std::move(code)) {}

  /// Number of filter instructions; 0: no filter could be made here.
  std::size_t size() const noexcept { return code_.size(); }
  std::span<const std::uint64_t> code() const noexcept { return code_; }

 private:
  std::vector<std::uint64_t> code_; // struct sock_filter, 8 bytes each
};

/// What the workers of one set of options have in common, made once: to make a network namespace takes half a
/// millisecond and more to clear away, to enter one that exists a few microseconds.
struct prepared_sandbox {
  sandbox_filter filter;
  unique_fd user, network, ipc; ///< empty namespaces; none where they are not granted
};

/// Makes it. Call it once, in the zygote, and use it in every worker: it is not bound to a process.
/// Fails: invalid_argument where read_only_paths holds a path that is not absolute; unsupported where the system lacks
/// the means and `options.required` is set (the text names what is missing).
/// Cost: about 2 ms, a short-lived child, three descriptors.
prepared_sandbox prepare_sandbox(const sandbox_options& options);

/// What enter_sandbox did.
struct sandbox_report {
  sandbox_support applied;
  bool memory_limited = false;
  /// What was wanted and not granted, in words; empty: everything.
  std::vector<std::string> missing;
};

/// Shuts the calling process in, for good. All descriptors but `keep_fds` are closed, 0 to 2 too where not named.
/// Call it after everything that opens files (preload, install_crash_handlers), while the process has one thread.
/// A kept datagram or network socket is refused (it could be sent elsewhere); pipes, eventfds, memfds and connected
/// Unix stream or seqpacket sockets are fine. Leave the process with _exit, not exit.
/// Returns what was applied. Fails: unsupported where something required was not granted, invalid_argument for a kept
/// descriptor or a path that cannot be allowed, errno_error else. After a failure the process is half shut in: end it.
/// Cost: 0.2 ms (bench/sandbox.cpp); 1 ms where `prepared` brings no namespaces, since it makes its own then.
sandbox_report enter_sandbox(const sandbox_options& options, std::span<const int> keep_fds,
                             const prepared_sandbox& prepared);

/// Limits the private memory of the calling process to what it holds plus `bytes`, sandboxed or not.
/// Returns false where that cannot be enforced: with a sanitizer's shadow memory. Shared memory does not count; in the
/// sandbox none can be made.
bool limit_memory(std::uint64_t bytes);

} // namespace weir::detail
