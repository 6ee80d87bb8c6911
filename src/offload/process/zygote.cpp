#include "offload/process/role.hpp"
#include "offload/process/worker_entry.hpp"

#include <weir/offload/codec.hpp>
#include <weir/offload/detail/priority.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <deque>
#include <string>
#include <unordered_map>

/// The zygote: this program, started anew without anything of its parent's, with one thread; all that it does is to
/// fork workers and to tell how they ended.
namespace weir::detail {

namespace {

constexpr std::size_t max_prepared_sandboxes = 8;

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
constexpr nlink_t threads_allowed = 2; // the sanitizer's own
#else
constexpr nlink_t threads_allowed = 1;
#endif
#else
constexpr nlink_t threads_allowed = 1;
#endif

[[noreturn]] void refuse(const char* why) {
  std::fprintf(stderr, "%s: %s\n", role_marker, why);
  std::fflush(nullptr);
  ::_exit(2);
}

/// The niceness of a process's scheduling group, as "/autogroup-25 nice 0" says it; 0 where there is none.
int group_nice(pid_t pid) noexcept {
  const unique_fd file(::open(("/proc/" + std::to_string(pid) + "/autogroup").c_str(), O_RDONLY | O_CLOEXEC));
  char text[64];
  const ssize_t got = file ? ::read(file.get(), text, sizeof text) : -1;
  const std::string_view all(text, got > 0 ? static_cast<std::size_t>(got) : 0);
  int found = 0;
  if (const auto at = all.find("nice "); at != std::string_view::npos)
    std::from_chars(all.data() + at + 5, all.data() + all.size(), found);
  return found;
}

/// A session of its own is a scheduling group of its own (sched(7), "The autogroup feature"), inside of which niceness
/// counts; between groups the groups' does. Where there are no such groups, the workers' own niceness is enough.
void step_back(pid_t parent) noexcept {
  const unique_fd group(::open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC));
  // A negative one needs a right that the parent may not have (any more); the group then keeps 0, which is nicer still.
  const std::string wanted = std::to_string(std::min(group_nice(parent) + nicer_by, 19));
  if (group && ::write(group.get(), wanted.data(), wanted.size()) < 0) return;
}

pid_t checked_parent(int argc, char** argv) {
  const char* const text = argc >= 3 ? argv[2] : "";
  pid_t parent = 0;
  std::from_chars(text, text + std::strlen(text), parent);
  int domain = 0, type = 0;
  ucred maker{};
  socklen_t size = sizeof domain;
  ::getsockopt(zygote_socket, SOL_SOCKET, SO_DOMAIN, &domain, &size);
  size = sizeof type;
  ::getsockopt(zygote_socket, SOL_SOCKET, SO_TYPE, &type, &size);
  size = sizeof maker;
  ::getsockopt(zygote_socket, SOL_SOCKET, SO_PEERCRED, &maker, &size);
  if (domain != AF_UNIX || type != SOCK_SEQPACKET)
    refuse("this is how the program starts its own worker processes; it is not meant to be given by hand");
  if (parent <= 0 || maker.pid != parent) refuse("the socket comes from another process than the one that is named");
  if (::getppid() != parent) refuse("the process that wanted workers is gone, or did not start this one");
  return parent;
}

class zygote {
 public:
  explicit zygote(pid_t parent) {
    ::fcntl(zygote_socket, F_SETFD, FD_CLOEXEC);
    ::close(zygote_program);
    for (int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGPIPE}) ::signal(number, SIG_IGN);
    sigset_t wanted;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGCHLD);
    ::sigprocmask(SIG_SETMASK, &wanted, nullptr);
    ended_children_.reset(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
    // Not PDEATHSIG: that one fires when the thread that started this process ends. Not the socket alone: a process
    // that the parent forks without exec holds a copy of its end.
    parent_.reset(static_cast<int>(::syscall(SYS_pidfd_open, parent, 0)));
    if (!ended_children_ || !parent_) refuse(std::strerror(errno));
    if (::getppid() != parent) ::_exit(0);
  }

  [[noreturn]] void run() {
    zygote_reply hello;
    hello.pid = ::getpid();
    hello.module = name_function(reinterpret_cast<const void*>(&weir_zygote_main)).module;
    say(hello, {});
    std::array<pollfd, 3> watched{pollfd{zygote_socket, POLLIN, 0}, pollfd{parent_.get(), POLLIN, 0},
                                  pollfd{ended_children_.get(), POLLIN, 0}};
    for (;;) {
      if (::poll(watched.data(), watched.size(), -1) < 0) {
        if (errno != EINTR) end();
        continue;
      }
      if (watched[1].revents) end();
      if (watched[2].revents) reap();
      if (watched[0].revents) serve();
    }
  }

 private:
  /// Nobody is left to work for. The groups too: what jobs have started ends with them.
  [[noreturn]] void end() {
    for (const auto& [pid, id] : workers_) {
      ::kill(-pid, SIGKILL);
      ::kill(pid, SIGKILL);
    }
    ::_exit(0);
  }

  void say(const zygote_reply& reply, std::span<const int> fds) {
    if (send_packet(zygote_socket, std::as_bytes(std::span(&reply, 1)), fds) != 0) end();
  }

  void refuse_worker(std::uint64_t id, errc code, std::string_view why) {
    zygote_reply reply;
    reply.what = zygote_says::refused;
    reply.id = id;
    reply.code = code;
    reply.set_text(why);
    say(reply, {});
  }

  void serve() {
    packet got = receive_packet(zygote_socket, room_);
    if (got.size <= 0) end(); // a message that is not whole cannot be answered: it does not say for whom it is
    worker_request request;
    try {
      decoder in(std::span(room_).first(static_cast<std::size_t>(got.size)));
      request = in.get<worker_request>();
      in.finish();
      if (got.fds_lost) throw error(errc::unavailable, "the process that forks workers has no descriptor free");
      if (got.fds.size() < 3 || got.fds.size() > max_worker_fds + 2)
        throw error(errc::internal, "a worker needs its streams and its channel");
      start(request, got.fds);
    } catch (const error& e) {
      refuse_worker(request.id, e.code(), e.what());
    } catch (const std::exception& e) {
      refuse_worker(request.id, errc::unavailable, e.what());
    }
  }

  void start(const worker_request& request, std::vector<unique_fd>& fds) {
    struct stat tasks{};
    if (::stat("/proc/self/task", &tasks) == 0 && tasks.st_nlink > 2 + threads_allowed)
      throw error(errc::unsupported, "a static initialiser of this program, or a library that it loads, starts "
                                     "threads: worker processes cannot be forked safely. Start threads in main");
    const auto entry = reinterpret_cast<worker_main>(resolve_function(request.entry));
    const prepared_sandbox* const sandbox = request.sandbox ? &prepared(*request.sandbox) : nullptr;
    const pid_t self = ::getpid();
    std::fflush(nullptr); // else the worker would say once more what is still in the buffers
    const pid_t pid = ::fork();
    if (pid == 0) run_worker({request, entry, sandbox, self, fds});
    if (pid < 0) throw error(errc::unavailable, errno_error(errno, "a worker process could not be forked").what());
    ::setpgid(pid, pid); // both sides do it: whoever comes first
    const unique_fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    const int pidfd_error = errno;
    if (!pidfd) {
      ::kill(pid, SIGKILL); // reaped with the others; nobody knows it
      throw errno_error(pidfd_error, "a worker process cannot be watched");
    }
    workers_.emplace(pid, request.id);
    zygote_reply reply;
    reply.what = zygote_says::started;
    reply.id = request.id;
    reply.pid = pid;
    const int passed = pidfd.get();
    say(reply, {&passed, 1});
  }

  const prepared_sandbox& prepared(const sandbox_options& options) {
    encoder key;
    key.put(options);
    std::string text(reinterpret_cast<const char*>(key.bytes().data()), key.size_bytes());
    for (const auto& [known, sandbox] : sandboxes_)
      if (known == text) return sandbox;
    if (sandboxes_.size() == max_prepared_sandboxes) sandboxes_.pop_front();
    prepared_sandbox made = prepare_sandbox(options);
    for (unique_fd* fd : {&made.user, &made.network, &made.ipc})
      if (*fd) fd->reset(::fcntl(fd->get(), F_DUPFD_CLOEXEC, first_high_fd));
    return sandboxes_.emplace_back(std::move(text), std::move(made)).second;
  }

  void reap() {
    signalfd_siginfo ignored;
    while (::read(ended_children_.get(), &ignored, sizeof ignored) > 0) {}
    for (;;) {
      siginfo_t info{};
      if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) return;
      const pid_t pid = info.si_pid;
      ::kill(-pid, SIGKILL); // its number, and so its group's, is still taken
      zygote_reply reply;
      rusage used{};
      if (::wait4(pid, &reply.status, WNOHANG, &used) != pid) return;
      const auto found = workers_.find(pid);
      if (found == workers_.end()) continue;
      reply.what = zygote_says::ended;
      reply.id = found->second;
      reply.pid = pid;
      reply.max_rss_bytes = static_cast<std::uint64_t>(used.ru_maxrss) * 1024;
      workers_.erase(found);
      say(reply, {});
    }
  }

  unique_fd parent_, ended_children_;
  std::unordered_map<pid_t, std::uint64_t> workers_; // what they are called in messages
  std::deque<std::pair<std::string, prepared_sandbox>> sandboxes_;
  std::array<std::byte, max_request_bytes> room_;
};

} // namespace

} // namespace weir::detail

extern "C" void weir_zygote_main(int argc, char** argv) {
  using namespace weir::detail;
  const pid_t parent = checked_parent(argc, argv);
  try {
    remember_arguments(argc, argv);
    set_process_title("weir-zygote");
    step_back(parent);
    static zygote self(parent);
    self.run();
  } catch (const std::exception& e) {
    refuse(e.what());
  }
}
