// Without rules the proxy is not noticed.
#include "fakes/fault_proxy/message.hpp"
#include "fakes/fault_proxy/sha256.hpp"
#include "fakes/fault_proxy_kit.hpp"

#include <atomic>
#include <fstream>
#include <future>
#include <sstream>
#include <thread>

namespace {

using namespace weir::fakes::testing;
using weir::fakes::fault_proxy;
using weir::fakes::journal_entry;

/// Bytes whose every place is different from its neighbours', so that a lost or moved one shows.
std::string pattern(std::size_t bytes) {
  std::string text(bytes, '\0');
  for (std::size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>((i * 2654435761u) >> 13);
  return text;
}

/// An upstream that gives each connection these bytes after each request's head, and the heads that it has read.
struct canned {
  explicit canned(std::string bytes)
      : up([this, bytes = std::move(bytes)](wire& w) {
          for (std::string head; !(head = w.read_head()).empty();) {
            {
              const std::lock_guard lock(mutex);
              seen += head;
            }
            if (!w.send(bytes)) return;
          }
        }) {}
  std::mutex mutex;
  std::string seen;
  fault_server up;
};

void expect_faithful(const std::string& request, const std::string& answer) {
  canned c(answer);
  const fault_proxy proxy(c.up.port());
  raw_peer client(proxy.port());
  for (int i = 0; i < 3; ++i) {
    client.send(request);
    ASSERT_EQ(client.read(answer.size()), answer) << request;
  }
  const std::lock_guard lock(c.mutex);
  EXPECT_EQ(c.seen, request + request + request);
  EXPECT_EQ(c.up.connections(), 1);
  EXPECT_EQ(proxy.connections(), 1);
}

TEST(fault_proxy, forwards_heads_and_answers_byte_for_byte) {
  expect_faithful(get("/a?b=c%20d", "x-odd:  spaced  \r\nX-Twice: 1\r\nx-twice: 2\r\n"), hello_answer);
  expect_faithful(get("/part", "Range: bytes=2-4\r\nIf-Range: \"one\"\r\n"),
                  "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 2-4/26\r\ncontent-length: 3\r\n\r\ncde");
  expect_faithful(get("/same"), "HTTP/1.1 304 Not Modified\r\nETag: \"one\"\r\nContent-Length: 26\r\n\r\n");
  expect_faithful("HEAD /big HTTP/1.1\r\nHost: u\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 123456789\r\n\r\n");
  expect_faithful("DELETE /x HTTP/1.1\r\nHost: u\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n");
  expect_faithful(get("/none"), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  expect_faithful(get("/chunks"), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                  "3;why=not\r\nabc\r\n00a\r\n0123456789\r\n0\r\nTrailer: yes\r\n\r\n");
  expect_faithful(get("/hints"), "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + hello_answer);
}

TEST(fault_proxy, an_answer_without_length_ends_with_the_connection) {
  const fault_server up([](wire& w) {
    w.read_head();
    w.send("HTTP/1.1 200 OK\r\n\r\nno length");
  });
  const fault_proxy proxy(up.port());
  raw_peer client(proxy.port());
  client.send(get("/"));
  EXPECT_EQ(client.read_to_end(), "HTTP/1.1 200 OK\r\n\r\nno length");
  EXPECT_EQ(client.how_it_ended(), ending::orderly);
}

TEST(fault_proxy, an_idle_connection_ends_when_the_upstream_ends_it) {
  const fault_server up([](wire& w) {
    w.read_head();
    w.send(hello_answer);
  });
  const fault_proxy proxy(up.port());
  raw_peer client(proxy.port());
  client.send(get("/"));
  EXPECT_EQ(client.read_to_end(), hello_answer);
  EXPECT_EQ(client.how_it_ended(), ending::orderly);
}

TEST(fault_proxy, a_reset_and_an_end_of_the_upstream_reach_the_client_as_such) {
  const fault_server resetting([](wire& w) {
    w.read_head();
    w.send(hello_head + "abc");
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    w.reset();
  });
  const fault_server ending_early([](wire& w) {
    w.read_head();
    w.send(hello_head + "abc");
  });
  for (const auto& [port, how] :
       {std::pair(resetting.port(), ending::reset), std::pair(ending_early.port(), ending::orderly)}) {
    const fault_proxy proxy(port);
    raw_peer client(proxy.port());
    client.send(get("/"));
    EXPECT_EQ(client.read_to_end(), hello_head + "abc");
    EXPECT_EQ(client.how_it_ended(), how);
  }
}

TEST(fault_proxy, without_an_upstream_connections_are_reset) {
  int port = 0;
  { port = fault_server(hello()).port(); }
  const fault_proxy proxy(port);
  raw_peer client(proxy.port());
  client.send(get("/"));
  EXPECT_EQ(client.read_to_end(), "");
  EXPECT_EQ(client.how_it_ended(), ending::reset);
  ASSERT_EQ(proxy.journal().size(), 1u);
  EXPECT_FALSE(proxy.journal()[0].forwarded);
}

TEST(fault_proxy, the_upstream_sees_a_client_leave_while_it_works) {
  std::promise<bool> saw;
  const fault_server up([&](wire& w) {
    w.read_head();
    saw.set_value(w.wait_for_close(20000));
  });
  const fault_proxy proxy(up.port());
  {
    raw_peer client(proxy.port());
    client.send(get("/"));
    while (proxy.journal().empty()) std::this_thread::yield();
  }
  EXPECT_TRUE(saw.get_future().get());
}

TEST(fault_proxy, twenty_megabytes_go_both_ways_at_once_by_length_and_in_chunks) {
  const std::string body = pattern(20 << 20);
  std::string chunks;
  for (std::size_t at = 0; at < body.size(); at += 100'000) {
    const std::string_view part = std::string_view(body).substr(at, 100'000);
    char size[32];
    std::snprintf(size, sizeof size, "%zx\r\n", part.size());
    chunks.append(size).append(part).append("\r\n");
  }
  chunks += "0\r\n\r\n";
  // An echo: what came in goes out before more of it is read.
  const fault_server up([](wire& w) {
    const std::string head = w.read_head();
    const std::size_t bytes = std::stoul(header_of(head, "X-Bytes"));
    const std::string frame = header_of(head, "Content-Length");
    w.send("HTTP/1.1 200 OK\r\n" + (frame.empty() ? "Transfer-Encoding: chunked" : "Content-Length: " + frame) +
           "\r\n\r\n");
    for (std::size_t left = bytes; left > 0;) {
      const std::string part = w.read_body(std::min<std::size_t>(left, 50'000));
      if (part.empty() || !w.send(part)) return;
      left -= part.size();
    }
  });
  for (const std::string& wired : {body, chunks}) {
    const fault_proxy proxy(up.port());
    raw_peer client(proxy.port());
    std::thread sender([&] {
      const std::string size = std::to_string(wired.size());
      client.send(
          "POST /echo HTTP/1.1\r\nHost: u\r\nX-Bytes: " + size + "\r\n" +
          (wired.size() == body.size() ? "Content-Length: " + size : std::string("Transfer-Encoding: chunked")) +
          "\r\n\r\n");
      client.send(wired);
    });
    client.read_head();
    EXPECT_TRUE(client.read(wired.size()) == wired);
    sender.join();
    const journal_entry e = proxy.journal().at(0);
    EXPECT_EQ(e.request_bytes, wired.size());
    EXPECT_EQ(e.response_bytes, wired.size());
  }
}

long resident_kilobytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::stol(line.substr(6));
  return 0;
}

TEST(fault_proxy, a_client_that_does_not_read_holds_the_upstream_back_and_costs_no_memory) {
  std::atomic<std::size_t> sent{0};
  const std::string part(1 << 20, 'x');
  const fault_server up([&](wire& w) {
    w.read_head();
    w.send("HTTP/1.1 200 OK\r\nContent-Length: 300000000\r\n\r\n");
    for (; sent < 300'000'000 && w.send(part); sent += part.size()) continue;
  });
  const fault_proxy proxy(up.port());
  const long before = resident_kilobytes();
  raw_peer client(proxy.port());
  client.send(get("/"));
  std::size_t last = 1;
  while (last != sent || last == 0) {
    last = sent;
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
  EXPECT_LT(sent, 100'000'000u);
  EXPECT_LT(resident_kilobytes() - before, 20'000);
}

TEST(fault_proxy, an_early_answer_passes_while_the_body_is_still_sent) {
  const fault_server up([](wire& w) {
    w.read_head();
    w.answer(413, "too big", "Connection: close\r\n");
    w.read_body(1 << 20);
  });
  const fault_proxy proxy(up.port());
  raw_peer client(proxy.port());
  client.send("POST /up HTTP/1.1\r\nHost: u\r\nContent-Length: 100000000\r\n\r\nfirst");
  const std::string head = client.read_head();
  EXPECT_TRUE(head.starts_with("HTTP/1.1 413 X\r\n")) << head;
  EXPECT_EQ(client.read(7), "too big");
  // Some more of the body is taken; then the connection is over.
  const std::string more(64 << 10, 'y');
  int sent = 0;
  for (; sent < 1000 && client.send(more); ++sent) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_LT(sent, 1000);
}

TEST(fault_proxy, a_continue_is_passed_on_before_the_body) {
  const fault_server up([](wire& w) {
    w.read_head();
    w.send("HTTP/1.1 100 Continue\r\n\r\n");
    w.answer(200, w.read_body(4));
  });
  const fault_proxy proxy(up.port());
  raw_peer client(proxy.port());
  client.send("PUT /x HTTP/1.1\r\nHost: u\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  EXPECT_EQ(client.read_head(), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("body");
  EXPECT_EQ(client.read_head(), "HTTP/1.1 200 X\r\nContent-Length: 4\r\n\r\n");
  EXPECT_EQ(client.read(4), "body");
}

TEST(fault_proxy, fifty_connections_at_once_are_counted_and_forwarded) {
  std::atomic<int> inside{0};
  const fault_server up(fault_server::per_request([&](const std::string& head, wire& w) {
    ++inside;
    // Nobody is answered before all are there.
    for (int i = 0; inside < 50 && i < 20'000; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    w.answer(200, request_line(head));
  }));
  fault_proxy proxy(up.port());
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int i = 0; i < 50; ++i)
    threads.emplace_back([&, i] {
      raw_peer client(proxy.port());
      const std::string line = "GET /n/" + std::to_string(i);
      client.send(get("/n/" + std::to_string(i)));
      client.read_head();
      right += client.read(line.size()) == line;
    });
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(right, 50);
  EXPECT_EQ(proxy.connections(), 50);
  EXPECT_EQ(proxy.max_in_flight(), 50u);
  EXPECT_EQ(proxy.max_in_flight("^/n/1$"), 1u);
  EXPECT_EQ(proxy.count("^/n/"), 50u);
  EXPECT_EQ(proxy.count("^/n/", "POST"), 0u);
  proxy.reset();
  EXPECT_EQ(proxy.connections(), 0);
  EXPECT_EQ(proxy.count(""), 0u);
}

TEST(fault_proxy, one_after_the_other_is_one_in_flight) {
  const fault_server up(hello());
  const fault_proxy proxy(up.port());
  raw_peer client(proxy.port());
  for (int i = 0; i < 500; ++i) {
    client.send(get("/"));
    ASSERT_EQ(client.read(hello_answer.size()), hello_answer);
    const auto journal = proxy.journal();
    ASSERT_TRUE(journal.back().finished);
    ASSERT_EQ(journal.back().response_bytes, 26u);
  }
  EXPECT_EQ(proxy.max_in_flight(), 1u);
}

TEST(fault_proxy, the_journal_has_a_digest_of_the_authorization_and_never_the_token) {
  const fault_server up(hello());
  const fault_proxy proxy(up.port());
  raw_peer client(proxy.port());
  client.send(get("/private?x=1", "Authorization: Bearer secret\r\n"));
  client.read(hello_answer.size());
  const journal_entry e = proxy.journal().at(0);
  EXPECT_EQ(e.number, 1u);
  EXPECT_EQ(e.connection, 1);
  EXPECT_EQ(e.method, "GET");
  EXPECT_EQ(e.target, "/private?x=1");
  EXPECT_EQ(e.status, 200);
  EXPECT_EQ(e.upstream_status, 200);
  EXPECT_TRUE(e.forwarded);
  EXPECT_EQ(e.rule, "");
  EXPECT_EQ(e.authorization_sha256, weir::fakes::net::sha256("Bearer secret"));
}

TEST(fault_proxy, sha256_gives_the_vectors_of_the_standard) {
  using weir::fakes::net::sha256;
  EXPECT_EQ(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256(std::string(1'000'000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(fault_proxy, heads_keep_their_bytes_and_change_line_by_line) {
  using weir::fakes::net::head;
  auto h = head::parse("HTTP/1.1 200 OK\r\na:1\r\nA: 2\r\nB:  x \r\n\r\n");
  ASSERT_TRUE(h);
  EXPECT_EQ(h->status(), 200);
  EXPECT_EQ(h->get("b"), "x");
  h->replace("A", "9");
  EXPECT_EQ(h->text(), "HTTP/1.1 200 OK\r\na: 9\r\nA: 2\r\nB:  x \r\n\r\n");
  h->remove("a");
  h->add("C", "d");
  EXPECT_EQ(h->text(), "HTTP/1.1 200 OK\r\nB:  x \r\nC: d\r\n\r\n");
  EXPECT_FALSE(head::parse("nonsense\r\n\r\n"));
  EXPECT_FALSE(head::parse("GET / HTTP/1.1\r\nno colon\r\n\r\n"));
}

} // namespace
