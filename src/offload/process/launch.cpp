#include "offload/process/launch.hpp"

#include "offload/process/role.hpp"

#include <weir/core/error.hpp>

#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <mutex>
#include <string>

extern char** environ;

namespace weir::detail {

namespace {

constexpr int above_targets = 16;

error unavailable(int number, const char* what) {
  return {errc::unavailable, errno_error(number, std::string("worker processes: ") + what).what()};
}

// Opened at the first use and kept: from then on the file may be replaced.
int program() {
  static std::mutex guard;
  static int fd = -1; // for the life of the process
  const std::lock_guard lock(guard);
  if (fd < 0) {
    const int opened = ::open("/proc/self/exe", O_PATH | O_CLOEXEC);
    if (opened < 0)
      throw error(errc::unavailable, "worker processes need /proc, and /proc/self/exe cannot be opened (" +
                                         std::string(strerrordesc_np(errno)) +
                                         "). Mount it (mount -t proc proc /proc), or use run_in_threadpool");
    fd = ::fcntl(opened, F_DUPFD_CLOEXEC, above_targets);
    ::close(opened);
    if (fd < 0) throw unavailable(errno, "a descriptor");
  }
  return fd;
}

// High, so that no dup2 in the child overwrites what a later one needs.
unique_fd high(int fd) {
  unique_fd low(fd), moved(::fcntl(fd, F_DUPFD_CLOEXEC, above_targets));
  if (!moved) throw unavailable(errno, "a descriptor");
  return moved;
}

class spawn_plan {
 public:
  spawn_plan() {
    ::posix_spawnattr_init(&attributes);
    ::posix_spawn_file_actions_init(&actions);
  }
  spawn_plan(const spawn_plan&) = delete;
  spawn_plan& operator=(const spawn_plan&) = delete;
  ~spawn_plan() {
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&actions);
  }
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_t actions;
};

} // namespace

launched_zygote launch_zygote() {
  if (!role_hook_ran)
    throw error(errc::unsupported,
                "worker processes are this program once more, which must notice that before its main. Link it with "
                "-Wl,--wrap=main -Wl,--undefined=main (CMake does so for executables that link weir::weir), and start "
                "workers in main, not before. Where main is not yours, as in a plug-in, use run_in_threadpool");
  // Named here so that whoever starts workers carries their side too.
  static void (*volatile const other_side)(int, char**) = &weir_zygote_main;
  static_cast<void>(other_side);

  const int self = program();
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) throw unavailable(errno, "a socket");
  unique_fd ours(ends[0]), theirs = high(ends[1]);
  if (::pipe2(ends, O_CLOEXEC) != 0) throw unavailable(errno, "a pipe");
  unique_fd output(ends[0]), output_end = high(ends[1]);

  spawn_plan plan;
  // A session of its own: no terminal, so no Ctrl-C, and no group that is killed with others.
  ::posix_spawnattr_setflags(&plan.attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  sigset_t all;
  sigfillset(&all);
  ::posix_spawnattr_setsigdefault(&plan.attributes, &all);
  ::posix_spawnattr_setsigmask(&plan.attributes, &all); // until it has said which ones it ignores
  auto* const actions = &plan.actions;
  ::posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(actions, output_end.get(), 1);
  ::posix_spawn_file_actions_adddup2(actions, output_end.get(), 2);
  ::posix_spawn_file_actions_adddup2(actions, theirs.get(), zygote_socket);
  ::posix_spawn_file_actions_adddup2(actions, self, zygote_program);
  ::posix_spawn_file_actions_addclosefrom_np(actions, zygote_program + 1);

  std::string name = "weir-zygote", marker = role_marker, parent = std::to_string(::getpid()), room(200, ' ');
  std::array<char*, 5> argv{name.data(), marker.data(), parent.data(), room.data(), nullptr};
  const std::string path = "/proc/self/fd/" + std::to_string(zygote_program);
  launched_zygote started;
  const int failure = ::posix_spawn(&started.pid, path.c_str(), actions, &plan.attributes, argv.data(), environ);
  if (failure == ENOENT)
    throw error(errc::unavailable, "worker processes need /proc to start this program again, and it is not mounted "
                                   "any more (mount -t proc proc /proc), or the program's loader is gone");
  if (failure != 0) throw unavailable(failure, "this program could not be started again");
  started.pidfd.reset(static_cast<int>(::syscall(SYS_pidfd_open, started.pid, 0)));
  if (!started.pidfd) {
    const int number = errno;
    ::kill(started.pid, SIGKILL);
    while (::waitpid(started.pid, nullptr, 0) < 0 && errno == EINTR) {}
    throw unavailable(number, "the process that forks them cannot be watched");
  }
  for (const int fd : {ours.get(), output.get()}) ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  started.socket = std::move(ours);
  started.output = std::move(output);
  return started;
}

} // namespace weir::detail
