#include "offload/spawn.hpp"

#include <weir/core/detail/time_slice.hpp>
#include <weir/core/error.hpp>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

extern char** environ;

namespace weir {

std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return ::access(name.c_str(), X_OK) == 0 ? name : std::string();
  const char* path = std::getenv("PATH");
  std::string_view rest = path ? path : "/usr/local/bin:/usr/bin:/bin";
  while (!rest.empty()) {
    const auto colon = rest.find(':');
    const std::string_view folder = rest.substr(0, colon);
    rest = colon == std::string_view::npos ? std::string_view() : rest.substr(colon + 1);
    if (folder.empty()) continue; // the current folder is no place to look for programs
    std::string candidate = std::string(folder) + "/" + name;
    struct stat info{};
    if (::stat(candidate.c_str(), &info) == 0 && S_ISREG(info.st_mode) && ::access(candidate.c_str(), X_OK) == 0)
      return candidate;
  }
  return {};
}

namespace detail {

namespace {

struct pair_of_ends {
  unique_fd ours, theirs;
};

pair_of_ends make_socket_pair() {
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
    throw errno_error(errno, "a pipe to a child process");
  return {unique_fd(fds[0]), unique_fd(fds[1])};
}

pair_of_ends make_pipe() {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) throw errno_error(errno, "a pipe to a child process");
  return {unique_fd(fds[0]), unique_fd(fds[1])};
}

std::vector<std::string> merged_environment(const std::vector<std::string>& changes) {
  std::vector<std::string> merged;
  const auto name_of = [](std::string_view entry) { return entry.substr(0, entry.find('=')); };
  for (char** entry = environ; entry && *entry; ++entry) {
    const bool replaced = std::any_of(changes.begin(), changes.end(),
                                      [&](const std::string& change) { return name_of(change) == name_of(*entry); });
    if (!replaced) merged.emplace_back(*entry);
  }
  merged.insert(merged.end(), changes.begin(), changes.end());
  return merged;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> list;
  list.reserve(texts.size() + 1);
  for (auto& text : texts) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

/// What the child needs between fork and exec, prepared before: there only async-signal-safe calls are allowed.
struct child_setup {
  int in, out, err, report;
  pid_t parent;
  int nice;
  const std::vector<int>* keep;
  const char* program;
  char* const* argv;
  char* const* env;
};

[[noreturn]] void become(const child_setup& setup) {
  const auto fail = [&]() {
    const int number = errno;
    [[maybe_unused]] const auto written = ::write(setup.report, &number, sizeof number);
    ::_exit(127);
  };
  ::setpgid(0, 0);
  // Dies with the thread that made it, which is the loop's; the check closes the gap before the call.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) fail();
  if (::getppid() != setup.parent) ::_exit(127);
  struct sigaction plain{};
  plain.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) ::sigaction(number, &plain, nullptr);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (setup.nice > 0) ::setpriority(PRIO_PROCESS, 0, setup.nice);
  set_time_slice(usual_slice);
  for (int fd : *setup.keep) ::fcntl(fd, F_SETFD, 0);
  if (::dup2(setup.in, 0) < 0 || ::dup2(setup.out, 1) < 0 || ::dup2(setup.err, 2) < 0) fail();
  ::execve(setup.program, setup.argv, setup.env);
  fail();
  ::_exit(127);
}

} // namespace

spawned spawn(const child_options& options) {
  if (options.argv.empty()) throw error(errc::invalid_argument, "no program to run");
  const std::string program = find_program(options.argv.front());
  if (program.empty())
    throw error(errc::not_configured, options.argv.front() + " was not found: install it, or add it to PATH");

  pair_of_ends in = make_socket_pair();
  auto [out_ours, out_theirs] = make_pipe();
  auto [err_ours, err_theirs] = make_pipe();
  auto [report_ours, report_theirs] = make_pipe();
  std::vector<std::string> arguments = options.argv, environment = merged_environment(options.environment);
  const auto argv = pointers(arguments), env = pointers(environment);
  const child_setup setup{in.theirs.get(), out_theirs.get(),  err_theirs.get(), report_theirs.get(), ::getpid(),
                          options.nice,    &options.keep_fds, program.c_str(),  argv.data(),         env.data()};

  // No signal handler of ours may run in the child before it has reset them.
  sigset_t all, before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = ::fork();
  const int fork_error = errno;
  if (pid == 0) become(setup);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) throw errno_error(fork_error, program + " could not be started");

  ::setpgid(pid, pid); // both sides do it: whoever comes first
  report_theirs.reset();
  int exec_error = 0;
  ssize_t got;
  while ((got = ::read(report_ours.get(), &exec_error, sizeof exec_error)) < 0 && errno == EINTR) {}
  spawned child;
  child.pid = pid;
  child.pidfd.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (got == sizeof exec_error || !child.pidfd) {
    const int number = got == sizeof exec_error ? exec_error : errno;
    ::kill(pid, SIGKILL);
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED);
    throw errno_error(number, options.argv.front() + " could not be started");
  }
  child.in = std::move(in.ours);
  child.out = std::move(out_ours);
  child.err = std::move(err_ours);
  return child;
}

} // namespace detail
} // namespace weir
