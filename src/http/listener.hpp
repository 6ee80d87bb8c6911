#pragma once

#include <weir/core/unique_fd.hpp>

#include <sys/socket.h>

#include <cstdint>
#include <string>

namespace weir::http::detail {

/// Returns: a non-blocking listening socket on `address` and `port`. Fails: as server::server.
unique_fd listen_on(const std::string& address, std::uint16_t port);

/// Returns: the address that `socket` is bound to.
sockaddr_storage bound_address(int socket);

/// Returns: "127.0.0.1:80" or "[::1]:80".
std::string to_text(const sockaddr_storage& address);
std::uint16_t port_of(const sockaddr_storage& address) noexcept;

} // namespace weir::http::detail
