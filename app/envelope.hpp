#pragma once

#include <weir/core/error.hpp>
#include <weir/json/value.hpp>

#include <optional>
#include <string>
#include <vector>

/// The command line's answers: one JSON object per input on standard output, everything else on standard error.
namespace weir::app {

/// The exit codes that scripts rely on.
namespace exit_code {
inline constexpr int ok = 0;
inline constexpr int failed = 1;
inline constexpr int usage = 2;
inline constexpr int config = 3;
inline constexpr int timeout = 4;
inline constexpr int job_failed = 5;
inline constexpr int partial = 6;
inline constexpr int interrupted = 130;
} // namespace exit_code

/// How a failure is called in an envelope, and which exit code it has.
struct failure_class {
  std::string type;
  int code;
};
failure_class classify(const error& failure);

/// One answer.
struct envelope {
  std::string command; ///< "video.create"
  bool ok = true;
  json::object result;
  std::string error_type, error_message;
  std::optional<double> elapsed_seconds;
  std::string resume;  ///< a shell line that goes on where this one ended
  json::object extras; ///< flat members beside the others
  int code = exit_code::ok;
};

/// The envelope of a failure.
envelope failed(std::string command, const error& why);
envelope failed(std::string command, std::string type, std::string message, int code);

/// Writes `answer` to standard output as one line, or indented where `pretty`.
void print(const envelope& answer, bool pretty);

/// The exit code of several answers: 6 where some went well and some did not; where none did, 4 if one timed out, else
/// the largest.
int combined(const std::vector<int>& codes);

/// A line for the person on standard error, control characters escaped. Silent with --quiet.
void tell(const std::string& line);
void set_quiet(bool quiet);

} // namespace weir::app
