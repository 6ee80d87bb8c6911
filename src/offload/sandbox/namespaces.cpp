#include "offload/sandbox/namespaces.hpp"

#include <weir/core/error.hpp>

#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string>

namespace weir::detail {

namespace {

constexpr int shared = CLONE_NEWNET | CLONE_NEWIPC;

// In the child: system calls only. Says which kinds it got, and waits until they have been taken.
[[noreturn]] void hold_namespaces(int report, int gate) noexcept {
  int got = 0;
  if (::unshare(CLONE_NEWUSER | shared) == 0) {
    got = CLONE_NEWUSER | shared;
  } else {
    // In a place that forbids user namespaces root can still have the others.
    if (::unshare(CLONE_NEWUSER) == 0) got |= CLONE_NEWUSER;
    if (::unshare(shared) == 0) got |= shared;
  }
  [[maybe_unused]] const auto told = ::write(report, &got, sizeof got);
  char byte;
  while (::read(gate, &byte, 1) < 0 && errno == EINTR) {}
  ::_exit(0);
}

unique_fd open_namespace(pid_t pid, const char* kind) {
  return unique_fd(::open(("/proc/" + std::to_string(pid) + "/ns/" + kind).c_str(), O_RDONLY | O_CLOEXEC));
}

} // namespace

void make_namespaces(prepared_sandbox& prepared) {
  int up[2], down[2];
  if (::pipe2(up, O_CLOEXEC) != 0) throw errno_error(errno, "sandbox: a pipe");
  unique_fd report(up[0]), report_end(up[1]);
  if (::pipe2(down, O_CLOEXEC) != 0) throw errno_error(errno, "sandbox: a pipe");
  unique_fd gate_end(down[0]), gate(down[1]);
  sigset_t all, before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = ::fork();
  const int fork_error = errno;
  if (pid == 0) {
    ::close(down[1]); // so that the end of this process opens the gate too
    hold_namespaces(up[1], down[0]);
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) throw errno_error(fork_error, "sandbox: a child to make namespaces");
  report_end.reset();
  int got = 0;
  ssize_t size;
  while ((size = ::read(report.get(), &got, sizeof got)) < 0 && errno == EINTR) {}
  if (size == sizeof got) {
    if (got & CLONE_NEWUSER) prepared.user = open_namespace(pid, "user");
    if (got & CLONE_NEWNET) prepared.network = open_namespace(pid, "net");
    if (got & CLONE_NEWIPC) prepared.ipc = open_namespace(pid, "ipc");
  }
  gate.reset();
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {}
}

void enter_namespaces(const prepared_sandbox& prepared, sandbox_support& applied) {
  const auto join = [](const unique_fd& fd, int kind) { return fd && ::setns(fd.get(), kind) == 0; };
  // The user namespace first: it gives the right to enter the others.
  applied.user_namespaces = join(prepared.user, CLONE_NEWUSER) || ::unshare(CLONE_NEWUSER) == 0;
  applied.empty_network = join(prepared.network, CLONE_NEWNET) || ::unshare(CLONE_NEWNET) == 0;
  if (!join(prepared.ipc, CLONE_NEWIPC)) ::unshare(CLONE_NEWIPC);
}

} // namespace weir::detail
