// What the sandbox costs: making its filter, entering it, and system calls under it. Medians of many runs.

#include "offload/sandbox/filter.hpp"
#include "offload/sandbox/namespaces.hpp"

#include <weir/offload/detail/crash_report.hpp>
#include <weir/offload/detail/resident.hpp>
#include <weir/offload/sandbox.hpp>

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <vector>

using namespace weir;
using clock_type = std::chrono::steady_clock;

namespace {

double* shared_result;

double microseconds(clock_type::time_point from) {
  return std::chrono::duration<double, std::micro>(clock_type::now() - from).count();
}

double median(int runs, const std::function<double()>& run) {
  std::vector<double> times;
  for (int i = 0; i < runs; ++i) times.push_back(run());
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

// Returns what `measure` says in a fresh child, which can do for good what it likes to itself.
double in_fork(const std::function<double()>& measure) {
  *shared_result = -1;
  const pid_t pid = ::fork();
  if (pid == 0) {
    *shared_result = measure();
    ::_exit(0);
  }
  ::waitpid(pid, nullptr, 0);
  return *shared_result;
}

double whole_life(const std::function<void()>& work) {
  const auto start = clock_type::now();
  const pid_t pid = ::fork();
  if (pid == 0) {
    work();
    ::_exit(0);
  }
  ::waitpid(pid, nullptr, 0);
  return microseconds(start);
}

double nanoseconds_per_call(const std::function<void()>& call) {
  constexpr int calls = 200'000;
  const auto start = clock_type::now();
  for (int i = 0; i < calls; ++i) call();
  return microseconds(start) * 1000 / calls;
}

void line(const char* what, double value, const char* unit) { std::printf("%-58s %9.1f %s\n", what, value, unit); }

} // namespace

int main() {
  shared_result =
      static_cast<double*>(::mmap(nullptr, sizeof(double), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  std::puts(to_string(probe_sandbox()).c_str());
  const sandbox_options options{.required = false};
  const auto prepared = detail::prepare_sandbox(options);
  const int keep[] = {1};
  const auto enter = [&] { detail::enter_sandbox(options, keep, prepared); };
  const auto timed = [](const std::function<void()>& work) {
    return [&work] {
      const auto start = clock_type::now();
      work();
      return microseconds(start);
    };
  };
  const auto cost = [&](const char* what, const std::function<void()>& work) {
    line(what, median(200, [&] { return in_fork(timed(work)); }), "us");
  };

  std::printf("filter: %zu instructions\n", prepared.filter.size());
  line("prepare (once, in the zygote)", median(50, timed([&] { detail::prepare_sandbox(options); })), "us");
  line("  of it the filter", median(50, timed([&] { detail::make_filter(options, probe_sandbox()); })), "us");
  cost("enter the sandbox", enter);
  const auto enter_alone = [&] {
    detail::prepared_sandbox own;
    own.filter = detail::make_filter(options, probe_sandbox());
    detail::enter_sandbox(options, keep, own);
  };
  cost("enter the sandbox, each worker makes filter and namespaces", enter_alone);
  cost("  of it the filter: one prctl", [&] {
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    detail::install_filter(prepared.filter);
  });
  cost("  of it entering the namespaces", [&] {
    sandbox_support applied;
    detail::enter_namespaces(prepared, applied);
  });
  cost("a network namespace of one's own", [] { ::unshare(CLONE_NEWNET); });
  detail::crash_record slot;
  cost("install the crash handlers", [&] { detail::install_crash_handlers(slot); });
  line("fork, exit, wait", median(200, [&] { return whole_life([] {}); }), "us");
  line("fork, enter, exit, wait", median(200, [&] { return whole_life(enter); }), "us");
  line("fork, enter with filter and namespaces of its own, exit, wait",
       median(50, [&] { return whole_life(enter_alone); }), "us");

  const detail::resident_watch watch(::getpid());
  line("read a worker's memory, descriptor kept", nanoseconds_per_call([&] { watch.read(); }) / 1000, "us");

  const std::pair<const char*, std::function<void()>> calls[] = {
      {"getppid", [] { ::syscall(SYS_getppid); }},
      {"fcntl(F_GETFL), argument checked", [] { ::fcntl(1, F_GETFL); }},
      {"mprotect, argument checked", [page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                                                    -1, 0)] { ::mprotect(page, 4096, PROT_READ | PROT_WRITE); }},
      {"open, denied", [] { ::open("/no/such/file", O_RDONLY); }}};
  for (const auto& [name, call] : calls) {
    const double free = median(5, [&] { return in_fork([&] { return nanoseconds_per_call(call); }); });
    const double shut = median(5, [&] {
      return in_fork([&] {
        enter();
        return nanoseconds_per_call(call);
      });
    });
    std::printf("%-58s %9.1f ns free, %.1f ns in the sandbox\n", name, free, shut);
  }
}
