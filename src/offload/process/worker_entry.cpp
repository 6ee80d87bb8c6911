#include "offload/process/worker_entry.hpp"

#include "offload/process/role.hpp"

#include <weir/core/detail/time_slice.hpp>
#include <weir/core/error.hpp>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace weir::detail {

namespace {

struct {
  char* title = nullptr;
  std::size_t title_bytes = 0;
  char** environment = nullptr;
} arguments;

// The one who is killed first when memory runs out is a worker, not the server. Raising needs no right; where it is
// not possible the kernel chooses by size.
void offer_to_oom_killer() noexcept {
  const unique_fd file(::open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC));
  char text[16] = {};
  const ssize_t got = file ? ::read(file.get(), text, sizeof text - 1) : -1;
  int now = 0;
  if (got <= 0 || std::from_chars(text, text + got, now).ec != std::errc()) return;
  const auto end = std::to_chars(text, text + sizeof text, std::min(now + 500, 1000)).ptr;
  [[maybe_unused]] const auto written = ::pwrite(file.get(), text, static_cast<std::size_t>(end - text), 0);
}

// Keys and passwords are not for what takes untrusted input. Copies that static initialisers made are out of reach.
void wipe_environment() noexcept {
  for (char** entry = arguments.environment; entry && *entry; ++entry) std::memset(*entry, 0, std::strlen(*entry));
  ::clearenv();
}

void place_fds(const worker_order& order) {
  // Each source has a number above all targets before it, so that none is overwritten before its turn.
  for (std::size_t i = 0; i < order.fds.size(); ++i)
    if (::dup2(order.fds[i].get(), static_cast<int>(i) + 1) < 0) throw errno_error(errno, "a descriptor of a worker");
  const auto after = static_cast<unsigned>(order.fds.size()) + 1;
  const unsigned last = order.request.sandbox ? first_high_fd - 1 : ~0u;
  if (::syscall(SYS_close_range, after, last, 0) != 0) throw errno_error(errno, "closing descriptors of a worker");
}

void set_limit(__rlimit_resource which, rlim_t soft, rlim_t hard) {
  rlimit now{};
  ::getrlimit(which, &now);
  const rlimit wanted{std::min(soft, now.rlim_max), std::min(hard, now.rlim_max)};
  if (::setrlimit(which, &wanted) != 0) throw errno_error(errno, "a resource limit of a worker");
}

void limit(const worker_request& request) {
  if (request.memory_limit_bytes > 0) limit_memory(request.memory_limit_bytes);
  if (!request.core_dumps) set_limit(RLIMIT_CORE, 0, 0);
  const auto seconds = static_cast<rlim_t>(std::max<std::int64_t>(0, request.cpu_limit_s));
  if (seconds > 0) set_limit(RLIMIT_CPU, seconds, seconds + 1);
}

void map_channel(const worker_order& order, worker_context& context) {
  struct stat info{};
  const int fd = context.fds.front();
  if (::fstat(fd, &info) != 0) throw errno_error(errno, "the channel of a worker");
  const auto size = static_cast<std::size_t>(info.st_size);
  const std::uint64_t offset = order.request.slot_offset_bytes;
  if (offset % 64 != 0 || size < sizeof(worker_slot) || offset > size - sizeof(worker_slot))
    throw error(errc::internal, "the channel of a worker has no room for its slot");
  void* const memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) throw errno_error(errno, "the channel of a worker");
  context.channel = {static_cast<std::byte*>(memory), size};
  context.slot = reinterpret_cast<worker_slot*>(context.channel.data() + offset);
}

void report_failure(worker_slot* slot, const char* why) noexcept {
  if (slot) {
    std::strncpy(slot->failure, why, sizeof slot->failure - 1);
    std::atomic_ref(slot->progress).store(worker_slot::failed, std::memory_order_release);
  }
  [[maybe_unused]] const auto written = ::write(2, why, std::strlen(why));
}

void check_zygote(pid_t zygote) noexcept {
  if (::getppid() != zygote) ::_exit(0);
}

} // namespace

void remember_arguments(int argc, char** argv) noexcept {
  // The kernel lays them out in one piece; a static initialiser may have moved the pointers elsewhere.
  char* end = argv[0];
  for (int i = 0; i < argc && argv[i] == end; ++i) end += std::strlen(end) + 1;
  arguments = {argv[0], static_cast<std::size_t>(end - argv[0]), argv + argc + 1};
}

void set_process_title(std::string_view text) noexcept {
  if (arguments.title_bytes == 0) return;
  const std::size_t size = std::min(text.size(), arguments.title_bytes - 1);
  std::memcpy(arguments.title, text.data(), size);
  std::memset(arguments.title + size, 0, arguments.title_bytes - size);
  char name[16] = {};
  const std::string_view last = text.substr(text.size() - std::min<std::size_t>(text.size(), sizeof name - 1));
  std::memcpy(name, last.data(), last.size());
  ::prctl(PR_SET_NAME, name, 0, 0, 0);
}

void run_worker(const worker_order& order) noexcept {
  // The zygote has one thread, so this is bound to its life; the check covers its death before the call.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  check_zygote(order.zygote);
  ::setpgid(0, 0);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  worker_context context;
  try {
    place_fds(order);
    std::array<int, max_worker_fds> numbers;
    for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<int>(i) + 3;
    context.fds = std::span(numbers).first(order.fds.size() - 2);
    if (order.request.nice > 0) ::setpriority(PRIO_PROCESS, 0, order.request.nice);
    set_time_slice(usual_slice);
    offer_to_oom_killer();
    std::setvbuf(stdout, nullptr, _IOLBF, 0); // what was printed before a crash is not lost
    map_channel(order, context);
    install_crash_handlers(context.slot->crash);
    limit(order.request);
    set_process_title("weir-worker");
    if (order.request.sandbox) {
      wipe_environment();
      std::vector<int> keep{0, 1, 2};
      keep.insert(keep.end(), context.fds.begin(), context.fds.end());
      context.sandbox_missing = enter_sandbox(*order.request.sandbox, keep, *order.sandbox).missing;
      context.sandboxed = true;
      check_zygote(order.zygote); // the kernel may have forgotten the death signal for a moment on the way
    }
    std::atomic_ref(context.slot->progress).store(worker_slot::running, std::memory_order_release);
    order.entry(context);
  } catch (const std::exception& e) {
    report_failure(context.slot, e.what());
    ::_exit(70);
  } catch (...) {
    report_failure(context.slot, "an exception of unknown type left the worker");
    ::_exit(70);
  }
  std::fflush(nullptr);
  ::_exit(0);
}

} // namespace weir::detail
