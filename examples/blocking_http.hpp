#pragma once

#include <weir/core/error.hpp>
#include <weir/core/unique_fd.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string>

/// A client as old libraries have it: asks 127.0.0.1:`port` and blocks until the whole answer is there.
/// Returns its body. Fails: weir::error.
inline std::string blocking_http(std::uint16_t port, const std::string& method, const std::string& path,
                                 const std::string& body = {}) {
  const weir::unique_fd line(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (!line || ::connect(line.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
    throw weir::errno_error(errno, "the connection");

  const std::string request = method + " " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" +
                              "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  for (std::size_t sent = 0; sent < request.size();) {
    const ssize_t took = ::send(line.get(), request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
    if (took < 0) throw weir::errno_error(errno, "the request");
    sent += static_cast<std::size_t>(took);
  }

  std::string answer;
  char buffer[16 * 1024];
  for (ssize_t got; (got = ::recv(line.get(), buffer, sizeof buffer, 0)) != 0;) {
    if (got < 0) throw weir::errno_error(errno, "the answer");
    answer.append(buffer, static_cast<std::size_t>(got));
  }
  const std::size_t head = answer.find("\r\n\r\n");
  if (!answer.starts_with("HTTP/1.1 200 ") || head == std::string::npos)
    throw weir::error(weir::errc::remote, "the server said: " + answer.substr(0, answer.find('\r')));
  return answer.substr(head + 4);
}
