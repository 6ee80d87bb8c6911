#include "offload/spawn.hpp"

#include <weir/core/descriptor.hpp>
#include <weir/core/gather.hpp>
#include <weir/core/shield.hpp>
#include <weir/core/sleep.hpp>
#include <weir/core/task_group.hpp>
#include <weir/core/timeout.hpp>
#include <weir/offload/child.hpp>

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

namespace weir {

namespace {

constexpr std::size_t piece_bytes = 16 * 1024;
constexpr std::size_t tail_bytes = 4 * 1024;

task<void> feed(descriptor& to, std::string_view data) {
  while (!data.empty()) {
    // A socket, so that a child that has closed its input is EPIPE here and not a signal.
    const ssize_t n = ::send(to.get(), data.data(), data.size(), MSG_NOSIGNAL);
    if (n >= 0) {
      data.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno == EAGAIN) {
      co_await to.writable();
    } else if (errno != EINTR) {
      break; // it does not want the rest
    }
  }
  to.close();
}

task<void> drain(descriptor& from, const std::function<void(std::string_view)>& sink, std::string* tail) {
  std::array<char, piece_bytes> buffer;
  for (;;) {
    const ssize_t n = ::read(from.get(), buffer.data(), buffer.size());
    if (n > 0) {
      const std::string_view piece(buffer.data(), static_cast<std::size_t>(n));
      if (tail) {
        tail->append(piece);
        if (tail->size() > tail_bytes) tail->erase(0, tail->size() - tail_bytes);
      }
      if (sink) sink(piece);
    } else if (n < 0 && errno == EAGAIN) {
      co_await from.readable();
    } else if (n == 0 || errno != EINTR) {
      co_return;
    }
  }
}

task<void> ended(descriptor& pidfd) { co_await pidfd.readable(); }

task<void> end_group(pid_t pid, descriptor& pidfd, std::chrono::milliseconds grace) {
  ::kill(-pid, SIGTERM);
  bool stubborn = false;
  try {
    co_await with_timeout(grace, ended(pidfd));
  } catch (const error&) {
    stubborn = true;
  }
  // Also where the leader has gone: what it started is in its group.
  ::kill(-pid, SIGKILL);
  if (stubborn) co_await ended(pidfd);
}

void reap(pid_t pid, child_result& result) {
  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED) < 0 && errno == EINTR) {}
  if (info.si_code == CLD_EXITED)
    result.exit_code = info.si_status;
  else
    result.signal = info.si_status;
}

} // namespace

task<child_result> run_child(child_options options) {
  detail::spawned child = detail::spawn(options);
  descriptor pidfd(std::move(child.pidfd)), in(std::move(child.in)), out(std::move(child.out)),
      err(std::move(child.err));
  child_result result;
  std::exception_ptr failure;
  try {
    // The streams end with the last process that holds them, so the end of the leader is what counts: after it only
    // what is already in the pipes is read.
    co_await with_task_group([&](task_group& group) -> task<void> {
      group.spawn(feed(in, options.stdin_data));
      auto from_out = group.spawn(drain(out, options.on_stdout, nullptr));
      auto from_err = group.spawn(drain(err, options.on_stderr, &result.stderr_tail));
      co_await ended(pidfd);
      for (int turn = 0; turn < 50 && !(from_out.done() && from_err.done()); ++turn)
        co_await sleep_for(std::chrono::milliseconds(turn < 5 ? 0 : 2));
      group.cancel();
    });
  } catch (...) {
    failure = std::current_exception();
  }
  if (failure) co_await shield(end_group(child.pid, pidfd, options.grace));
  reap(child.pid, result);
  ::kill(-child.pid, SIGKILL);
  if (failure) std::rethrow_exception(failure);
  co_return result;
}

} // namespace weir
