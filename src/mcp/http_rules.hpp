#pragma once

#include <weir/http/message.hpp>
#include <weir/mcp/http_transport.hpp>

#include <mcp/message.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace weir::mcp::detail {

/// Who may call (DNS rebinding, cross-site requests). Returns what is wrong, or nothing.
std::optional<std::string> refused_caller(const http::headers& fields, const http_options& options);

/// Returns whether `origin` is in the list of the options, and gets CORS headers.
bool is_listed_origin(std::string_view origin, const http_options& options);

/// What a client can read.
struct accepted {
  bool json = false;
  bool events = false;
};
accepted read_accept(const http::headers& fields);

/// Returns whether the body is said to be JSON.
bool says_json(const http::headers& fields);

/// Decodes a mirrored value: plain visible ASCII, or "=?base64?...?=" (2026-07-28, "Value Encoding").
/// Returns nothing where it is neither.
std::optional<std::string> decode_mirrored(std::string_view value);

/// Compares the headers of a modern request with its body. Returns what is wrong (-32020), or nothing.
/// `called` is the tool that the request calls, or nullptr.
std::optional<std::string> header_mismatch(const message& m, const http::headers& fields, const tool* called);

/// A session id: the revision that was negotiated and 128 random bits, so that the server need not remember it.
std::string make_session_id(version v);
std::optional<version> read_session_id(std::string_view id);

} // namespace weir::mcp::detail
