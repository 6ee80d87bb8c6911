// Weir inside of a loop that is there already: a plain poll(2) that watches a pipe of the host and Weir's descriptor.
#include <weir/core/embedded_loop.hpp>
#include <weir/core/sleep.hpp>
#include <weir/core/unique_fd.hpp>
#include <weir/offload/threadpool.hpp>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cstdio>

using namespace std::chrono_literals;

namespace {

weir::task<void> work(int to_host) {
  co_await weir::sleep_for(5ms);
  const char answer = co_await weir::run_in_threadpool([] { return 'w'; });
  if (::write(to_host, &answer, 1) == 1) std::puts("the task has told the host");
}

} // namespace

int main() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return 1;
  const weir::unique_fd in(ends[0]), out(ends[1]);

  // [poll]
  weir::embedded_loop guest;
  guest.spawn(work(out.get()), "work");
  char got = 0;
  pollfd watched[2] = {{guest.descriptor(), POLLIN, 0}, {in.get(), POLLIN, 0}};
  while (!guest.is_idle() || got == 0) {
    if (::poll(watched, 2, 10'000) <= 0) return 1;
    if (watched[0].revents != 0) guest.run_ready();
    if (watched[1].revents != 0 && ::read(in.get(), &got, 1) == 1) std::printf("the host has read '%c'\n", got);
  }
  // [end]
  return got == 'w' ? 0 : 1;
}
