#include "http/client_fixture.hpp"

#include <weir/core/gather.hpp>

#include <mutex>

using namespace weir::test;

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

TEST(client, sends_what_it_was_given) {
  std::string head;
  std::string body;
  fault_server server(fault_server::per_request([&](const std::string& h, wire& w) {
    head = h;
    body = w.read_body_of(h);
    w.answer(201, "");
  }));
  const auto answer = send({.method = "POST",
                            .url = server.url("/x"),
                            .headers = {{"X-Empty", ""}, {"X-Two", "2"}, {"Content-Type", "text/csv"}},
                            .body = "a,b"});
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(request_line(head), "POST /x");
  EXPECT_EQ(body, "a,b");
  EXPECT_EQ(header_of(head, "Content-Type"), "text/csv");
  EXPECT_EQ(header_of(head, "X-Two"), "2");
  EXPECT_NE(head.find("\r\nX-Empty:"), std::string::npos);
  EXPECT_EQ(header_of(head, "Expect"), "");
  EXPECT_EQ(header_of(head, "User-Agent"), "weir");
  EXPECT_NE(header_of(head, "Accept-Encoding").find("gzip"), std::string::npos);
}

TEST(client, knows_every_method) {
  std::vector<std::string> seen;
  std::mutex lock;
  fault_server server(fault_server::per_request([&](const std::string& head, wire& w) {
    const std::string body = w.read_body_of(head);
    {
      const std::lock_guard guard(lock);
      seen.push_back(request_line(head) + " " + header_of(head, "Content-Length") + " " + body);
    }
    if (head.starts_with("HEAD"))
      w.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    else
      w.answer(200, "ok");
  }));
  for (const char* method : {"GET", "HEAD", "DELETE", "POST", "PUT", "PATCH", "OPTIONS"})
    EXPECT_EQ(send({.method = method, .url = server.url()}).status, 200) << method;
  for (const char* method : {"DELETE", "POST", "PUT", "PATCH"})
    EXPECT_EQ(send({.method = method, .url = server.url(), .body = "abc"}).status, 200) << method;
  EXPECT_EQ(seen, (std::vector<std::string>{"GET /  ", "HEAD /  ", "DELETE /  ", "POST / 0 ", "PUT / 0 ", "PATCH / 0 ",
                                            "OPTIONS /  ", "DELETE / 3 abc", "POST / 3 abc", "PUT / 3 abc",
                                            "PATCH / 3 abc"}));
}

TEST(client, refuses_a_request_that_cannot_be_sent) {
  for (const std::string url : {"", "ftp://127.0.0.1/x", "file:///etc/passwd", "http://", "http://a b/", "gopher://x",
                                "http://127.0.0.1:99999/", "/only/a/path", "http://127.0.0.1/\r\nX: 1"}) {
    const failed f = failure_of({.url = url});
    EXPECT_EQ(f.code, errc::invalid_argument) << url << ": " << f.text;
  }
  for (const char* name : {"Content-Length", "transfer-encoding", "Connection"})
    EXPECT_EQ(failure_of({.url = "http://127.0.0.1:1/", .headers = {{name, "1"}}}).code, errc::invalid_argument);
  EXPECT_EQ(failure_of({.method = "GET /x\r\n", .url = "http://127.0.0.1:1/"}).code, errc::invalid_argument);
}

TEST(client, an_error_status_is_an_answer) {
  fault_server server(fault_server::per_request([](const std::string&, wire& w) { w.answer(404, "none here"); }));
  const auto answer = get(server.url("/gone?key=hush"));
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(answer.body, "none here");
  try {
    require_success(answer, "read the shot");
    FAIL();
  } catch (const status_error& e) {
    EXPECT_EQ(e.code(), errc::remote);
    EXPECT_EQ(e.status(), 404);
    EXPECT_EQ(e.body(), "none here");
    EXPECT_NE(std::string(e.what()).find("read the shot: " + server.url("/gone?...")), std::string::npos) << e.what();
  }
}

TEST(client, no_server_is_unavailable_and_nothing_was_sent) {
  int port = 0;
  {
    port = fault_server([](wire&) {}).port();
  }
  const failed f =
      failure_of({.url = "http://user:hidden@127.0.0.1:" + std::to_string(port) + "/a?token=hidden#hidden"});
  EXPECT_EQ(f.code, errc::unavailable);
  EXPECT_FALSE(f.request_sent);
  EXPECT_EQ(f.text.find("hidden"), std::string::npos) << f.text;
  EXPECT_EQ(f.text.find("user"), std::string::npos) << f.text;
  EXPECT_NE(f.text.find("GET http://127.0.0.1:" + std::to_string(port) + "/a?..."), std::string::npos) << f.text;
  const failed unknown = failure_of({.url = "http://no-such-name.invalid/"});
  EXPECT_EQ(unknown.code, errc::unavailable);
  EXPECT_FALSE(unknown.request_sent);
}

TEST(client, a_connection_closed_without_an_answer) {
  fault_server server([](wire& w) { w.read_head(); });
  const failed f = failure_of({.url = server.url()});
  EXPECT_EQ(f.code, errc::unavailable);
  EXPECT_TRUE(f.request_sent);
  fault_server resetting([](wire& w) {
    w.read_head();
    w.reset();
  });
  const failed r = failure_of({.url = resetting.url()});
  EXPECT_EQ(r.code, errc::unavailable);
  EXPECT_TRUE(r.request_sent);
}

TEST(client, a_cut_body_is_an_error_that_says_where) {
  fault_server server([](wire& w) {
    w.read_head();
    w.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + std::string(400, 'x'));
  });
  const failed f = failure_of({.url = server.url()});
  EXPECT_EQ(f.code, errc::unavailable);
  EXPECT_TRUE(f.request_sent);
  EXPECT_NE(f.text.find("cut after 400 of 1000 bytes"), std::string::npos) << f.text;
}

TEST(client, a_cut_chunked_body_is_an_error) {
  for (const char* tail : {"", "5\r\nhel", "5\r\nhello\r\n"}) {
    fault_server server([tail](wire& w) {
      w.read_head();
      w.send(std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n") + tail);
    });
    EXPECT_EQ(failure_of({.url = server.url()}).code, errc::unavailable) << tail;
  }
  fault_server nonsense([](wire& w) {
    w.read_head();
    w.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n");
  });
  EXPECT_EQ(failure_of({.url = nonsense.url()}).code, errc::unavailable);
}

TEST(client, a_content_length_that_is_no_number_is_refused) {
  for (const char* lengths : {"Content-Length: 3\r\nContent-Length: 5\r\n", "Content-Length: 3, 3\r\n",
                              "Content-Length: -1\r\n", "Content-Length: 99999999999999999999\r\n"}) {
    fault_server server([lengths](wire& w) {
      w.read_head();
      w.send(std::string("HTTP/1.1 200 OK\r\n") + lengths + "\r\nabcde");
    });
    const failed f = failure_of({.url = server.url()});
    EXPECT_TRUE(f.code == errc::corrupt || f.code == errc::unavailable) << lengths << f.text;
  }
}

TEST(client, what_is_not_http_is_refused) {
  for (const char* bytes :
       {"hello\r\n\r\n", "SSH-2.0-OpenSSH\r\n", "HTTP/7.0 200 OK\r\n\r\n", "\r\n\r\n", "\0\0\0\0"}) {
    fault_server server([bytes](wire& w) {
      w.read_head();
      w.send(bytes);
    });
    const failed f = failure_of({.url = server.url()});
    EXPECT_TRUE(f.code == errc::corrupt || f.code == errc::unavailable) << bytes << f.text;
  }
}

TEST(client, an_endless_head_is_refused) {
  fault_server server([](wire& w) {
    w.read_head();
    w.send("HTTP/1.1 200 OK\r\n");
    const std::string line = "X-Filler: " + std::string(1000, 'x') + "\r\n";
    for (int i = 0; i < 10'000 && w.send(line); ++i) {}
  });
  EXPECT_EQ(failure_of({.url = server.url()}).code, errc::too_large);
}

TEST(client, interim_answers_are_passed_over) {
  fault_server server([](wire& w) {
    w.read_head();
    w.send("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n");
    w.answer(200, "real", "X-Real: 1\r\n");
  });
  const auto answer = get(server.url());
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "real");
  EXPECT_FALSE(answer.headers.contains("Link"));
}

TEST(client, the_limit_on_the_body_is_kept) {
  const std::string big(100'000, 'x');
  fault_server announced(fault_server::per_request([&](const std::string&, wire& w) { w.answer(200, big); }));
  failed f = failure_of({.url = announced.url(), .max_response_bytes = 99'999});
  EXPECT_EQ(f.code, errc::too_large);
  EXPECT_NE(f.text.find("100000"), std::string::npos) << f.text;
  EXPECT_EQ(send({.url = announced.url(), .max_response_bytes = 100'000}).body, big);

  fault_server unannounced([&](wire& w) {
    w.read_head();
    w.send("HTTP/1.1 200 OK\r\n\r\n");
    while (w.send(big)) {}
  });
  f = failure_of({.url = unannounced.url(), .max_response_bytes = 300'000});
  EXPECT_EQ(f.code, errc::too_large) << f.text;
}

TEST(client, unpacks_gzip_and_stops_a_bomb) {
  const std::string plain(50'000, 'a');
  fault_server server(fault_server::per_request(
      [&](const std::string&, wire& w) { w.answer(200, gzip(plain), "Content-Encoding: gzip\r\n"); }));
  EXPECT_EQ(get(server.url()).body, plain);
  const std::string bomb = gzip(std::string(60 << 20, '\0'));
  ASSERT_LT(bomb.size(), 100'000u);
  fault_server bomber(fault_server::per_request(
      [&](const std::string&, wire& w) { w.answer(200, bomb, "Content-Encoding: gzip\r\n"); }));
  const failed f = failure_of({.url = bomber.url(), .max_response_bytes = 1'000'000});
  EXPECT_EQ(f.code, errc::too_large);
  EXPECT_NE(f.text.find("after decompression"), std::string::npos) << f.text;

  fault_server broken(fault_server::per_request(
      [&](const std::string&, wire& w) { w.answer(200, "this is not gzip", "Content-Encoding: gzip\r\n"); }));
  EXPECT_EQ(failure_of({.url = broken.url()}).code, errc::corrupt);
}

TEST(client, keeps_connections_for_what_may_be_repeated) {
  fault_server server(fault_server::per_request([](const std::string& head, wire& w) {
    w.read_body_of(head);
    w.answer(200, "ok");
  }));
  weir::run([](fault_server& s) -> task<void> {
    client web(direct());
    for (int i = 0; i < 20; ++i) EXPECT_EQ((co_await web.send({.url = s.url()})).status, 200);
    EXPECT_EQ(s.connections(), 1);
    EXPECT_EQ(web.pool().stats().open_connections, 1u);
    for (int i = 0; i < 3; ++i) co_await web.send({.method = "POST", .url = s.url(), .body = "x", .idempotent = true});
    EXPECT_EQ(s.connections(), 1);
    // What must not be repeated gets a fresh one each time.
    for (int i = 0; i < 3; ++i) co_await web.send({.method = "POST", .url = s.url(), .body = "x"});
    EXPECT_EQ(s.connections(), 4);
  }(server));
}

TEST(client, a_kept_connection_that_died_is_replaced_for_a_get) {
  std::atomic<int> requests{0};
  // The first connection answers once and closes on the second request, without an answer.
  fault_server server([&](wire& w) {
    while (!w.read_head().empty()) {
      const int n = ++requests;
      if (n == 2) return;
      w.answer(200, "ok");
    }
  });
  weir::run([](fault_server& s) -> task<void> {
    client web(direct());
    EXPECT_EQ((co_await web.send({.url = s.url()})).status, 200);
    EXPECT_EQ((co_await web.send({.url = s.url()})).status, 200);
  }(server));
  EXPECT_EQ(requests, 3);
}

TEST(client, a_post_reaches_a_closing_server_exactly_once) {
  std::atomic<int> posts{0};
  fault_server server([&](wire& w) {
    for (;;) {
      const std::string head = w.read_head();
      if (head.empty()) return;
      if (head.starts_with("POST")) {
        w.read_body_of(head);
        ++posts;
        return; // acted, and closed without an answer
      }
      w.answer(200, "ok");
    }
  });
  weir::run([](fault_server& s) -> task<void> {
    client_options options = direct();
    options.retry = {.max_attempts = 3, .first_wait = 1ms};
    client web(options);
    for (int i = 0; i < 3; ++i) {
      co_await web.send({.url = s.url()}); // leaves a kept connection behind
      try {
        co_await web.send({.method = "POST", .url = s.url(), .body = "buy"});
        ADD_FAILURE();
      } catch (const transport_error& e) {
        EXPECT_EQ(e.code(), errc::unavailable);
        EXPECT_TRUE(e.request_sent());
      }
    }
  }(server));
  EXPECT_EQ(posts, 3);
}

TEST(client, a_thousand_requests_a_hundred_at_a_time) {
  std::atomic<int> now{0};
  std::atomic<int> most{0};
  fault_server server(fault_server::per_request([&](const std::string& head, wire& w) {
    const int n = ++now;
    for (int seen = most; n > seen && !most.compare_exchange_weak(seen, n);) {}
    --now;
    w.answer(200, request_line(head));
  }));
  const auto bodies = weir::run([](fault_server& s) -> task<std::vector<client_response>> {
    client web(direct());
    std::vector<task<client_response>> works;
    for (int i = 0; i < 1000; ++i) works.push_back(web.send({.url = s.url("/" + std::to_string(i))}));
    auto all = co_await weir::gather(std::move(works));
    EXPECT_LE(web.pool().stats().opened_connections, 100u);
    EXPECT_EQ(web.pool().stats().in_flight, 0u);
    co_return all;
  }(server));
  ASSERT_EQ(bodies.size(), 1000u);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(bodies[static_cast<std::size_t>(i)].body, "GET /" + std::to_string(i));
  EXPECT_LE(server.connections(), 100);
  EXPECT_LE(most, 100);
}

TEST(client, the_caps_hold_and_serve_in_order) {
  std::mutex lock;
  std::vector<std::string> order;
  fault_server server(fault_server::per_request([&](const std::string& head, wire& w) {
    {
      const std::lock_guard guard(lock);
      order.push_back(request_line(head));
    }
    w.answer(200, "");
  }));
  weir::run([](fault_server& s) -> task<void> {
    client_options options = direct();
    options.pool.max_connections_per_host = 1;
    client web(options);
    std::vector<task<client_response>> works;
    for (int i = 0; i < 10; ++i) works.push_back(web.send({.url = s.url("/" + std::to_string(i))}));
    co_await weir::gather(std::move(works));
  }(server));
  EXPECT_EQ(server.connections(), 1);
  ASSERT_EQ(order.size(), 10u);
  for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(order[i], "GET /" + std::to_string(i));
}

TEST(client, one_stuck_server_does_not_hold_up_another) {
  fault_server stuck([](wire& w) {
    w.read_head();
    w.wait_for_close(20'000);
  });
  fault_server fine(fault_server::per_request([](const std::string&, wire& w) { w.answer(200, "ok"); }));
  weir::run([](fault_server& a, fault_server& b) -> task<void> {
    client_options options = direct();
    options.pool.max_connections_per_host = 2;
    options.pool.max_connections = 3;
    client web(options);
    co_await weir::with_task_group([&](weir::task_group& group) -> task<void> {
      for (int i = 0; i < 8; ++i) group.spawn([&]() -> task<void> { co_await web.send({.url = a.url()}); });
      for (int i = 0; i < 5; ++i) EXPECT_EQ((co_await weir::with_timeout(10s, web.send({.url = b.url()}))).status, 200);
      group.cancel();
    });
  }(stuck, fine));
}

TEST(client, a_request_takes_nothing_over_from_the_one_before) {
  std::vector<std::string> seen;
  fault_server server(fault_server::per_request([&](const std::string& head, wire& w) {
    const std::string body = w.read_body_of(head);
    seen.push_back(request_line(head) + "|" + header_of(head, "User-Agent") + "|" + header_of(head, "Authorization") +
                   "|" + header_of(head, "X-Own") + "|" + header_of(head, "Content-Type") + "|" +
                   (header_of(head, "Accept-Encoding").empty() ? "" : "packed") + "|" + body);
    if (request_line(head) == "GET /broken") {
      w.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab");
      w.close();
    } else if (head.starts_with("HEAD")) {
      w.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    } else {
      w.answer(200, "ok");
    }
  }));
  const auto with_user = [&](std::string path) {
    std::string url = server.url(path);
    return url.insert(url.find("//") + 2, "me:secret@");
  };
  weir::run([&]() -> task<void> {
    const auto pool = std::make_shared<weir::http::session_pool>(direct().pool);
    client_options other_options = direct();
    other_options.user_agent = "other";
    client web(pool, direct()), other(pool, other_options);
    co_await web.send({.url = server.url("/1"), .headers = {{"X-Own", "1"}}});
    co_await web.send({.url = server.url("/2")});
    co_await other.send({.url = server.url("/3"), .headers = {{"X-Own", "3"}}});
    co_await web.send(
        {.method = "POST", .url = server.url("/4"), .headers = {{"Content-Type", "a/b"}}, .body = "four"});
    co_await web.send({.url = server.url("/5"), .accept_compressed = false});
    co_await web.send({.url = with_user("/6")});
    co_await web.send({.url = server.url("/7")});
    try {
      co_await other.send({.url = server.url("/broken")});
      ADD_FAILURE() << "a broken answer was taken for a whole one";
    } catch (const transport_error&) {}
    co_await other.send({.url = server.url("/8")});
    co_await web.send({.method = "PUT", .url = server.url("/9"), .body = "nine", .idempotent = true});
    co_await web.send({.url = server.url("/10")});
    co_await web.send({.method = "HEAD", .url = server.url("/11")});
    co_await web.send({.method = "OPTIONS", .url = server.url("/12")});
    EXPECT_EQ((co_await web.send({.url = server.url("/13")})).body, "ok");
  }());
  EXPECT_EQ(seen, (std::vector<std::string>{
                      "GET /1|weir||1||packed|", "GET /2|weir||||packed|", "GET /3|other||3||packed|",
                      "POST /4|weir|||a/b|packed|four", "GET /5|weir|||||", "GET /6|weir|Basic bWU6c2VjcmV0|||packed|",
                      "GET /7|weir||||packed|", "GET /broken|other||||packed|", "GET /8|other||||packed|",
                      "PUT /9|weir||||packed|nine", "GET /10|weir||||packed|", "HEAD /11|weir||||packed|",
                      "OPTIONS /12|weir||||packed|", "GET /13|weir||||packed|"}));
}
