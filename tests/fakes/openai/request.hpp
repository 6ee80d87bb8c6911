#pragma once

#include "net.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fake {

using name_values = std::vector<std::pair<std::string, std::string>>;

/// A complete request. Header names are in lower case; path segments stay percent-encoded, query values are decoded.
struct request {
  std::string method, target, path;
  name_values headers, query;
  std::string body;
  bool keep_alive = true;

  std::optional<std::string_view> header(std::string_view name) const;
  std::optional<std::string_view> parameter(std::string_view name) const;
};

/// The bytes on the wire are no request that the server takes: answer `status`, then close.
struct malformed_request {
  int status;
  std::string message;
};

/// Reads the requests of one connection, one after the other (RFC 9112): bodies by Content-Length or chunked, and
/// `Expect: 100-continue`. Bytes that came too early wait for the next call.
class request_reader {
 public:
  request_reader(connection& c, std::uint64_t max_body_bytes) : connection_(c), max_body_bytes_(max_body_bytes) {}

  /// Returns nothing at an orderly end. Throws malformed_request or connection_lost.
  std::optional<request> next();

 private:
  bool fill(millis limit);
  std::string line(std::size_t max_bytes);
  void read_exactly(std::string& to, std::uint64_t size);
  void read_body(request& r);
  void read_chunks(request& r);

  connection& connection_;
  std::uint64_t max_body_bytes_;
  std::string buffer_;
};

std::string percent_decode(std::string_view text, bool plus_is_space);
std::string lower(std::string_view text);
std::string_view trim(std::string_view text);

} // namespace fake
