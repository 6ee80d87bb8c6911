#pragma once

#include <weir/core/unique_fd.hpp>
#include <weir/offload/child.hpp>

#include <sys/types.h>

namespace weir::detail {

/// A started process and this side of its streams. `pid` is also its process group; it stays reserved until reaped.
struct spawned {
  pid_t pid = -1;
  unique_fd pidfd, in, out, err;
};

/// Starts the program. Fails: as run_child.
spawned spawn(const child_options& options);

} // namespace weir::detail
