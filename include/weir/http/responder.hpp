#pragma once

#include <weir/core/task.hpp>
#include <weir/http/message.hpp>

#include <stop_token>
#include <string_view>

namespace weir::http {

namespace detail {
class connection;
}

/// A handler's way to answer its request: either `send` once, or `begin`, any number of `write`s, `finish`.
///
/// A handler that returns without an answer, or throws before it began one, is answered for with a plain 500 that shows
/// no details. One that throws after `begin` breaks the connection off, so that the client does not take the piece for
/// the whole. One that returns without `finish` has finished.
///
/// Every function that waits:
/// Fails: errc::unavailable if the client has gone, errc::timeout if it did not read for `write_timeout`; a handler
/// need not catch either. errc::internal for calls out of order, or while another task of the handler waits in one.
/// Cancellation: ends the wait; an answer that was cut in the middle breaks the connection.
/// Thread-safety: the server's loop only.
class responder {
 public:
  explicit responder(detail::connection& to) noexcept : to_(to) {}
  responder(const responder&) = delete;
  responder& operator=(const responder&) = delete;

  /// Answers at once and in full. For HEAD, and for 204 and 304, the body is left out.
  /// Fails: errc::invalid_argument for a status that is not 200 to 599. Cost: one system call for a small answer.
  task<void> send(response answer);

  /// Sends the head of an answer whose body follows in pieces: chunked, or with a `Content-Length` where `fields` name
  /// one (then exactly so many bytes must follow), or up to the end of the connection for an HTTP/1.0 client.
  task<void> begin(int status, headers fields);

  /// Sends one piece; returns when the operating system has taken it, so a client that reads slowly slows the handler
  /// down. `piece` must live until then. Empty is fine. For HEAD nothing is sent.
  task<void> write(std::string_view piece);

  /// Ends the body. Fails: errc::internal, and the connection is broken off, where the length that was announced has
  /// not been met.
  task<void> finish();

  /// Whether the handler is cancelled as soon as the client closes its sending side (or the whole connection). Off at
  /// first: the handler runs on, and learns of it when it writes. Where the client has gone already, on means at once.
  void cancel_on_disconnect(bool on);

  /// True once the client has closed its side. It may still be reading.
  bool client_has_closed() const noexcept;

  /// True once the head of an answer was sent.
  bool has_begun() const noexcept;

  /// Set when the server begins to stop; a long stream should then come to its end within the server's drain timeout.
  /// Callbacks on it run on the server's loop.
  std::stop_token draining() const noexcept;

 private:
  detail::connection& to_;
};

} // namespace weir::http
