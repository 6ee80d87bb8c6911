#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace weir {

/// What a sandboxed worker may do. As it stands: compute, use its memory, and speak over the descriptors that it was
/// given. Files, network, other processes and programs, threads and executable memory are denied; the three layers
/// (seccomp, Landlock, empty namespaces without capabilities) each deny what the others might let through.
struct sandbox_options {
  /// Files and folders that it may open for reading, by absolute path, beside nothing. Each must exist. Given any, the
  /// worker can also learn names, sizes and times (not contents) of other files that its user could look up.
  std::vector<std::string> read_only_paths;
  /// Private memory that it may take beyond what it holds on entering; 0: no limit. What it asks for beyond that throws
  /// std::bad_alloc there. Not enforced under AddressSanitizer and its kin.
  std::uint64_t memory_limit_bytes = std::uint64_t{1} << 30;
  /// CPU time of the process, from entering to its end (not per job: a worker that serves many jobs wants a deadline
  /// for each instead); it is killed when it has used it up. 0: no limit. Full seconds, rounded up.
  std::chrono::seconds cpu_limit{0};
  /// Up to where a file that it was given may grow by its writes; 0: not at all. Pipes and sockets do not count.
  std::uint64_t max_file_bytes = 0;
  /// Descriptor numbers are below this, those that it is sent included.
  int max_descriptors = 64;
  /// Threads may be started. Denied, std::thread throws std::system_error.
  bool allow_threads = false;
  /// A fresh process for each job: a worker that one input took over never sees the next one. Costs the fork.
  bool one_shot = false;
  /// Fail where the kernel grants less than seccomp, Landlock and no_new_privs; false: take what there is and say so.
  bool required = true;
};

/// What the kernel grants to this process for a sandbox.
struct sandbox_support {
  bool no_new_privs = false;
  bool seccomp = false;
  int landlock_abi = 0;         ///< 0: none; 1: files; 4: also TCP; 6: also signals and abstract sockets
  bool user_namespaces = false; ///< a worker loses every capability, root's too
  bool empty_network = false;   ///< a network namespace without interfaces
  bool empty_root = false;      ///< a root folder that shows nothing of the file system

  /// What `sandbox_options::required` insists on. Namespaces are a bonus: containers often forbid them.
  bool sufficient() const noexcept { return no_new_privs && seccomp && landlock_abi >= 1; }
};

/// Returns what was found by trying it in a forked child; asked of the kernel once per process.
/// Thread-safety: any thread. Cost: one fork the first time.
const sandbox_support& probe_sandbox();

/// Returns one sentence for a log, for example "Sandbox: seccomp, Landlock 7 (files, TCP, signals), user namespace,
/// empty network, empty root."; what is missing is named.
std::string to_string(const sandbox_support& support);

} // namespace weir
