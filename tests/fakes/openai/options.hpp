#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fake {

/// What the command line of weir-fake-openai says. docs/fake-openai.md describes each option for people.
struct options {
  std::uint16_t port = 0;
  std::string api_key; ///< empty: any bearer that is not empty is taken
  std::uint64_t seed = 1;
  long video_ms = 1000;
  long image_ms = 300;
  std::uint64_t video_bytes = 256 * 1024;
  std::uint64_t image_bytes = 0; ///< 0: as small as the picture is
  std::uint64_t rate_bytes_per_second = 0;
  std::uint64_t max_body_bytes = 256u << 20;
  unsigned max_connections = 1024;
  unsigned max_requests_per_minute = 0; ///< 0: no limit
  std::string real_media;
  std::vector<std::string> faults;
  std::vector<std::string> models;
  bool video_cancel = false;
  bool idempotency = true;
  bool open_values = false;
  bool with_parent = false;
};

/// Returns the options, or nothing when the program should end with `exit_code` (help was printed, or an option is
/// wrong).
std::optional<options> parse_options(int argc, char** argv, int& exit_code);

} // namespace fake
