#include "http/fault_server.hpp"

#include <weir/core/gather.hpp>
#include <weir/core/run.hpp>
#include <weir/core/sleep.hpp>
#include <weir/core/timeout.hpp>
#include <weir/http/client.hpp>

#include <gtest/gtest.h>

#include <chrono>

using namespace std::chrono_literals;
using weir::task;
using weir::http::client;
using weir::http::client_options;
using weir::http::client_request;
using weir::http::client_response;
using weir::http::retry_policy;
using weir::http::transport_error;
using weir::test::fault_server;
using weir::test::header_of;
using weir::test::request_line;
using weir::test::wire;

namespace {

client_options direct() {
  client_options options;
  options.pool.proxy = "";
  options.retry = retry_policy::never();
  return options;
}

client_response get(const std::string& url, client_options options = direct()) {
  return weir::run([](std::string u, client_options o) -> task<client_response> {
    client web(o);
    co_return co_await web.send({.url = u});
  }(url, options));
}

} // namespace

TEST(client, gets_an_answer) {
  fault_server server(fault_server::per_request([](const std::string& head, wire& w) {
    w.answer(200, "you asked " + request_line(head), "X-A: 1\r\nx-a: 2\r\n");
  }));
  const client_response answer = get(server.url("/a?b=c"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "you asked GET /a?b=c");
  EXPECT_EQ(answer.headers.all("X-A"), (std::vector<std::string_view>{"1", "2"}));
  EXPECT_EQ(answer.url, server.url("/a?b=c"));
}
