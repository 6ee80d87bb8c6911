#pragma once

#include <weir/http/headers.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace weir::http {

/// A request as the server hands it to a handler: complete, checked, within the limits of `server_options`.
///
/// Everything in it came from outside. What the server has already made sure of: the method is a token; exactly one
/// `Host` in an HTTP/1.1 request and none that is malformed; the length of the body was not open to two readings; no
/// control byte and no dot segment in `path`.
struct request {
  std::string method; ///< as sent, case-sensitive: "GET"
  std::string target; ///< the request target as sent, undecoded: "/a%20b?x=1", or absolute, or "*"

  /// The decoded path: begins with '/', or is "*" for `OPTIONS *`. `%2F`, `%5C` and `%25` stay encoded (in upper
  /// case), so that decoding never makes a new segment and two different targets never give the same path.
  std::string path;
  std::string query; ///< behind the first '?', undecoded; empty where there is none

  /// In an absolute-form request (RFC 9112 3.2.2) `Host` holds the authority of the target, whatever was sent.
  http::headers headers;
  std::string body; ///< without the chunked coding
  std::string peer; ///< the other end, "127.0.0.1:54321" or "[::1]:54321"

  /// Whether the client allows another request on this connection.
  bool keep_alive = true;

  /// Returns: the first value of `name` in the query, with %XX and '+' decoded; empty text for a bare name; nothing
  /// where the name does not occur or its value is not validly encoded.
  std::optional<std::string> query_value(std::string_view name) const;
};

/// An answer as a handler hands it to the server.
///
/// The server itself writes `Date`, `Content-Length`, `Transfer-Encoding` and `Connection`; of these only
/// `Connection: close` and a `Date` are taken from `headers`, the others are left out.
struct response {
  int status = 200; ///< 200 to 599
  http::headers headers;
  std::string body;
};

/// Returns: the reason phrase of `status` as registered with IANA ("Not Found"), or "Unknown".
std::string_view reason_phrase(int status) noexcept;

} // namespace weir::http
