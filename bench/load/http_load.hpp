#pragma once

#include <cstdint>
#include <string>

namespace weir::bench {

struct http_load {
  std::uint16_t port = 0;
  std::string path = "/mcp";
  std::string headers; ///< further header lines, each ended by CRLF
  std::string request; ///< the body, with "@ID@" where its number goes
  unsigned connections = 16;
  double seconds = 3, warm_seconds = 0.5;
};

/// Posts to 127.0.0.1 over kept connections, one request in flight on each, and prints one line of JSON.
/// An answer counts where its status is 200 and its body holds "result" and no "isError":true.
void run_http_load(const http_load& work);

} // namespace weir::bench
