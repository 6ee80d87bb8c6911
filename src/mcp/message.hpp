#pragma once

#include <weir/json/value.hpp>
#include <weir/mcp/protocol.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace weir::mcp::detail {

enum class message_kind { request, notification, response, invalid };

/// One JSON-RPC 2.0 message of a client, checked.
struct message {
  message_kind kind = message_kind::invalid;
  /// The id as JSON text, to echo and to look up; "null" where there is none that can be read.
  std::string id = "null";
  std::string method;
  json::object params;
  /// For an invalid one: what to answer.
  int error_code = 0;
  std::string error_text;
};

/// What came in one line or body.
struct incoming {
  std::vector<message> messages;
  bool is_batch = false;
};

/// Nesting that is still read. Deeper input costs nothing but its bytes.
inline constexpr std::size_t max_depth = 64;
/// Members of a batch (2025-03-26).
inline constexpr std::size_t max_batch = 100;

/// Reads one line or body. Never throws for what a client sent: a text that is no JSON, or JSON that is no message,
/// becomes an invalid message with the error to answer.
incoming read_message(std::string_view text);

/// Returns the id as JSON text where `value` may be one (a string or a finite number), else an empty string.
std::string id_text(const json::value& value);

/// Return the text of a JSON-RPC response.
std::string result_response(std::string_view id, std::string_view result);
std::string error_response(std::string_view id, int code, std::string_view text, const json::value* data = nullptr);
std::string error_response(std::string_view id, const rpc_error& failure);

/// Returns the text of a notification.
std::string notification(std::string_view method, const json::object& params);

} // namespace weir::mcp::detail
