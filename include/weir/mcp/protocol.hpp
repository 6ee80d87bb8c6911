#pragma once

#include <weir/json/value.hpp>

#include <array>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

/// The Model Context Protocol, server side: messages, tools, resources, prompts and the two transports.
/// Specification: https://modelcontextprotocol.io/specification (revisions 2024-11-05 to 2026-07-28).
namespace weir::mcp {

/// A protocol revision. Later ones compare greater.
/// The first four are the legacy era: the client says `initialize` once. The last is the modern era: every request
/// carries its revision, and there is no connection state.
enum class version { v2024_11_05, v2025_03_26, v2025_06_18, v2025_11_25, v2026_07_28 };

inline constexpr version newest_legacy = version::v2025_11_25;
inline constexpr version newest_modern = version::v2026_07_28;
inline constexpr std::array all_versions{version::v2024_11_05, version::v2025_03_26, version::v2025_06_18,
                                         version::v2025_11_25, version::v2026_07_28};

/// Returns whether `v` belongs to the era without a handshake.
constexpr bool is_modern(version v) noexcept { return v >= version::v2026_07_28; }

/// Returns the date that stands for `v` on the wire, for example "2025-06-18".
std::string_view to_string(version v) noexcept;

/// Returns the revision called `text`, or nothing where Weir does not speak it.
std::optional<version> parse_version(std::string_view text) noexcept;

/// JSON-RPC 2.0 and MCP error codes (2026-07-28, "Error Codes").
namespace error_code {
inline constexpr int parse_error = -32700;
inline constexpr int invalid_request = -32600;
inline constexpr int method_not_found = -32601;
inline constexpr int invalid_params = -32602;
inline constexpr int internal = -32603;
inline constexpr int legacy_resource_not_found = -32002; ///< up to 2025-11-25 only
inline constexpr int header_mismatch = -32020;
inline constexpr int missing_client_capability = -32021;
inline constexpr int unsupported_version = -32022;
} // namespace error_code

/// A failure of the protocol rather than of a tool: the client gets a JSON-RPC error instead of a result.
/// A tool handler throws it only for what no model can repair; for everything else it throws weir::error or returns a
/// result marked as error.
class rpc_error : public std::runtime_error {
 public:
  rpc_error(int code, const std::string& message, int http_status = 200)
      : std::runtime_error(message), code_(code), http_status_(http_status) {}
  rpc_error(int code, const std::string& message, json::value data, int http_status = 200)
      : std::runtime_error(message), code_(code), http_status_(http_status), data_(std::move(data)) {}

  int code() const noexcept { return code_; }
  /// The HTTP status where the request came over HTTP.
  int http_status() const noexcept { return http_status_; }
  const std::optional<json::value>& data() const noexcept { return data_; }

 private:
  int code_;
  int http_status_;
  std::optional<json::value> data_;
};

/// Who a client or a server says it is. Unverified: for display and logs only.
struct implementation {
  std::string name;
  std::string version;
  std::string title;       ///< sent from 2025-06-18
  std::string description; ///< sent from 2025-11-25
  std::string website_url; ///< sent from 2025-11-25
};

/// Severity of a log message to the client (RFC 5424 names), least severe first.
enum class log_level { debug, info, notice, warning, error, critical, alert, emergency };
std::string_view to_string(log_level level) noexcept;
std::optional<log_level> parse_log_level(std::string_view text) noexcept;

} // namespace weir::mcp
