#include "http/raw_client.hpp"
#include "http/running_server.hpp"

#include <weir/core/error.hpp>
#include <weir/core/event.hpp>
#include <weir/core/gather.hpp>
#include <weir/core/shield.hpp>
#include <weir/core/sleep.hpp>
#include <weir/core/task_group.hpp>
#include <weir/core/timeout.hpp>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace weir::http {
namespace {

using namespace std::chrono_literals;
using testing::raw_client;
using testing::running_server;
using steady = std::chrono::steady_clock;

const std::string hello = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";

void add_hello(server& s) {
  s.route("GET", "/hello", [](request&, responder& r) -> task<void> { co_await r.send({.body = "hello"}); });
  s.route("POST", "/length",
          [](request& q, responder& r) -> task<void> { co_await r.send({.body = std::to_string(q.body.size())}); });
}

bool eventually(const std::function<bool()>& holds) {
  for (int i = 0; i < 2000; ++i) {
    if (holds()) return true;
    std::this_thread::sleep_for(10ms);
  }
  return false;
}

TEST(server_limits, dripped_head_gets_no_more_time_than_any_other) {
  server_options options;
  options.header_timeout = 300ms;
  running_server running(options, add_hello);
  raw_client client(running.port());
  const auto start = steady::now();
  client.send("GET /hello HTTP/1.1\r\nHost: a\r\nX: ");
  // A byte every 20 ms: renewing the deadline per read would let this go on for ever.
  std::jthread drip([&] {
    while (steady::now() - start < 10s && client.send("y")) std::this_thread::sleep_for(20ms);
  });
  const auto answer = client.read_answer();
  const auto took = steady::now() - start;
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 408);
  EXPECT_EQ(answer->headers.get("Connection"), "close");
  EXPECT_GE(took, 290ms);
  EXPECT_LT(took, 5s);
  drip.join();
}

TEST(server_limits, dripped_body_is_408) {
  server_options options;
  options.body_timeout = 300ms;
  running_server running(options, add_hello);
  raw_client client(running.port());
  client.send("POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
  const auto start = steady::now();
  std::jthread drip([&] {
    while (steady::now() - start < 10s && client.send("y")) std::this_thread::sleep_for(20ms);
  });
  const auto answer = client.read_answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 408);
  EXPECT_LT(steady::now() - start, 5s);
  drip.join();
}

TEST(server_limits, slow_requests_do_not_hold_up_others) {
  running_server running({}, add_hello);
  std::vector<std::unique_ptr<raw_client>> slow;
  for (int i = 0; i < 100; ++i) {
    slow.push_back(std::make_unique<raw_client>(running.port()));
    slow.back()->send("GET /hello HT");
  }
  raw_client quick(running.port());
  for (int i = 0; i < 20; ++i) EXPECT_EQ(quick.exchange(hello)->status, 200);
  for (const auto& each : slow) each->send("TP/1.1\r\nHost: a\r\n\r\n");
  for (const auto& each : slow) EXPECT_EQ(each->read_answer()->status, 200);
}

TEST(server_limits, idle_connection_is_closed_silently) {
  server_options options;
  options.idle_timeout = 200ms;
  running_server running(options, add_hello);
  raw_client fresh(running.port());
  EXPECT_EQ(fresh.read_to_end(), "");
  EXPECT_EQ(fresh.how_it_ended(), raw_client::ending::orderly);
  raw_client used(running.port());
  EXPECT_EQ(used.exchange(hello)->status, 200);
  EXPECT_EQ(used.read_to_end(), "");
  EXPECT_EQ(used.how_it_ended(), raw_client::ending::orderly);
}

TEST(server_limits, deadlines_do_not_run_while_a_handler_works) {
  server_options options;
  options.header_timeout = options.body_timeout = options.write_timeout = 1s;
  running_server running(options, [](server& s) {
    s.route("GET", "/hello", [](request&, responder& r) -> task<void> {
      co_await sleep_for(1600ms);
      co_await r.send({.body = "slept"});
    });
  });
  raw_client client(running.port());
  for (int i = 0; i < 2; ++i) {
    client.send(hello.substr(0, 10)); // in two parts, so that a deadline was set
    std::this_thread::sleep_for(50ms);
    const auto answer = client.exchange(hello.substr(10));
    ASSERT_TRUE(answer) << i;
    EXPECT_EQ(answer->body, "slept");
  }
}

TEST(server_limits, client_that_does_not_read_is_cut_off) {
  server_options options;
  options.write_timeout = 300ms;
  std::atomic<int> code{-1};
  running_server running(options, [&](server& s) {
    s.route("GET", "/big", [&](request&, responder& r) -> task<void> {
      try {
        co_await r.send({.body = std::string(64 << 20, 'x')});
      } catch (const error& e) {
        code = static_cast<int>(e.code());
        throw;
      }
    });
  });
  raw_client client(running.port(), 4096);
  client.send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return code != -1; }));
  EXPECT_EQ(code, static_cast<int>(errc::timeout));
  EXPECT_TRUE(eventually([&] { return running.on_loop([](server& s) { return s.connections(); }) == 0; }));
}

TEST(server_limits, slow_reader_that_reads_gets_everything) {
  server_options options;
  options.write_timeout = 1500ms;
  running_server running(options, [&](server& s) {
    s.route("GET", "/big",
            [](request&, responder& r) -> task<void> { co_await r.send({.body = std::string(16 << 20, 'x')}); });
  });
  raw_client client(running.port(), 16384);
  client.send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
  // Well over 64 KiB per deadline, but so slow that the server's socket stays full for longer than one.
  for (std::size_t i = 1; i <= 30; ++i) {
    ASSERT_TRUE(client.read_at_least(i * 65536));
    std::this_thread::sleep_for(150ms);
  }
  const auto answer = client.read_answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body.size(), 16u << 20);
}

TEST(server_limits, stream_waits_for_its_reader) {
  std::atomic<std::size_t> written{0};
  constexpr std::size_t piece_bytes = 64 * 1024, pieces = 1024;
  running_server running({}, [&](server& s) {
    s.route("GET", "/stream", [&](request&, responder& r) -> task<void> {
      const std::string piece(piece_bytes, 'x');
      co_await r.begin(200, {});
      for (std::size_t i = 0; i < pieces; ++i) {
        co_await r.write(piece);
        written += piece_bytes;
      }
      co_await r.finish();
    });
  });
  raw_client client(running.port(), 16384);
  client.send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(client.read_at_least(1000));
  std::size_t seen = 0;
  ASSERT_TRUE(eventually([&] { // until it stands still
    const std::size_t before = std::exchange(seen, written.load());
    std::this_thread::sleep_for(200ms);
    return before == seen;
  }));
  EXPECT_LT(seen, 32u << 20) << "only what the sockets hold may be on the way";
  const auto answer = client.read_answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body.size(), piece_bytes * pieces);
}

TEST(server_limits, five_megabytes_are_413) {
  running_server running({}, add_hello);
  const std::string body(5 << 20, 'x');
  raw_client announced(running.port());
  EXPECT_TRUE(announced.send("POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) +
                             "\r\n\r\n" + body));
  const auto first = announced.read_answer();
  ASSERT_TRUE(first) << "a client that writes all before it reads must see the refusal";
  EXPECT_EQ(first->status, 413);
  announced.close_sending();
  EXPECT_EQ(announced.read_to_end(), "");
  EXPECT_EQ(announced.how_it_ended(), raw_client::ending::orderly) << "a reset could overtake the refusal";
  raw_client chunked(running.port());
  std::jthread other([&] {
    chunked.send("POST /length HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 80; ++i)
      if (!chunked.send("10000\r\n" + body.substr(0, 65536) + "\r\n")) return;
  });
  const auto second = chunked.read_answer();
  other.join();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->status, 413);
}

TEST(server_limits, four_megabytes_are_fine) {
  running_server running({}, add_hello);
  const std::string body(4 << 20, 'x');
  raw_client client(running.port());
  const auto answer = client.exchange(
      "POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, "4194304");
}

TEST(server_limits, too_many_connections_are_told) {
  server_options options;
  options.max_connections = 3;
  running_server running(options, add_hello);
  std::vector<std::unique_ptr<raw_client>> full;
  for (int i = 0; i < 3; ++i) {
    full.push_back(std::make_unique<raw_client>(running.port()));
    ASSERT_EQ(full.back()->exchange(hello)->status, 200);
  }
  raw_client surplus(running.port());
  const auto answer = surplus.exchange(hello);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 503);
  EXPECT_EQ(answer->headers.get("Retry-After"), "1");
  EXPECT_EQ(surplus.read_to_end(), "");
  full.pop_back();
  EXPECT_TRUE(eventually([&] {
    const auto again = raw_client(running.port()).exchange(hello);
    return again && again->status == 200;
  })) << "a place that was left is given to the next";
}

TEST(server_limits, crowd_over_the_limit_is_told_in_turns) {
  server_options options;
  options.max_connections = 1;
  options.linger_timeout = 300ms;
  running_server running(options, add_hello);
  raw_client first(running.port());
  ASSERT_EQ(first.exchange(hello)->status, 200);
  std::vector<std::unique_ptr<raw_client>> crowd;
  for (int i = 0; i < 150; ++i) crowd.push_back(std::make_unique<raw_client>(running.port()));
  EXPECT_LE(running.on_loop([](server& s) { return s.connections(); }), 65u);
  for (const auto& each : crowd) EXPECT_TRUE(each->read_to_end().starts_with("HTTP/1.1 503 "));
  EXPECT_EQ(first.exchange(hello)->status, 200);
}

TEST(server_limits, thousand_connections) {
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  if (limit.rlim_cur < 2500) {
    limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 4096);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
    ASSERT_GE(limit.rlim_cur, 2500u);
  }
  running_server running({}, add_hello);
  std::vector<std::unique_ptr<raw_client>> clients;
  for (int i = 0; i < 1000; ++i) {
    clients.push_back(std::make_unique<raw_client>(running.port()));
    ASSERT_TRUE(clients.back()->connected());
  }
  for (int round = 0; round < 2; ++round) {
    for (const auto& each : clients) each->send(hello);
    for (const auto& each : clients) ASSERT_EQ(each->read_answer()->status, 200);
  }
  EXPECT_EQ(running.on_loop([](server& s) { return s.connections(); }), 1000u);
}

TEST(server_limits, survives_running_out_of_descriptors) {
  running_server running({}, add_hello);
  raw_client before(running.port());
  ASSERT_EQ(before.exchange(hello)->status, 200);
  // The client's socket is made first; then nothing is left for the server to accept it with.
  raw_client probe(running.port());
  ASSERT_EQ(probe.exchange(hello)->status, 200);
  rlimit old{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &old), 0);
  unique_fd waiting(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto turns = [](server&) { return loop::current().turns(); };
  const std::size_t turns_before = running.on_loop(turns);
  rlimit tight = old;
  tight.rlim_cur = static_cast<rlim_t>(waiting.get()) + 1;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(running.port());
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool connected = ::connect(waiting.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  std::this_thread::sleep_for(150ms);
  const auto meanwhile = before.exchange(hello);
  std::this_thread::sleep_for(300ms);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &old), 0);
  const std::size_t turns_after = running.on_loop(turns);
  ASSERT_TRUE(connected);
  ASSERT_TRUE(meanwhile);
  EXPECT_EQ(meanwhile->status, 200) << "those that are in are served";
  EXPECT_LT(turns_after - turns_before, 60u) << "no busy loop";
  ASSERT_EQ(::send(waiting.get(), hello.data(), hello.size(), MSG_NOSIGNAL), static_cast<ssize_t>(hello.size()));
  char answer[512];
  pollfd wait{waiting.get(), POLLIN, 0};
  ASSERT_EQ(::poll(&wait, 1, 20'000), 1);
  EXPECT_GT(::recv(waiting.get(), answer, sizeof answer, 0), 0) << "accepted once descriptors are there again";
}

TEST(server_limits, pipelining_client_that_never_reads_is_held_back) {
  std::atomic<int> handled{0};
  running_server running({}, [&](server& s) {
    s.route("GET", "/big", [&](request&, responder& r) -> task<void> {
      ++handled;
      co_await r.send({.body = std::string(1 << 20, 'x')});
    });
  });
  raw_client client(running.port(), 4096);
  std::string all;
  for (int i = 0; i < 200; ++i) all += "GET /big HTTP/1.1\r\nHost: a\r\n\r\n";
  client.send(all);
  int seen = 0;
  ASSERT_TRUE(eventually([&] {
    const int before = std::exchange(seen, handled.load());
    std::this_thread::sleep_for(200ms);
    return seen > 0 && before == seen;
  }));
  EXPECT_LT(seen, 50) << "answers must not pile up in memory";
}

TEST(server_limits, answer_that_waits_for_its_reader_is_not_mixed_with_others) {
  running_server running({}, [](server& s) {
    // Small enough to be joined with its head in the buffer that all connections share.
    s.route("GET", "/*", [](request& q, responder& r) -> task<void> {
      co_await r.send({.body = q.path + std::string(10'000, q.path.back())});
    });
  });
  constexpr int count = 2000;
  raw_client slow(running.port(), 4096);
  std::string all;
  for (int i = 0; i < count; ++i) all += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\n\r\n";
  std::jthread sender([&] { slow.send(all); });
  std::this_thread::sleep_for(300ms);
  raw_client other(running.port());
  for (int i = 0; i < 20; ++i)
    ASSERT_EQ(other.exchange("GET /other HTTP/1.1\r\nHost: a\r\n\r\n")->body, "/other" + std::string(10'000, 'r'));
  for (int i = 0; i < count; ++i) {
    const auto answer = slow.read_answer();
    ASSERT_TRUE(answer);
    const std::string path = "/" + std::to_string(i);
    ASSERT_TRUE(answer->body == path + std::string(10'000, path.back())) << i;
  }
  sender.join();
}

TEST(server_limits, end_that_comes_with_the_request_is_seen) {
  running_server running({}, add_hello);
  raw_client client(running.port());
  ASSERT_EQ(client.exchange(hello)->status, 200);
  // While the loop is busy both arrive, so that one event tells of them.
  std::atomic<bool> busy{false};
  std::jthread blocker([&] {
    running.on_loop([&](server&) {
      busy = true;
      std::this_thread::sleep_for(200ms);
      return 0;
    });
  });
  while (!busy) std::this_thread::yield();
  client.send(hello);
  client.close_sending();
  blocker.join();
  EXPECT_EQ(client.read_answer()->status, 200);
  EXPECT_EQ(client.read_to_end(), "");
  EXPECT_EQ(client.how_it_ended(), raw_client::ending::orderly);
}

// A handler that waits, and notes how it ended.
struct watched {
  std::atomic<bool> started{false}, was_cancelled{false}, ended{false};

  auto handler_with(bool cancel) {
    return [this, cancel](request&, responder& r) -> task<void> {
      r.cancel_on_disconnect(cancel);
      started = true;
      try {
        co_await sleep_for(cancel ? 60s : 500ms);
      } catch (const cancelled&) {
        was_cancelled = true;
        throw;
      }
      ended = true;
      co_await r.send({.body = "done"});
    };
  }
};

TEST(server_limits, disconnect_cancels_the_handler_where_asked) {
  for (const bool by_reset : {false, true}) {
    watched state;
    running_server running({}, [&](server& s) { s.route("GET", "/hello", state.handler_with(true)); });
    raw_client client(running.port());
    client.send(hello);
    ASSERT_TRUE(eventually([&] { return state.started.load(); }));
    by_reset ? client.reset() : client.close();
    EXPECT_TRUE(eventually([&] { return state.was_cancelled.load(); }));
    EXPECT_TRUE(eventually([&] { return running.on_loop([](server& s) { return s.connections(); }) == 0; }));
    raw_client next(running.port());
    EXPECT_TRUE(next.connected()) << "the server lives on";
  }
}

TEST(server_limits, disconnect_behind_unread_bytes_cancels_too) {
  watched state;
  running_server running({}, [&](server& s) { s.route("GET", "/hello", state.handler_with(true)); });
  raw_client client(running.port());
  client.send(hello + hello);
  ASSERT_TRUE(eventually([&] { return state.started.load(); }));
  client.close();
  EXPECT_TRUE(eventually([&] { return state.was_cancelled.load(); }));
}

TEST(server_limits, disconnect_before_the_handler_asks_cancels_too) {
  std::atomic<bool> was_cancelled{false};
  running_server running({}, [&](server& s) {
    s.route("GET", "/hello", [&](request&, responder& r) -> task<void> {
      while (!r.client_has_closed()) co_await sleep_for(5ms);
      r.cancel_on_disconnect(true);
      try {
        co_await sleep_for(60s);
      } catch (const cancelled&) {
        was_cancelled = true;
        throw;
      }
    });
  });
  raw_client client(running.port());
  client.send(hello);
  client.close();
  EXPECT_TRUE(eventually([&] { return was_cancelled.load(); }));
}

TEST(server_limits, disconnect_leaves_the_handler_alone_by_default) {
  watched state;
  running_server running({}, [&](server& s) { s.route("GET", "/hello", state.handler_with(false)); });
  raw_client client(running.port());
  client.send(hello);
  ASSERT_TRUE(eventually([&] { return state.started.load(); }));
  client.close();
  EXPECT_TRUE(eventually([&] { return state.ended.load(); }));
  EXPECT_FALSE(state.was_cancelled);
}

TEST(server_limits, cancelled_write_breaks_the_answer) {
  std::atomic<bool> refused_after{false};
  running_server running({}, [&](server& s) {
    s.route("GET", "/hello", [&](request&, responder& r) -> task<void> {
      co_await r.begin(200, {});
      const std::string big(64 << 20, 'x');
      try {
        co_await with_timeout(200ms, r.write(big));
      } catch (const error&) {}
      try {
        co_await r.finish();
      } catch (const error&) {
        refused_after = true;
      }
    });
  });
  raw_client client(running.port(), 4096);
  client.send(hello);
  EXPECT_TRUE(eventually([&] { return refused_after.load(); }));
  EXPECT_FALSE(client.read_answer()) << "half a chunk must not be ended as if it were whole";
}

TEST(server_stop, closes_idle_connections_at_once_and_lets_others_end) {
  watched state;
  running_server running({}, [&](server& s) {
    s.route("GET", "/hello", state.handler_with(false));
    s.route("GET", "/quick", [](request&, responder& r) -> task<void> { co_await r.send({}); });
  });
  raw_client idle(running.port());
  ASSERT_EQ(idle.exchange("GET /quick HTTP/1.1\r\nHost: a\r\n\r\n")->status, 200);
  raw_client busy(running.port());
  busy.send(hello);
  ASSERT_TRUE(eventually([&] { return state.started.load(); }));
  running.begin_stop();
  EXPECT_EQ(idle.read_to_end(), "");
  EXPECT_FALSE(state.ended) << "idle connections do not wait for busy ones";
  EXPECT_FALSE(raw_client(running.port()).connected()) << "the port is closed";
  const auto answer = busy.read_answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, "done");
  EXPECT_EQ(answer->headers.get("Connection"), "close");
  EXPECT_EQ(busy.read_to_end(), "");
  running.join();
}

TEST(server_stop, deadline_cancels_what_does_not_end) {
  watched state;
  server_options options;
  options.drain_timeout = 200ms;
  running_server running(options, [&](server& s) { s.route("GET", "/hello", state.handler_with(true)); });
  raw_client busy(running.port());
  busy.send(hello);
  ASSERT_TRUE(eventually([&] { return state.started.load(); }));
  const auto start = steady::now();
  running.stop();
  EXPECT_LT(steady::now() - start, 10s);
  EXPECT_TRUE(state.was_cancelled);
}

TEST(server_stop, streams_hear_of_it) {
  std::atomic<bool> started{false};
  running_server running({}, [&](server& s) {
    s.route("GET", "/hello", [&](request&, responder& r) -> task<void> {
      co_await r.begin(200, {});
      event enough;
      std::stop_callback on_drain(r.draining(), [&] { enough.set(); });
      started = true;
      co_await enough.wait();
      co_await r.write("last words");
      co_await r.finish();
    });
  });
  raw_client client(running.port());
  client.send(hello);
  ASSERT_TRUE(eventually([&] { return started.load(); }));
  running.begin_stop();
  EXPECT_EQ(client.read_answer()->body, "last words");
  running.join();
}

TEST(server_stop, cancelling_serve_drains_too) {
  bool cancelled_out = false, answered = false;
  run([](bool& was_cancelled, bool& was_answered) -> task<void> {
    server s({});
    event in_handler;
    s.route("GET", "/hello", [&](request&, responder& r) -> task<void> {
      in_handler.set();
      co_await sleep_for(100ms);
      co_await r.send({.body = "done"});
    });
    std::thread client;
    co_await with_task_group([&](task_group& g) -> task<void> {
      const task_handle serving = g.spawn([&]() -> task<void> {
        try {
          co_await s.serve();
        } catch (const cancelled&) {
          was_cancelled = true;
          throw;
        }
      });
      client = std::thread([&was_answered, port = s.port()] {
        const auto answer = raw_client(port).exchange(hello);
        was_answered = answer && answer->body == "done";
      });
      co_await in_handler.wait();
      serving.cancel();
    });
    client.join();
  }(cancelled_out, answered));
  EXPECT_TRUE(cancelled_out);
  EXPECT_TRUE(answered);
}

} // namespace
} // namespace weir::http
