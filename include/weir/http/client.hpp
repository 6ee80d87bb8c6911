#pragma once

#include <weir/core/task.hpp>
#include <weir/http/body.hpp>
#include <weir/http/errors.hpp>
#include <weir/http/headers.hpp>
#include <weir/http/retry.hpp>
#include <weir/http/session_pool.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace weir::http {

/// Limits on the time of one attempt; 0 is none. The clocks start when the request has its place in the pool.
struct timeouts {
  std::chrono::milliseconds connect{10'000}; ///< name look-up, connection and TLS together
  std::chrono::milliseconds idle{
      60'000}; ///< without a byte in either direction, also while the server thinks; after a large upload up to twice
  std::chrono::milliseconds total{0}; ///< to the last byte, redirects and a slow consumer included
};

/// A request to send. It can be sent again: nothing in it is used up.
struct client_request {
  std::string method = "GET";
  std::string url; ///< http or https. "user:password@" becomes Basic authorization.
  /// `Content-Length`, `Transfer-Encoding` and `Connection` are the client's own affair and refused here.
  http::headers headers;
  http::body body;

  std::optional<http::timeouts> timeouts; ///< not set: the client's
  /// Most bytes of a body, after decompression. Not set: the client's for `send`, none for `stream`.
  std::optional<std::uint64_t> max_response_bytes;
  std::optional<retry_policy> retry; ///< not set: the client's

  /// Whether sending it twice does no harm. Not set: true for GET, HEAD, OPTIONS and TRACE. What is not idempotent
  /// always goes over a fresh connection, because a kept one may break in a way that leaves open whether the request
  /// was acted on.
  std::optional<bool> idempotent;

  /// How many redirects are followed; 0 returns the redirect itself. On another origin only harmless headers go along
  /// (no Authorization, no Cookie, no header of the caller's own), and no body; from https to http never.
  int max_redirects = 10;

  /// Whether compressed answers are asked for and unpacked. Not set: yes for `send`, no for `stream`.
  std::optional<bool> accept_compressed;

  /// Told how many of the `total` bytes of the body have been handed to the system's network: on the loop, about every
  /// 100 ms while they leave, and once when the last one has. Begins low again with every further attempt and redirect;
  /// not told the end where the server answered before it. Never called without a body. Must not throw.
  std::function<void(std::uint64_t sent, std::uint64_t total)> on_upload_progress;
};

/// The first part of an answer.
struct response_head {
  int status = 0;
  http::headers headers;
  std::string url; ///< that answered, after redirects
  /// The length of the body as it is sent, where the server said.
  std::optional<std::uint64_t> content_length;
  bool compressed = false; ///< whether the body is unpacked on the way, so that content_length is not the length here
  int attempts = 1;        ///< how many it took, all told
};

/// A whole answer.
struct client_response {
  int status = 0;
  http::headers headers;
  std::string url; ///< that answered, after redirects
  std::string body;
  int attempts = 1; ///< how many it took, all told
};

/// Gets the body of an answer, piece by piece in order; the piece is valid until the task ends. While it runs, at most
/// `max_buffer_bytes` more are read from the connection. It may hop to a thread.
using body_sink = std::function<task<void>(std::span<const std::byte> piece)>;

struct stream_options {
  /// Called once before the first piece. Throw from it to refuse the body: nothing more of it is read.
  std::function<void(const response_head&)> on_head;
  /// An answer that is no success (2xx) is not handed to the sink: status_error with the beginning of its body is
  /// thrown.
  bool only_success = false;
  std::size_t piece_bytes = 1; ///< wait for so many before the sink is called (the last piece may be less)
  std::size_t max_buffer_bytes = 128 * 1024; ///< 16 KB at least
};

struct client_options {
  http::timeouts timeouts;
  retry_policy retry;
  std::string user_agent = "weir";
  std::uint64_t max_response_bytes = 64ull * 1024 * 1024; ///< of a body that `send` collects
  session_pool_options pool;                              ///< for a client that makes its own pool
};

/// An HTTP client on the running loop.
///
///     weir::http::client web;
///     auto answer = co_await web.send({.url = "https://example.org/shots.json"});
///     weir::http::require_success(answer, "list the shots");
///
/// Any number of requests may be under way; the pool caps the connections and serves the rest in order. Answers with an
/// error status are returned like any other (see require_success), after the repetitions that the policy allows.
///
/// Fails: transport_error (errors.hpp) where no complete answer came; weir::error(invalid_argument) for a request that
/// cannot be sent (URL, header names and values); status_error where the server asks for a longer wait than the
/// policy's. A body that is shorter than its Content-Length is an error. An answer that arrives in full before the
/// whole request body has left is the answer, whatever becomes of the rest. Cancellation: immediate at any point; the
/// connection is closed (HTTP/2: the stream is reset). Thread-safety: the loop's thread only; it may die while nothing
/// is under way. Cost: about 20 us of processor time for a small request.
class client {
 public:
  explicit client(client_options options = {});
  /// On connections shared with other clients.
  explicit client(std::shared_ptr<session_pool> pool, client_options options = {});
  ~client();
  client(client&&) noexcept;
  client& operator=(client&&) noexcept;

  /// Sends `request` and collects the answer.
  task<client_response> send(client_request request);

  /// Sends `request` and hands the body to `sink` with bounded memory, over HTTP/1.1. What has arrived before a
  /// break is still handed over before the error is thrown. Repeated only while the sink has not been called.
  /// Returns: the head, after the last piece.
  /// Fails: as `send`; and with what `sink` or `options.on_head` threw.
  task<response_head> stream(client_request request, body_sink sink, stream_options options = {});

  const client_options& options() const noexcept;
  session_pool& pool() const noexcept;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

/// Returns: `url` as it may be shown: without user name, password, fragment, and with "?..." for a query.
std::string shown_url(std::string_view url);

/// Fails: status_error with `what` (for example "list the shots") where the status is not 2xx.
void require_success(const client_response& answer, std::string_view what);

} // namespace weir::http
