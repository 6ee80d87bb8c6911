#pragma once

#include <weir/offload/process_errors.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace weir::detail {

/// A place in a program or library. Processes of one binary lie at different addresses, and a forked worker need not
/// share its parent's: so not the address travels but the file (a hash of the path it was loaded from) and the offset.
struct crash_frame {
  std::uint64_t module = 0;
  std::uint64_t offset = 0;
};

/// What a dying worker leaves in memory that it shares with its parent. To the parent it is hostile input: never read a
/// field twice, and none before check_crash.
struct crash_record {
  static constexpr std::size_t max_frames = 32;

  std::uint32_t state = 0; ///< 0: no crash; 1: being written; 2: all but the trace; 3: complete
  std::int32_t signal = 0;
  std::int32_t code = 0;           ///< si_code
  std::int32_t thread = 0;         ///< the kernel's number of the thread
  std::uint64_t address = 0;       ///< si_addr
  std::uint64_t stack_pointer = 0; ///< when it happened
  std::uint32_t stack_overflow = 0;
  std::uint32_t frame_count = 0;
  crash_frame frames[max_frames];
};

/// In the worker, before enter_sandbox: from now on SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT and SIGSYS are written
/// into `slot`, which must stay mapped, and then end the process as if there were no handler. The calling thread gets a
/// stack for signals of its own; other threads report all but their own stack's overflow. Libraries loaded later are
/// reported as unknown. In the handler nothing allocates or locks: addresses come from _Unwind_Backtrace, which the C++
/// runtime needs for exceptions anyway and which is called once here so that it has nothing left to set up. Should the
/// stack be so broken that walking it fails, the facts are in the slot already.
/// Fails: errno_error where the stack cannot be had. Cost: about 100 us and 64 KiB.
void install_crash_handlers(crash_record& slot);

/// In the worker, before each job: `slot` holds no crash. (The parent may do that too, while the worker waits.)
void clear_crash(crash_record& slot) noexcept;

/// A crash record that was copied and checked: counts in range, flags 0 or 1, an address only where the signal has one.
struct checked_crash {
  bool present = false;
  int thread = 0;
  crash_facts facts; ///< without trace and core flag
  std::vector<crash_frame> frames;
};

/// In the parent, after the worker's end by `signal` (what waitid said: the truth; the record is only what the worker
/// says). Returns the record's copy; not present where nothing or nonsense was written.
checked_crash check_crash(const crash_record& slot, int signal);

/// Gives the name of a frame ("function+0x12 (file)"), or an empty string. `exact`: the address of the instruction
/// itself, not one where a call returns to.
using frame_resolver = std::function<std::string(const crash_frame& frame, bool exact)>;

/// Names a frame by the files that this process has loaded, from their symbol tables (the full one where the file is
/// not stripped). Thread-safety: any thread. Cost: reads the file's symbols each time, milliseconds for a large
/// program.
std::string resolve_frame(const crash_frame& frame, bool exact);

/// Returns "#0 function+0x12 (file)" per frame, innermost first; "#3 0x1234 (unknown)" where there is no name.
std::vector<std::string> describe(const checked_crash& crash, const frame_resolver& resolver = resolve_frame);

/// The hash that stands for a loaded file: 64-bit FNV-1a of its path as the dynamic linker has it ("" for the program).
std::uint64_t module_hash(const char* path) noexcept;

} // namespace weir::detail
