#pragma once

#include <weir/core/task.hpp>
#include <weir/http/responder.hpp>
#include <weir/http/router.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string>

namespace weir::http {

/// Where a server listens, and what it puts up with. The limits are checked before the memory is spent.
struct server_options {
  std::string address = "127.0.0.1"; ///< an IPv4 or IPv6 address, or "localhost" (127.0.0.1)
  std::uint16_t port = 0;            ///< 0: the system chooses a free one; see server::port()

  std::size_t max_header_bytes = 16 * 1024;     ///< request line and fields; over it 414 or 431
  std::size_t max_header_fields = 128;          ///< over it 431
  std::size_t max_body_bytes = 4 * 1024 * 1024; ///< over it 413
  std::size_t max_connections = 1024;           ///< over it 503

  /// From the first byte of a request to the end of its head, however many reads that takes; then 408.
  std::chrono::milliseconds header_timeout{10'000};
  /// From the end of the head to the end of the body; then 408.
  std::chrono::milliseconds body_timeout{60'000};
  /// Between two requests, and before the first; then the connection is closed.
  std::chrono::milliseconds idle_timeout{75'000};
  /// How long a client that keeps the server waiting may take to read 64 KiB of an answer; slower, and it is cut off.
  std::chrono::milliseconds write_timeout{30'000};
  /// How long a refused client's remaining bytes are read and dropped, so that it gets to see the refusal.
  std::chrono::milliseconds linger_timeout{2'000};
  /// How long requests in flight may take to end once the server stops; then their handlers are cancelled.
  std::chrono::milliseconds drain_timeout{5'000};

  /// Told of every error that a handler let out (not: that the client has gone). It must not throw.
  /// By default one line on stderr: method, path and text.
  std::function<void(const request&, std::exception_ptr)> on_error;
};

/// An HTTP/1.1 server (RFC 9110, RFC 9112) on the loop that runs `serve()`: keep-alive, pipelining, HTTP/1.0 clients,
/// chunked bodies both ways. Behind a proxy it reads every message as the proxy does, or refuses it.
///
///     weir::http::server server({.port = 8080});
///     server.route("POST", "/echo", [](auto& request, auto& respond) -> weir::task<void> {
///       co_await respond.send({.body = std::move(request.body)});
///     });
///     co_await server.serve();
///
/// Thread-safety: the loop's thread only. Cost: one system call each to read and to answer a small request; an idle
/// connection keeps no read buffer.
class server {
 public:
  /// Binds and listens: from here on clients can connect, and are served once `serve()` runs.
  /// Fails: where the port is taken errc::unavailable, with "ADDR:PORT is already in use: choose another with --http
  /// ADDR:PORT"; errc::permission_denied for a port under 1024; errc::invalid_argument for an address that is none or
  /// not of this machine.
  explicit server(server_options options);
  ~server();
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  /// Adds a route; see router::add. Fails: also while `serve()` runs (errc::invalid_argument).
  void route(std::string method_or_star, std::string path, handler function);

  /// Serves until the task is cancelled or `stop()` is called, then stops gracefully: closes the listening socket and
  /// idle connections at once, lets requests in flight end with `Connection: close`, and cancels their handlers when
  /// `drain_timeout` has passed. To be called once.
  /// Returns: after `stop()`. Cancellation: ends in `cancelled` when all connections are gone.
  task<void> serve();

  /// Begins the graceful stop of a running `serve()`; again is harmless.
  void stop() noexcept;

  /// The bound port.
  std::uint16_t port() const noexcept;
  /// The bound address and port as in a URL: "127.0.0.1:8080", "[::1]:8080".
  std::string endpoint() const;
  /// Connections that are open now.
  std::size_t connections() const noexcept;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace weir::http
