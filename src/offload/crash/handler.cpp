#include <weir/offload/detail/crash_report.hpp>

#include <link.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include <unwind.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace weir::detail {

namespace {

constexpr int watched[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS};

struct module {
  std::uintptr_t begin, end, base;
  std::uint64_t hash;
};

// Everything that the handler uses, set up before. One per process: signals are.
struct {
  crash_record* slot = nullptr;
  module modules[128];
  std::size_t module_count = 0;
} state;

int add_module(dl_phdr_info* info, std::size_t, void*) {
  if (state.module_count == std::size(state.modules)) return 1;
  module found{UINTPTR_MAX, 0, info->dlpi_addr, module_hash(info->dlpi_name)};
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& part = info->dlpi_phdr[i];
    if (part.p_type != PT_LOAD) continue;
    found.begin = std::min<std::uintptr_t>(found.begin, info->dlpi_addr + part.p_vaddr);
    found.end = std::max<std::uintptr_t>(found.end, info->dlpi_addr + part.p_vaddr + part.p_memsz);
  }
  if (found.begin < found.end) state.modules[state.module_count++] = found;
  return 0;
}

crash_frame placed(std::uintptr_t address) noexcept {
  for (std::size_t i = 0; i < state.module_count; ++i) {
    const module& m = state.modules[i];
    if (address >= m.begin && address < m.end) return {m.hash, address - m.base};
  }
  return {0, address};
}

void add_frame(crash_record& slot, std::uintptr_t address) noexcept {
  if (slot.frame_count < crash_record::max_frames) slot.frames[slot.frame_count++] = placed(address);
}

struct walk {
  crash_record* slot;
  std::uintptr_t start; // frames above it are the handler's own
  bool reached;
  int steps;
};

_Unwind_Reason_Code step(_Unwind_Context* context, void* data) {
  auto& w = *static_cast<walk*>(data);
  const auto address = static_cast<std::uintptr_t>(_Unwind_GetIP(context));
  if (w.reached && w.slot) add_frame(*w.slot, address);
  if (address == w.start) w.reached = true;
  // A damaged stack can look endless.
  return ++w.steps > 64 || (w.slot && w.slot->frame_count == crash_record::max_frames) ? _URC_END_OF_STACK
                                                                                       : _URC_NO_REASON;
}

struct registers {
  std::uintptr_t pc = 0, sp = 0;
};

registers interrupted(const void* context) noexcept {
  const auto& machine = static_cast<const ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
  return {static_cast<std::uintptr_t>(machine.gregs[REG_RIP]), static_cast<std::uintptr_t>(machine.gregs[REG_RSP])};
#elif defined(__aarch64__)
  return {machine.pc, machine.sp};
#else
  return {};
#endif
}

// The stack's end was hit by a push just below the stack pointer, or by a function that moved it far at once and then
// wrote somewhere into its new frame.
bool looks_like_overflow(int number, const siginfo_t& info, std::uintptr_t sp) noexcept {
  if ((number != SIGSEGV && number != SIGBUS) || info.si_code <= 0) return false;
  const auto address = reinterpret_cast<std::uintptr_t>(info.si_addr);
  constexpr std::uintptr_t below = 64 << 10, above = 1 << 20;
  return sp > below && address >= sp - below && address < sp + above;
}

void on_crash(int number, siginfo_t* info, void* context) {
  crash_record& slot = *state.slot;
  std::atomic_ref<std::uint32_t> progress(slot.state);
  std::uint32_t none = 0;
  if (progress.compare_exchange_strong(none, 1)) { // of several threads that crash at a time the first one tells
    const registers at = interrupted(context);
    slot.signal = number;
    slot.code = info->si_code;
    slot.thread = static_cast<std::int32_t>(::syscall(SYS_gettid));
    slot.address = info->si_code > 0 ? reinterpret_cast<std::uintptr_t>(info->si_addr) : 0;
    slot.stack_pointer = at.sp;
    slot.stack_overflow = looks_like_overflow(number, *info, at.sp);
    slot.frame_count = 0;
    add_frame(slot, at.pc);
    progress.store(2, std::memory_order_release);
    // If this faults the signal is blocked, so the kernel ends the process: with the facts in place.
#ifdef __x86_64__
    // A call through a bad pointer: nothing is known about that place, but who called it is on top of the stack.
    if (number == SIGSEGV && at.pc == slot.address && placed(at.pc).module == 0)
      add_frame(slot, *reinterpret_cast<const std::uintptr_t*>(at.sp));
#endif
    walk w{&slot, at.pc, false, 0};
    _Unwind_Backtrace(step, &w);
    progress.store(3, std::memory_order_release);
  }
  // SA_RESETHAND has put the default action back; the signal is blocked until this returns, and then ends the process.
  ::syscall(SYS_tgkill, ::getpid(), ::syscall(SYS_gettid), number);
}

} // namespace

std::uint64_t module_hash(const char* path) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325u; // FNV-1a, 64 bits: Fowler, Noll, Vo
  for (; path && *path; ++path) hash = (hash ^ static_cast<unsigned char>(*path)) * 0x100000001b3u;
  return hash;
}

void clear_crash(crash_record& slot) noexcept {
  std::atomic_ref<std::uint32_t>(slot.state).store(0, std::memory_order_release);
}

void install_crash_handlers(crash_record& slot) {
  constexpr std::size_t stack_bytes = 64 << 10;
  if (!state.slot) {
    // Reserved for good: it is in use until the process ends.
    void* memory = ::mmap(nullptr, stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (memory == MAP_FAILED) throw errno_error(errno, "the stack for crash reports");
    const stack_t stack{memory, 0, stack_bytes};
    if (::sigaltstack(&stack, nullptr) != 0) throw errno_error(errno, "the stack for crash reports");
    walk warm_up{nullptr, 0, false, 0};
    _Unwind_Backtrace(step, &warm_up);
  }
  slot = {};
  state.slot = &slot;
  state.module_count = 0;
  ::dl_iterate_phdr(add_module, nullptr);
  struct sigaction action{};
  action.sa_sigaction = on_crash;
  action.sa_flags = static_cast<int>(SA_SIGINFO | SA_ONSTACK | SA_RESETHAND);
  sigfillset(&action.sa_mask);
  for (int number : watched) ::sigaction(number, &action, nullptr);
}

} // namespace weir::detail
