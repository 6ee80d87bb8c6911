#include <weir/offload/detail/crash_report.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstring>

namespace weir::detail {

namespace {

// Only faults of the machine have an address; with si_code <= 0 the signal was sent by somebody.
bool has_address(int signal, int code) {
  return code > 0 && (signal == SIGSEGV || signal == SIGBUS || signal == SIGILL || signal == SIGFPE);
}

} // namespace

checked_crash check_crash(const crash_record& slot, int signal) {
  crash_record copy;
  // The worker may be alive and hostile: what was copied is looked at, never the slot again. volatile: copied once.
  const auto* from = reinterpret_cast<const volatile std::uint64_t*>(&slot);
  static_assert(sizeof(crash_record) % sizeof(std::uint64_t) == 0 && alignof(crash_record) == 8);
  std::uint64_t words[sizeof(crash_record) / sizeof(std::uint64_t)];
  for (auto& word : words) word = *from++;
  std::atomic_thread_fence(std::memory_order_acquire);
  std::memcpy(&copy, words, sizeof copy);

  checked_crash crash;
  crash.facts.signal = signal;
  if (copy.state != 2 && copy.state != 3) return crash;
  // A fault while the record was written ends the process with that fault's signal: then the first one is told.
  constexpr int watched[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS};
  if (std::find(std::begin(watched), std::end(watched), copy.signal) == std::end(watched)) return crash;
  if (copy.signal != signal && copy.state == 3) return crash;
  crash.present = true;
  crash.thread = std::max(0, copy.thread);
  if (has_address(copy.signal, copy.code)) crash.facts.fault_address = copy.address;
  crash.facts.stack_overflow =
      copy.stack_overflow == 1 && (copy.signal == SIGSEGV || copy.signal == SIGBUS) && crash.facts.fault_address;
  const std::size_t count = std::min<std::size_t>(copy.frame_count, crash_record::max_frames);
  crash.frames.assign(copy.frames, copy.frames + count);
  return crash;
}

std::vector<std::string> describe(const checked_crash& crash, const frame_resolver& resolver) {
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < crash.frames.size(); ++i) {
    const crash_frame& frame = crash.frames[i];
    const std::string name = resolver ? resolver(frame, i == 0) : std::string();
    lines.push_back(name.empty() ? fmt::format("#{} {:#x} (unknown)", i, frame.offset)
                                 : fmt::format("#{} {}", i, name));
  }
  return lines;
}

} // namespace weir::detail
