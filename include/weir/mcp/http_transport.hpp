#pragma once

#include <weir/core/task.hpp>
#include <weir/http/server.hpp>
#include <weir/mcp/server.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace weir::mcp {

struct http_options {
  std::string path = "/mcp";

  /// Names under which the server may be addressed, beside localhost, 127.0.0.1 and [::1]: "studio.example" (any port)
  /// or "studio.example:8080". Any other `Host` is refused, so that a web page cannot reach a local server through a
  /// name of its own (DNS rebinding).
  std::vector<std::string> allowed_hosts = {};

  /// Origins of web pages that may call, beside pages from loopback and from `allowed_hosts`: "https://app.example".
  /// These, and only these, get CORS headers. "null" is always refused.
  std::vector<std::string> allowed_origins = {};

  /// Refuse a POST whose `Accept` does not list both application/json and text/event-stream. Off: what is listed is
  /// respected, and a missing `Accept` means both.
  bool strict_accept = false;

  /// A call that takes longer is answered with an event stream, which keeps the connection alive through proxies.
  std::chrono::milliseconds stream_after{5'000};
  /// Between comments on a quiet stream.
  std::chrono::milliseconds keep_alive{15'000};
};

/// Speaks MCP over HTTP: Streamable HTTP of both eras on one path. GET opens the stream of a legacy session and is 405
/// without one; DELETE is 405.
///
/// An answer is plain JSON, unless there is progress (or another notification) to send before it, or the call takes
/// longer than `stream_after`, or it is subscriptions/listen: then it is a stream of server-sent events.
///
/// A session cannot be lost, so a restart disturbs nobody: the id that a legacy client gets at `initialize` holds the
/// negotiated revision and a random part, and is valid on every server. What a client subscribes to, and its log level,
/// are remembered under that id, for a thousand clients.
///
/// Cancellation: closing the connection cancels a modern request. A legacy request is not cancelled by that; only
/// `notifications/cancelled` does, on any connection with the same session id (without one: from the same address),
/// and only where exactly one running request has that id.
///
/// Thread-safety: the loop's thread only. It must outlive the http::server's `serve()`.
class http_transport {
 public:
  explicit http_transport(server& to, http_options options = {});
  ~http_transport();
  http_transport(const http_transport&) = delete;
  http_transport& operator=(const http_transport&) = delete;

  /// Adds the route. Body, header and connection limits are those of `where`.
  void attach(http::server& where);

  /// Answers one request: for a server that routes by itself.
  task<void> handle(http::request& request, http::responder& respond);

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace weir::mcp
