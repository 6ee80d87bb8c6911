#include "offload/sandbox/kernel.hpp"

#include <weir/core/error.hpp>
#include <weir/core/unique_fd.hpp>
#include <weir/offload/sandbox.hpp>

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <type_traits>

namespace weir {

namespace {

static_assert(std::is_trivially_copyable_v<sandbox_support>);

// Runs in a child forked from a process that may have threads: system calls only.
sandbox_support try_everything() noexcept {
  sandbox_support found;
  const long abi = ::syscall(detail::nr_landlock_create_ruleset, nullptr, 0, detail::landlock::ask_version);
  found.user_namespaces = ::unshare(CLONE_NEWUSER) == 0;
  found.empty_network = ::unshare(CLONE_NEWNET | CLONE_NEWIPC) == 0;
  found.empty_root = ::chroot("/proc/self/fdinfo") == 0;
  found.no_new_privs = ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
  if (abi > 0) {
    const int version = static_cast<int>(abi);
    const detail::landlock::ruleset_attr attr{detail::landlock::all_file_rights(version), 0, 0};
    const long ruleset = ::syscall(detail::nr_landlock_create_ruleset, &attr, 8, 0);
    if (ruleset >= 0 && ::syscall(detail::nr_landlock_restrict_self, ruleset, 0) == 0) found.landlock_abi = version;
  }
  sock_filter allow_all[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  const sock_fprog program{1, allow_all};
  found.seccomp = ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
  return found;
}

sandbox_support probe() {
  sandbox_support found;
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw errno_error(errno, "a pipe to the child that probes the sandbox");
  const unique_fd ours(ends[0]);
  unique_fd theirs(ends[1]);
  sigset_t all, before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = ::fork();
  const int fork_error = errno;
  if (pid == 0) {
    const rlimit none{0, 0}; // a kernel that kills instead of refusing must not leave a core file
    ::setrlimit(RLIMIT_CORE, &none);
    const sandbox_support answer = try_everything();
    ::_exit(::write(ends[1], &answer, sizeof answer) == sizeof answer ? 0 : 1);
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) throw errno_error(fork_error, "the child that probes the sandbox");
  theirs.reset();
  ssize_t got;
  while ((got = ::read(ours.get(), &found, sizeof found)) < 0 && errno == EINTR) {}
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {}
  return got == sizeof found ? found : sandbox_support{};
}

} // namespace

const sandbox_support& probe_sandbox() {
  static const sandbox_support found = probe();
  return found;
}

std::string to_string(const sandbox_support& support) {
  std::string has, lacks;
  const auto say = [&](bool granted, const std::string& what, const char* without) {
    std::string& list = granted ? has : lacks;
    if (!list.empty()) list += ", ";
    list += granted ? what : without;
  };
  say(support.seccomp && support.no_new_privs, "seccomp", "seccomp");
  std::string landlock = "Landlock " + std::to_string(support.landlock_abi) + " (files";
  if (support.landlock_abi >= 4) landlock += ", TCP";
  if (support.landlock_abi >= 6) landlock += ", signals";
  say(support.landlock_abi > 0, landlock + ")", "Landlock");
  say(support.user_namespaces, "user namespace", "user namespaces");
  say(support.empty_network, "empty network", "network namespaces");
  say(support.empty_root, "empty root", "an empty root");
  std::string text = has.empty() ? "Sandbox: none" : "Sandbox: " + has;
  if (!lacks.empty()) text += "; not granted here: " + lacks;
  return text + ".";
}

} // namespace weir
