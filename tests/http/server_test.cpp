#include "http/raw_client.hpp"
#include "http/running_server.hpp"

#include <weir/core/error.hpp>
#include <weir/core/sleep.hpp>
#include <weir/core/task_group.hpp>
#include <weir/core/timeout.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace weir::http {
namespace {

using namespace std::chrono_literals;
using testing::raw_answer;
using testing::raw_client;
using testing::running_server;

void add_routes(server& s) {
  s.route("POST", "/echo", [](request& q, responder& r) -> task<void> {
    response answer;
    answer.headers.add("X-Path", q.path);
    answer.body = std::move(q.body);
    co_await r.send(std::move(answer));
  });
  s.route("GET", "/hello", [](request&, responder& r) -> task<void> { co_await r.send({.body = "hello"}); });
  s.route("GET", "/count/*",
          [](request& q, responder& r) -> task<void> { co_await r.send({.body = q.path.substr(7)}); });
  s.route("GET", "/later", [](request&, responder& r) -> task<void> {
    co_await sleep_for(20ms);
    co_await r.send({.body = "later"});
  });
  s.route("GET", "/peer", [](request& q, responder& r) -> task<void> { co_await r.send({.body = q.peer}); });
  s.route("GET", "/empty", [](request&, responder& r) -> task<void> { co_await r.send({.status = 204}); });
  s.route("GET", "/bye", [](request&, responder& r) -> task<void> {
    response answer;
    answer.headers.add("Connection", "close");
    answer.headers.add("Content-Length", "999");
    co_await r.send(std::move(answer));
  });
  s.route("GET", "/throw", [](request&, responder&) -> task<void> {
    throw std::runtime_error("secret detail");
    co_return;
  });
  s.route("GET", "/stray", [](request&, responder&) -> task<void> {
    throw cancelled{};
    co_return;
  });
  s.route("GET", "/forget", [](request&, responder&) -> task<void> { co_return; });
  s.route("GET", "/twice", [](request&, responder& r) -> task<void> {
    co_await r.send({.body = "one"});
    co_await r.send({.body = "two"});
  });
  s.route("GET", "/badstatus", [](request&, responder& r) -> task<void> { co_await r.send({.status = 42}); });
  s.route("GET", "/stream", [](request&, responder& r) -> task<void> {
    co_await r.begin(200, {{"Content-Type", "text/plain"}});
    co_await r.write("one ");
    co_await r.write("");
    co_await sleep_for(5ms);
    co_await r.write("two");
    co_await r.finish();
  });
  s.route("GET", "/unfinished", [](request&, responder& r) -> task<void> {
    co_await r.begin(200, {});
    co_await r.write("all of it");
  });
  s.route("GET", "/broken", [](request&, responder& r) -> task<void> {
    co_await r.begin(200, {});
    co_await r.write("a piece");
    throw std::runtime_error("too late");
  });
  s.route("GET", "/exact", [](request&, responder& r) -> task<void> {
    co_await r.begin(200, {{"Content-Length", "6"}});
    co_await r.write("abc");
    co_await r.write("def");
    co_await r.finish();
  });
  s.route("GET", "/short", [](request&, responder& r) -> task<void> {
    co_await r.begin(200, {{"Content-Length", "6"}});
    co_await r.write("abc");
    co_await r.finish();
  });
  s.route("GET", "/long", [](request&, responder& r) -> task<void> {
    co_await r.begin(200, {{"Content-Length", "2"}});
    co_await r.write("abc");
  });
}

class server_test : public ::testing::Test {
 protected:
  static server_options options() {
    server_options o;
    o.on_error = [](const request&, std::exception_ptr) {};
    return o;
  }
  running_server server_{options(), add_routes};
  raw_client client_{server_.port()};

  static std::string get(const std::string& path, const std::string& fields = "") {
    return "GET " + path + " HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
  }
};

TEST_F(server_test, answers_a_post_with_its_body) {
  const auto answer = client_.exchange("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, "hello");
  EXPECT_EQ(answer->headers.get("X-Path"), "/echo");
  EXPECT_EQ(answer->headers.get("Content-Length"), "5");
  EXPECT_TRUE(answer->headers.contains("Date"));
  EXPECT_FALSE(answer->headers.contains("Connection"));
}

TEST_F(server_test, serves_one_connection_again_and_again) {
  for (int i = 0; i < 50; ++i) {
    const auto answer = client_.exchange(get("/count/" + std::to_string(i)));
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body, std::to_string(i));
  }
  EXPECT_EQ(server_.on_loop([](server& s) { return s.connections(); }), 1u);
}

TEST_F(server_test, reads_byte_by_byte) {
  for (const char c : std::string("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
                                  "chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX: y\r\n\r\n"))
    ASSERT_TRUE(client_.send({&c, 1}));
  const auto answer = client_.read_answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, "abcde");
  EXPECT_EQ(client_.exchange(get("/hello"))->body, "hello");
}

TEST_F(server_test, forgives_a_line_end_behind_a_body) {
  const auto first = client_.exchange("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi\r\n");
  ASSERT_TRUE(first);
  const auto second = client_.exchange(get("/hello"));
  ASSERT_TRUE(second);
  EXPECT_EQ(second->status, 200);
}

TEST_F(server_test, answers_100_pipelined_requests_in_order) {
  std::string all;
  for (int i = 0; i < 100; ++i) {
    if (i % 10 == 3)
      all += get("/later");
    else if (i % 10 == 5)
      all += "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody";
    else
      all += get("/count/" + std::to_string(i));
  }
  client_.send(all);
  for (int i = 0; i < 100; ++i) {
    const auto answer = client_.read_answer();
    ASSERT_TRUE(answer) << i;
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(answer->body, i % 10 == 3 ? "later" : i % 10 == 5 ? "body" : std::to_string(i));
  }
}

TEST_F(server_test, head_has_the_fields_of_get_and_no_body) {
  const auto answer = client_.exchange("HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n", true);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->headers.get("Content-Length"), "5");
  EXPECT_EQ(client_.exchange("HEAD /nope HTTP/1.1\r\nHost: a\r\n\r\n", true)->status, 404);
  EXPECT_EQ(client_.exchange("HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n", true)->status, 200);
  EXPECT_EQ(client_.exchange("HEAD /exact HTTP/1.1\r\nHost: a\r\n\r\n", true)->headers.get("Content-Length"), "6");
  EXPECT_EQ(client_.exchange(get("/hello"))->body, "hello") << "a body of a HEAD would be read as this answer";
}

TEST_F(server_test, no_content_has_no_length) {
  const auto answer = client_.exchange(get("/empty"));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 204);
  EXPECT_FALSE(answer->headers.contains("Content-Length"));
  EXPECT_EQ(client_.exchange(get("/hello"))->status, 200);
}

TEST_F(server_test, unrouted_requests_keep_the_connection) {
  EXPECT_EQ(client_.exchange(get("/nope"))->status, 404);
  const auto not_allowed = client_.exchange("DELETE /hello HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(not_allowed->status, 405);
  EXPECT_EQ(not_allowed->headers.get("Allow"), "GET, HEAD");
  EXPECT_EQ(client_.exchange("BREW /hello HTTP/1.1\r\nHost: a\r\n\r\n")->status, 501);
  const auto options = client_.exchange("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(options->status, 204);
  EXPECT_EQ(options->headers.get("Allow"), "GET, HEAD, POST, OPTIONS");
  EXPECT_EQ(client_.exchange(get("/hello"))->status, 200);
}

TEST_F(server_test, refused_requests_close_the_connection) {
  const std::vector<std::pair<std::string, int>> cases = {
      {"GET /hello HTTP/1.1\r\n\r\n", 400},
      {"GET /hello HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"GET /hello HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi", 400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi", 400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n", 413},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 99999999\r\n\r\n", 413},
      {"GET /" + std::string(17'000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n", 414},
      {"GET /hello HTTP/1.1\r\nHost: a\r\nX: " + std::string(17'000, 'a') + "\r\n\r\n", 431},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nExpect: tea\r\nContent-Length: 2\r\n\r\nhi", 417},
      {"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 501},
      {"GET /hello HTTP/3.0\r\nHost: a\r\n\r\n", 505},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"\x16\x03\x01", 400},
  };
  for (const auto& [wire, status] : cases) {
    raw_client client(server_.port());
    // A smuggled request behind it must never be answered.
    client.send(wire + get("/hello"));
    const auto answer = client.read_answer();
    ASSERT_TRUE(answer) << wire.substr(0, 60);
    EXPECT_EQ(answer->status, status) << wire.substr(0, 60);
    EXPECT_EQ(answer->headers.get("Connection"), "close");
    client.close_sending();
    EXPECT_EQ(client.read_to_end(), "") << wire.substr(0, 60);
    EXPECT_EQ(client.how_it_ended(), raw_client::ending::orderly) << wire.substr(0, 60);
  }
  EXPECT_EQ(client_.exchange(get("/hello"))->status, 200) << "others are not touched";
}

TEST_F(server_test, continues_when_asked) {
  client_.send("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
  ASSERT_EQ(client_.read_answer()->status, 100);
  EXPECT_EQ(client_.exchange("hello")->body, "hello");
  const auto at_once =
      client_.exchange("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_EQ(at_once->status, 200) << "the body is there: no need to ask for it";
}

TEST_F(server_test, http_1_0_closes_unless_told) {
  const auto kept = client_.exchange("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->headers.get("Connection"), "keep-alive");
  const auto closed = client_.exchange("GET /hello HTTP/1.0\r\n\r\n");
  ASSERT_TRUE(closed);
  EXPECT_EQ(closed->headers.get("Connection"), "close");
  EXPECT_EQ(client_.read_to_end(), "");
  raw_client old(server_.port());
  const auto stream = old.exchange("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  ASSERT_TRUE(stream);
  EXPECT_EQ(stream->body, "one two") << "no chunks for an HTTP/1.0 client";
  EXPECT_EQ(stream->headers.get("Connection"), "close");
}

TEST_F(server_test, closes_when_either_side_asks) {
  EXPECT_EQ(client_.exchange(get("/hello", "Connection: close\r\n"))->headers.get("Connection"), "close");
  EXPECT_EQ(client_.read_to_end(), "");
  raw_client other(server_.port());
  const auto answer = other.exchange(get("/bye"));
  EXPECT_EQ(answer->headers.get("Connection"), "close");
  EXPECT_EQ(answer->headers.get("Content-Length"), "0") << "the server alone says how long an answer is";
  EXPECT_EQ(other.read_to_end(), "");
}

TEST_F(server_test, half_closed_client_is_answered) {
  client_.send(get("/later"));
  client_.close_sending();
  EXPECT_EQ(client_.read_answer()->body, "later");
}

TEST_F(server_test, failed_handler_is_500_without_details) {
  for (const char* path : {"/throw", "/stray", "/forget", "/badstatus"}) {
    const auto answer = client_.exchange(get(path));
    ASSERT_TRUE(answer) << path;
    EXPECT_EQ(answer->status, 500) << path;
    EXPECT_EQ(answer->body.find("secret"), std::string::npos);
  }
  EXPECT_EQ(client_.exchange(get("/hello"))->status, 200);
}

TEST_F(server_test, second_answer_is_an_error_of_the_handler) {
  EXPECT_EQ(client_.exchange(get("/twice"))->body, "one");
  EXPECT_EQ(client_.read_to_end(), "");
}

TEST_F(server_test, streams_in_chunks) {
  const auto answer = client_.exchange(get("/stream"));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->headers.get("Transfer-Encoding"), "chunked");
  EXPECT_FALSE(answer->headers.contains("Content-Length"));
  EXPECT_EQ(answer->body, "one two");
  EXPECT_EQ(client_.exchange(get("/unfinished"))->body, "all of it");
  const auto exact = client_.exchange(get("/exact"));
  EXPECT_EQ(exact->headers.get("Content-Length"), "6");
  EXPECT_EQ(exact->body, "abcdef");
  EXPECT_EQ(client_.exchange(get("/hello"))->status, 200);
}

TEST_F(server_test, broken_stream_does_not_look_whole) {
  for (const char* path : {"/broken", "/short", "/long"}) {
    raw_client client(server_.port());
    EXPECT_FALSE(client.exchange(get(path))) << path;
    EXPECT_NE(client.how_it_ended(), raw_client::ending::timeout);
  }
  raw_client old(server_.port());
  old.send("GET /broken HTTP/1.0\r\n\r\n");
  old.read_to_end();
  EXPECT_EQ(old.how_it_ended(), raw_client::ending::reset) << "an orderly end would say that this was all";
}

TEST_F(server_test, knows_its_peer) {
  sockaddr_in own{};
  socklen_t length = sizeof own;
  ASSERT_EQ(::getsockname(client_.get(), reinterpret_cast<sockaddr*>(&own), &length), 0);
  EXPECT_EQ(client_.exchange(get("/peer"))->body, "127.0.0.1:" + std::to_string(ntohs(own.sin_port)));
}

TEST(server, reports_what_a_handler_let_out) {
  std::string seen;
  server_options options;
  options.on_error = [&seen](const request& q, std::exception_ptr failure) {
    try {
      std::rethrow_exception(failure);
    } catch (const std::exception& e) {
      seen += q.path + ": " + e.what() + "\n";
    }
  };
  running_server running(options, add_routes);
  raw_client client(running.port());
  client.exchange("GET /throw HTTP/1.1\r\nHost: a\r\n\r\n");
  client.exchange("GET /forget HTTP/1.1\r\nHost: a\r\n\r\n");
  running.stop();
  EXPECT_EQ(seen, "/throw: secret detail\n/forget: the handler returned without an answer\n");
}

TEST(server, taken_port_is_refused_in_plain_words) {
  server first({});
  server_options options;
  options.port = first.port();
  try {
    server second(options);
    FAIL() << "two servers on one port";
  } catch (const error& e) {
    EXPECT_EQ(e.code(), errc::unavailable);
    EXPECT_EQ(e.what(),
              "127.0.0.1:" + std::to_string(first.port()) + " is already in use: choose another with --http ADDR:PORT");
  }
}

TEST(server, refuses_addresses_that_are_none) {
  const auto code_of = [](const std::string& address) {
    try {
      server s({.address = address});
    } catch (const error& e) {
      return e.code();
    }
    return errc::internal;
  };
  EXPECT_EQ(code_of("nonsense"), errc::invalid_argument);
  EXPECT_EQ(code_of("192.0.2.1"), errc::invalid_argument);
  EXPECT_EQ(server({.address = "localhost"}).endpoint().substr(0, 10), "127.0.0.1:");
}

TEST(server, routes_are_fixed_once_it_serves) {
  running_server running({}, add_routes);
  EXPECT_THROW(
      running.on_loop([](server& s) { s.route("GET", "/new", [](request&, responder&) -> task<void> { co_return; }); }),
      error);
}

TEST(server, two_writers_at_once_are_refused) {
  bool refused = false;
  running_server running({}, [&](server& s) {
    s.route("GET", "/", [&](request&, responder& r) -> task<void> {
      const std::string big(16 << 20, 'x');
      co_await r.begin(200, {});
      co_await with_task_group([&](task_group& g) -> task<void> {
        g.spawn([&]() -> task<void> { co_await r.write(big); });
        try {
          co_await r.write("y");
        } catch (const error& e) {
          refused = e.code() == errc::internal;
        }
      });
      co_await r.finish();
    });
  });
  raw_client client(running.port());
  const auto answer = client.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body.size(), 16u << 20);
  running.stop();
  EXPECT_TRUE(refused);
}

} // namespace
} // namespace weir::http
