#pragma once

#include <weir/core/task.hpp>
#include <weir/mcp/server.hpp>

#include <chrono>
#include <cstddef>

namespace weir::mcp {

struct stdio_options {
  /// A longer line is answered with an error and skipped without being held.
  std::size_t max_line_bytes = std::size_t{4} << 20;
  /// Requests that run at the same time; the next one is answered with an error.
  std::size_t max_in_flight = 1024;
  /// Output that waits for a slow reader; beyond it no more input is read, and progress is dropped.
  std::size_t max_unwritten_bytes = std::size_t{8} << 20;
  /// How long requests may still run after the end of the input, before they are cancelled.
  std::chrono::milliseconds grace{20};
};

/// Speaks MCP on a pair of descriptors, one JSON message per line, until `in` ends or the reader of `out` is gone.
/// Pipes, sockets, terminals and files all work; their flags are not changed.
///
/// Reading never waits for work: every request runs as a task of its own. `notifications/cancelled` stops its task, and
/// no response follows. At the end of the input, outstanding requests get `grace`, are then cancelled, and what is
/// written so far is flushed for as long as somebody reads it.
///
/// Where `out` is 1 the descriptor is kept for the protocol alone: during the call, descriptor 1 leads to stderr and
/// descriptor 0 to /dev/null, for the whole process, so that nothing that prints or reads, here or in a child
/// process, can break into the conversation. SIGPIPE is ignored from then on.
///
/// Fails: errno_error where a descriptor is unusable; never for what a client sends.
/// Cancellation: cancels the requests, writes what fits without waiting, and leaves.
task<void> serve_stdio(server& to, int in = 0, int out = 1, stdio_options options = {});

} // namespace weir::mcp
