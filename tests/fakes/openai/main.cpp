#include "server.hpp"

#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <thread>

namespace {

// stdin is at its end when the parent has closed it or is gone. Where another process has inherited the parent's end,
// the parent's id still tells.
bool parent_is_gone(pid_t parent) {
  pollfd in{STDIN_FILENO, POLLIN, 0};
  char sink[256];
  if (::poll(&in, 1, 0) > 0 && ::read(STDIN_FILENO, sink, sizeof sink) <= 0) return true;
  return ::getppid() != parent;
}

void wait_for_the_end(bool with_parent, const sigset_t& signals) {
  const auto parent = ::getppid();
  const timespec tick{0, 100'000'000};
  for (;;) {
    if (::sigtimedwait(&signals, nullptr, &tick) > 0) return;
    if (with_parent && parent_is_gone(parent)) return;
  }
}

} // namespace

int main(int argc, char** argv) {
  int exit_code = 0;
  const auto options = fake::parse_options(argc, argv, exit_code);
  if (!options) return exit_code;
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  try {
    fake::server server(*options);
    std::printf("listening on http://127.0.0.1:%u/v1\n", static_cast<unsigned>(server.port()));
    std::fflush(stdout);
    std::thread runner([&] { server.run(); });
    wait_for_the_end(options->with_parent, signals);
    server.stop();
    runner.join();
  } catch (const std::exception& e) {
    std::fprintf(stderr, "weir-fake-openai: %s\n", e.what());
    return 2;
  }
  return 0;
}
