#pragma once

#include <chrono>

namespace weir::detail {

/// How long at a time a thread asks to run, of those that the scheduler shares the cores among fairly.
///
/// A thread that wakes up goes before the one that runs only if that one has used up its slice, which is looked at
/// every 1 to 10 ms (CONFIG_HZ), or if its own slice is the shorter one (PREEMPT_SHORT of kernel/sched/fair.c; it must
/// not have had more than its share, which a loop that mostly waits has not). So the loop asks for the least, and pool
/// threads and worker processes for what is usual. (Not for more: where the loop has had its share for the moment,
/// whoever runs may finish a slice first.) It is no priority: each one's share of a core is that of its niceness, and
/// no right is needed. Kernels before 6.12 take no notice.
inline constexpr std::chrono::microseconds loop_slice{100}; // the least that the kernel grants; 100 ms are the most
inline constexpr std::chrono::microseconds usual_slice{0};

/// Sets it for the calling thread; threads and processes that it starts inherit it. Leaves threads alone that are not
/// shared out fairly (SCHED_FIFO, SCHED_DEADLINE ...), and does nothing where the system does not allow it.
/// usual_slice: what threads have that never asked. Async-signal-safe.
void set_time_slice(std::chrono::nanoseconds slice) noexcept;

/// The calling thread's; 0 where the kernel has none (before 6.12) or does not tell.
std::chrono::nanoseconds time_slice() noexcept;

} // namespace weir::detail
