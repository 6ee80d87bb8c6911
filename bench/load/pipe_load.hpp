#pragma once

#include <string>
#include <vector>

namespace weir::bench {

struct pipe_load {
  std::vector<std::string> setup; ///< lines sent first; each that has an id is answered before the next goes out
  std::string request;            ///< one line with "@ID@" where its number goes
  unsigned long count = 0, warm = 0;
  int settle_ms = 0; ///< pause after the setup, before the idle memory is read
  std::vector<std::string> command;
};

/// Starts the command and speaks newline-delimited JSON-RPC with it, one call after the other.
/// Prints one line of JSON: time from the start to the first answer, idle and final memory, and the times of the calls.
void run_pipe_load(const pipe_load& work);

} // namespace weir::bench
