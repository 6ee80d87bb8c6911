#include "offload/sandbox/filter.hpp"
#include "offload/sandbox/kernel.hpp"
#include "offload/sandbox/namespaces.hpp"

#include <weir/core/error.hpp>
#include <weir/core/unique_fd.hpp>
#include <weir/offload/detail/sandbox_entry.hpp>

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>

namespace weir::detail {

namespace {

void check_kept(int fd) {
  struct stat info{};
  if (::fstat(fd, &info) != 0) throw errno_error(errno, "sandbox: kept descriptor " + std::to_string(fd));
  if (!S_ISSOCK(info.st_mode)) return;
  int type = 0, domain = 0;
  socklen_t size = sizeof type;
  ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size);
  size = sizeof domain;
  ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size);
  // A datagram socket can be told another receiver with every message.
  if (domain != AF_UNIX || (type != SOCK_STREAM && type != SOCK_SEQPACKET))
    throw error(errc::invalid_argument, "sandbox: kept descriptor " + std::to_string(fd) +
                                            " is a network or datagram socket; give a pipe or a Unix stream socket");
}

void close_others(std::span<const int> keep) {
  std::vector<int> kept(keep.begin(), keep.end());
  std::sort(kept.begin(), kept.end());
  unsigned from = 0;
  const auto close_to = [&](unsigned last) {
    if (from <= last && ::syscall(SYS_close_range, from, last, 0) != 0)
      throw errno_error(errno, "sandbox: close_range");
  };
  for (int fd : kept) {
    if (fd > 0) close_to(static_cast<unsigned>(fd) - 1);
    from = std::max(from, static_cast<unsigned>(fd) + 1);
  }
  close_to(UINT_MAX);
}

void lower(__rlimit_resource which, rlim_t soft, rlim_t hard) {
  rlimit now{};
  ::getrlimit(which, &now);
  const rlimit wanted{std::min(soft, now.rlim_max), std::min(hard, now.rlim_max)};
  if (::setrlimit(which, &wanted) != 0) throw errno_error(errno, "sandbox: a resource limit");
}

void apply_limits(const sandbox_options& options) {
  lower(RLIMIT_CORE, 0, 0);
  lower(RLIMIT_NOFILE, static_cast<rlim_t>(options.max_descriptors), static_cast<rlim_t>(options.max_descriptors));
  lower(RLIMIT_FSIZE, options.max_file_bytes, options.max_file_bytes);
  ::signal(SIGXFSZ, SIG_IGN); // a write beyond is an error (EFBIG), not a death
  lower(RLIMIT_MEMLOCK, 0, 0);
  // The number counts all processes of the user, so that it cannot say "some threads". The filter denies processes.
  if (!options.allow_threads) lower(RLIMIT_NPROC, 0, 0);
  // The main stack is not part of RLIMIT_DATA: where it may grow without end, so may the worker.
  constexpr rlim_t max_stack_bytes = rlim_t{64} << 20;
  rlimit stack{};
  ::getrlimit(RLIMIT_STACK, &stack);
  if (stack.rlim_cur > max_stack_bytes) lower(RLIMIT_STACK, max_stack_bytes, max_stack_bytes);
  if (options.cpu_limit.count() > 0) {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const auto end = static_cast<rlim_t>(used.ru_utime.tv_sec + used.ru_stime.tv_sec + options.cpu_limit.count());
    lower(RLIMIT_CPU, end, end + 1); // SIGXCPU, which tells why; who ignores that is killed one second later
  }
}

// Root in a container or on a server keeps no more rights than anybody.
bool drop_capabilities() {
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const __user_cap_data_struct none[2]{};
  return ::syscall(SYS_capset, &header, none) == 0;
}

// Returns the ABI version in force, or 0.
int enter_landlock(const std::vector<std::string>& readable) {
  const int abi = static_cast<int>(::syscall(nr_landlock_create_ruleset, nullptr, 0, landlock::ask_version));
  if (abi <= 0) return 0;
  const landlock::ruleset_attr attr{landlock::all_file_rights(abi), landlock::all_network_rights(abi),
                                    landlock::all_scopes(abi)};
  const unique_fd ruleset(static_cast<int>(::syscall(nr_landlock_create_ruleset, &attr, landlock::attr_bytes(abi), 0)));
  if (!ruleset) return 0;
  for (const auto& path : readable) {
    const unique_fd place(::open(path.c_str(), O_PATH | O_CLOEXEC));
    struct stat info{};
    if (!place || ::fstat(place.get(), &info) != 0) throw errno_error(errno, "sandbox: read_only_paths: a path");
    const std::uint64_t rights = landlock::read_file | (S_ISDIR(info.st_mode) ? landlock::read_dir : 0);
    const landlock::path_beneath_attr rule{rights, place.get()};
    if (::syscall(nr_landlock_add_rule, ruleset.get(), landlock::rule_path_beneath, &rule, 0) != 0)
      throw errno_error(errno, "sandbox: read_only_paths: a path");
  }
  return ::syscall(nr_landlock_restrict_self, ruleset.get(), 0) == 0 ? abi : 0;
}

void insist(const sandbox_options& options, sandbox_report& report) {
  const sandbox_support& have = report.applied;
  const auto miss = [&](bool granted, const char* what) {
    if (!granted) report.missing.emplace_back(what);
  };
  miss(have.no_new_privs, "no_new_privs");
  miss(have.seccomp, "seccomp");
  miss(have.landlock_abi > 0, "Landlock");
  if (options.required && !have.sufficient()) {
    std::string text = "the sandbox could not be entered; the system did not grant:";
    for (const auto& what : report.missing) text += " " + what;
    throw error(errc::unsupported, text + ". Set sandbox_options::required to false to run with what there is");
  }
  miss(have.user_namespaces, "user namespaces");
  miss(have.empty_network, "network namespaces");
  if (options.read_only_paths.empty()) miss(have.empty_root, "an empty root");
  if (options.memory_limit_bytes > 0) miss(report.memory_limited, "the memory limit");
}

} // namespace

prepared_sandbox prepare_sandbox(const sandbox_options& options) {
  for (const auto& path : options.read_only_paths)
    if (path.empty() || path.front() != '/')
      throw error(errc::invalid_argument, "sandbox: read_only_paths needs absolute paths; \"" + path + "\" is none");
  const sandbox_support& support = probe_sandbox();
  if (options.required && !support.sufficient())
    throw error(errc::unsupported, "this system cannot run sandboxed workers (" + to_string(support) +
                                       ") Use a kernel with seccomp and Landlock, or set sandbox_options::required to "
                                       "false to run with what there is");
  prepared_sandbox prepared;
  if (support.seccomp) prepared.filter = make_filter(options, support);
  make_namespaces(prepared);
  return prepared;
}

bool limit_memory(std::uint64_t bytes) {
  if (under_sanitizer) return false; // shadow memory is private and counts
  rlim_t held = 0;
  std::FILE* file = std::fopen("/proc/self/statm", "re");
  unsigned long long data_pages = 0;
  if (file && std::fscanf(file, "%*u %*u %*u %*u %*u %llu", &data_pages) == 1) {
    held = static_cast<rlim_t>(data_pages) * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE));
  } else {
    rusage used{}; // without /proc: what was ever in RAM, program and libraries included
    ::getrusage(RUSAGE_SELF, &used);
    held = static_cast<rlim_t>(used.ru_maxrss) * 1024;
  }
  if (file) std::fclose(file);
  const rlim_t total = bytes > RLIM_INFINITY - 1 - held ? RLIM_INFINITY - 1 : held + bytes;
  lower(RLIMIT_DATA, total, total);
  return true;
}

sandbox_report enter_sandbox(const sandbox_options& options, std::span<const int> keep_fds,
                             const prepared_sandbox& prepared) {
  sandbox_report report;
  sandbox_support& applied = report.applied;
  for (int fd : keep_fds) check_kept(fd);
  int death_signal = 0;
  ::prctl(PR_GET_PDEATHSIG, &death_signal, 0, 0, 0);
  if (options.memory_limit_bytes > 0) report.memory_limited = limit_memory(options.memory_limit_bytes);
  applied.no_new_privs = ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
  enter_namespaces(prepared, applied);
  // A folder of the kernel's that lists this process's own descriptors and nothing else; ".." leads nowhere from there.
  if (options.read_only_paths.empty()) applied.empty_root = ::chroot("/proc/self/fdinfo") == 0 && ::chdir("/") == 0;
  applied.landlock_abi = enter_landlock(options.read_only_paths);
  close_others(keep_fds);
  apply_limits(options);
  if (!drop_capabilities()) throw errno_error(errno, "sandbox: giving up capabilities");
  // The kernel forgets this one where a change of rights looks like a gain.
  if (death_signal != 0) ::prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0);
  applied.seccomp = prepared.filter.size() > 0 && install_filter(prepared.filter) == 0;
  insist(options, report);
  return report;
}

} // namespace weir::detail
