#pragma once

#include "cli_call.hpp"
#include "envelope.hpp"

#include <weir/studio/studio.hpp>
#include <weir/studio/tool.hpp>

#include <chrono>
#include <string>
#include <vector>

namespace weir::app {

/// How a person wants to wait.
struct wait_choice {
  bool wait = false;
  bool download = false;
  std::chrono::milliseconds timeout{std::chrono::minutes(30)};
  std::string timeout_text = "30m"; ///< as it was given, for the resume line
  std::string variant;              ///< of a video
};

/// One input of a command: a tool with its arguments.
struct invocation {
  const studio::tool* tool = nullptr;
  json::object arguments;
  json::object label; ///< `input` in the envelope of a fan-out: index, prompt or file
};

/// Runs a tool, and waits for its job and saves its result where that was chosen.
/// Returns the envelope; a failure is one too. Cancellation: passes.
task<envelope> execute(studio::studio& in, invocation what, output_choice output, wait_choice waiting);

/// Waits for a job that is there already. `command` is the envelope's.
task<envelope> wait_for_job(studio::studio& in, std::string command, std::string id, output_choice output,
                            wait_choice waiting);

/// Runs several, at most `limit` at once, and prints each envelope as it comes. Returns the exit code.
task<int> run_all(std::vector<task<envelope>> works, std::size_t limit, bool pretty);

/// "90", "90s", "30m", "2h" as milliseconds. Fails: errc::invalid_argument, also for what is negative or no number.
std::chrono::milliseconds parse_duration(const std::string& text, const std::string& flag);

} // namespace weir::app
