#pragma once

#include <weir/mcp/call_context.hpp>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::mcp::detail {

/// Thrown by call_context::ask in the modern era: ends the handler, and becomes an `input_required` result. Like
/// `cancelled` it is no std::exception, so that a handler for errors does not swallow it.
struct input_needed {
  std::vector<input_request> missing;
  std::map<std::string, json::object> answers; ///< what is known already
};

/// Answers of earlier rounds, sealed for their way through the client (HMAC-SHA256 under a key of this process).
/// A state is bound to the request that it was made for, and expires.
class state_sealer {
 public:
  state_sealer();
  /// `purpose` names the request: its method and what it was asked to do.
  std::string seal(const std::map<std::string, json::object>& answers, std::string_view purpose,
                   std::chrono::system_clock::time_point expires) const;
  /// Returns nothing for a text that was not sealed here for `purpose`, or has expired.
  std::optional<std::map<std::string, json::object>> open(std::string_view sealed, std::string_view purpose,
                                                          std::chrono::system_clock::time_point now) const;

 private:
  std::string tag(std::string_view payload) const;
  std::string key_;
};

/// Returns `bytes` random bytes from the system, in hexadecimal.
std::string random_hex(std::size_t bytes);

} // namespace weir::mcp::detail
