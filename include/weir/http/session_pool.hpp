#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace weir::http {

namespace detail {
class multi;
}

/// What all connections of a pool have in common.
struct session_pool_options {
  /// The most requests under way at once, over all servers and to one server (scheme, host and port). The rest waits in
  /// order of arrival, outside of any timeout.
  std::size_t max_connections = 200;
  std::size_t max_connections_per_host = 100;

  /// A PEM file of certificate authorities to trust beside those of the system; empty for none. Certificates and host
  /// names are always verified; there is no switch.
  std::string ca_file;

  /// A PEM file with a certificate and its private key, for servers that want to know who connects; empty for none. It
  /// is shown to every server of the pool that asks for one: make such a pool for that server alone.
  std::string client_certificate_file;

  /// The proxy for every request, "http://host:port" or "socks5h://host:port"; an empty string for none at all. Not
  /// set: as the environment says: `http_proxy` (lower case only, since a CGI program gets HTTP_PROXY from the
  /// outside), `https_proxy`/`HTTPS_PROXY`, `all_proxy`/`ALL_PROXY`, and `no_proxy`/`NO_PROXY` (names, suffixes,
  /// addresses, CIDR).
  std::optional<std::string> proxy;
};

/// What a pool is doing at the moment.
struct session_pool_stats {
  std::size_t in_flight = 0;          ///< requests that hold a place
  std::size_t waiting = 0;            ///< requests that wait for one
  std::size_t open_connections = 0;   ///< sockets, busy and idle
  std::size_t opened_connections = 0; ///< sockets since the start

  // Totals since the start. Bytes are counted when a request ends, however it ends; those of TLS and of framing
  // (chunks, HTTP/2, a proxy's CONNECT) are not in them, and heads of HTTP/2 count as they would be written in
  // HTTP/1.1.
  std::uint64_t requests = 0;       ///< that got a place: every attempt, and every redirect that was followed
  std::uint64_t bytes_sent = 0;     ///< heads and bodies of requests
  std::uint64_t bytes_received = 0; ///< heads and bodies of answers, before decompression
};

/// The connections of one loop: kept alive, shared by the clients made on it, capped in total and per server.
///
/// HTTP/2 is used where a TLS server offers it (ALPN) and the request is not a stream; everything else is HTTP/1.1.
/// Thread-safety: belongs to the loop it was made on; made, used and destroyed there.
class session_pool {
 public:
  /// Fails: weir::error(not_found) if one of the files cannot be read, invalid_argument if it is none, not_configured
  /// if the system has no certificate bundle.
  explicit session_pool(session_pool_options options = {});
  ~session_pool();
  session_pool(const session_pool&) = delete;
  session_pool& operator=(const session_pool&) = delete;

  session_pool_stats stats() const noexcept;

  // For the clients on it.
  const std::shared_ptr<detail::multi>& engine() const noexcept { return engine_; }

 private:
  std::shared_ptr<detail::multi> engine_;
};

} // namespace weir::http
