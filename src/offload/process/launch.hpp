#pragma once

#include <weir/core/unique_fd.hpp>

#include <sys/types.h>

namespace weir::detail {

/// The parent's ends of a zygote that has been started and has not said anything yet.
struct launched_zygote {
  pid_t pid = 0;
  unique_fd pidfd;
  unique_fd socket; ///< non-blocking
  unique_fd output; ///< what its static initialisers, and the dynamic linker, write; non-blocking
};

/// Starts the image of this program that runs now, even where its file was replaced or deleted since the first call.
/// Fails: errc::unsupported where the program does not look for the role before its main; errc::unavailable where
/// /proc does not show the program or it cannot be executed.
/// Cost: about 1 ms in which the calling thread waits for the exec; it does not grow with this process's memory.
/// Thread-safety: any thread.
launched_zygote launch_zygote();

} // namespace weir::detail
