#pragma once

#include <weir/core/task.hpp>

namespace weir::http {

/// Loads libcurl, which brings some 25 libraries along, on a pool thread; a program does that once. A session_pool or
/// client that is made without it loads them on the loop's thread, where everything else waits meanwhile: a server
/// calls this before it makes its first.
/// Fails: weir::error(unavailable) if libcurl is not installed; the next call tries again. Cancellation: waits until
/// they are loaded. Thread-safety: each call belongs to its loop; any loop. Cost: the first time 5 to 8 ms of a
/// pool thread, and memory; then a nanosecond.
task<void> load_client();

} // namespace weir::http
