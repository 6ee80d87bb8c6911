#pragma once

#include <weir/core/task.hpp>
#include <weir/studio/config.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace weir::app {

struct serve_options {
  std::string address; ///< empty: stdio; else where HTTP is served
  std::uint16_t port = 8765;
  std::vector<std::string> allowed_hosts;   ///< beside loopback names
  std::vector<std::string> allowed_origins; ///< beside loopback origins
  std::vector<std::string> told;            ///< lines for a person, printed once the port is open
};

/// Splits "ADDR:PORT", "[V6]:PORT", "PORT" or "ADDR". Fails: errc::invalid_argument.
void parse_endpoint(const std::string& text, serve_options& into);

/// Serves MCP until its input ends (stdio) or a signal comes. Fails: errc::unavailable where the port is taken.
task<void> serve(studio::config settings, serve_options options);

} // namespace weir::app
