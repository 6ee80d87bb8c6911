#pragma once

#include <weir/offload/detail/process_call.hpp>
#include <weir/offload/detail/reply.hpp>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>
#include <thread>

/// Calls in a fresh process of this same program: it is executed anew, so that only names lead to its functions.
namespace weir::naming {

constexpr const char* role = "WEIR_TEST_NAMED_CALL";

inline std::vector<std::byte> read_all(int fd) {
  std::vector<std::byte> all;
  std::byte some[4096];
  for (ssize_t got; (got = ::read(fd, some, sizeof some)) > 0;) all.insert(all.end(), some, some + got);
  return all;
}
inline void write_all(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t done = ::write(fd, bytes.data(), bytes.size());
    if (done <= 0) return;
    bytes = bytes.subspan(static_cast<std::size_t>(done));
  }
}

/// The child's part: reads the thunk's name and the arguments, runs it, writes the reply, ends.
inline bool play_role() {
  if (std::getenv(role) == nullptr) return true;
  const std::vector<std::byte> request = read_all(0);
  decoder in(request);
  detail::memory_reply_room room;
  std::span<const std::byte> reply;
  try {
    const auto entry = reinterpret_cast<detail::thunk>(detail::resolve_function(in.get<detail::function_name>()));
    reply = entry(in, room, {});
  } catch (...) {
    reply = detail::write_failure(room, "naming", nullptr);
  }
  write_all(1, reply);
  ::_exit(0);
}

inline std::vector<std::byte> ask_child(std::span<const std::byte> request) {
  int to[2];
  int from[2];
  if (::pipe2(to, O_CLOEXEC) != 0 || ::pipe2(from, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::dup2(to[0], 0);
    ::dup2(from[1], 1);
    ::setenv(role, "1", 1);
    ::execl("/proc/self/exe", "named-call", nullptr);
    ::_exit(127);
  }
  ::close(to[0]);
  ::close(from[1]);
  std::thread writer([&] {
    write_all(to[1], request);
    ::close(to[1]);
  });
  std::vector<std::byte> reply = read_all(from[0]);
  writer.join();
  ::close(from[0]);
  int status = 0;
  ::waitpid(pid, &status, 0);
  if (status != 0) throw std::runtime_error("the child ended with status " + std::to_string(status));
  return reply;
}

template <class F, class... Args>
auto call_in_child(F f, Args&&... args) {
  using call = detail::process_call<F, Args...>;
  call::explain();
  encoder request;
  request.put(call::entry_name());
  call::encode(request, f, call::convert(std::forward<Args>(args)...));
  return detail::read_reply<typename call::result>(ask_child(request.bytes()));
}

} // namespace weir::naming
