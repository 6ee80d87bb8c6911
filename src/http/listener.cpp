#include "http/listener.hpp"

#include <weir/core/error.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cerrno>
#include <cstring>

namespace weir::http::detail {
namespace {

struct endpoint {
  sockaddr_storage address{};
  socklen_t length = 0;
};

bool parse_endpoint(std::string text, std::uint16_t port, endpoint& into) {
  if (text == "localhost") text = "127.0.0.1";
  if (text.size() > 2 && text.front() == '[' && text.back() == ']') text = text.substr(1, text.size() - 2);
  auto& v4 = reinterpret_cast<sockaddr_in&>(into.address);
  if (::inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    into.length = sizeof v4;
    return true;
  }
  auto& v6 = reinterpret_cast<sockaddr_in6&>(into.address);
  if (::inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    into.length = sizeof v6;
    return true;
  }
  return false;
}

[[noreturn]] void throw_refused(int number, const std::string& where) {
  switch (number) {
  case EADDRINUSE:
    throw error(errc::unavailable, where + " is already in use: choose another with --http ADDR:PORT");
  case EACCES:
    throw error(
        errc::permission_denied,
        where + " may not be used by this user (ports under 1024 are reserved): choose another with --http ADDR:PORT");
  case EADDRNOTAVAIL:
    throw error(errc::invalid_argument,
                where + " is not an address of this machine: choose another with --http ADDR:PORT");
  default:
    throw errno_error(number, "listening on " + where);
  }
}

} // namespace

unique_fd listen_on(const std::string& address, std::uint16_t port) {
  endpoint end;
  if (!parse_endpoint(address, port, end))
    throw error(errc::invalid_argument,
                "'" + address + "' is no IP address to listen on: use one such as 127.0.0.1, 0.0.0.0 or ::1");
  const std::string where = to_text(end.address);
  unique_fd socket(::socket(end.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
  if (!socket) throw_refused(errno, where);
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  // Accepted sockets inherit it.
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (end.address.ss_family == AF_INET6) ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&end.address), end.length) != 0 ||
      ::listen(socket.get(), 1024) != 0)
    throw_refused(errno, where);
  return socket;
}

sockaddr_storage bound_address(int socket) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length) != 0)
    throw errno_error(errno, "the listening socket");
  return address;
}

std::uint16_t port_of(const sockaddr_storage& address) noexcept {
  if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

std::string to_text(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = "?";
  if (address.ss_family == AF_INET6) {
    ::inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr, text, sizeof text);
    return '[' + std::string(text) + "]:" + std::to_string(port_of(address));
  }
  ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, text, sizeof text);
  return std::string(text) + ':' + std::to_string(port_of(address));
}

} // namespace weir::http::detail
