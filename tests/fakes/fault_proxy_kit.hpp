#pragma once

#include "fakes/fault_proxy/proxy.hpp"
#include "fakes/raw_peer.hpp"
#include "http/fault_server.hpp"

#include <gtest/gtest.h>

#include <string>

namespace weir::fakes::testing {

using test::fault_server;
using test::header_of;
using test::request_line;
using test::wire;
using ending = raw_peer::ending;

inline std::string get(std::string_view target, std::string_view headers = "") {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: upstream\r\n" + std::string(headers) + "\r\n";
}

inline const std::string hello_answer =
    "HTTP/1.1 200 OK\r\nServer: up\r\nDate: Tue, 29 Feb 2028 23:30:00 GMT\r\nETag: \"one\"\r\n"
    "Accept-Ranges: bytes\r\nContent-Length: 26\r\n\r\nabcdefghijklmnopqrstuvwxyz";
inline const std::string hello_head = hello_answer.substr(0, hello_answer.size() - 26);

/// Answers every request with hello_answer.
inline fault_server::handler_type hello() {
  return fault_server::per_request([](const std::string& head, wire& w) {
    w.read_body_of(head);
    w.send(hello_answer);
  });
}

/// An upstream that says hello, and a proxy with one rule before it.
struct hello_proxy {
  explicit hello_proxy(action then, match when = {}) : proxy(up.port(), {{when, std::move(then)}}) {}
  fault_server up{hello()};
  fault_proxy proxy;
};

} // namespace weir::fakes::testing
