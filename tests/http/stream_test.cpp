#include "http/client_fixture.hpp"

#include <weir/offload/threadpool.hpp>

#include <unistd.h>

#include <fstream>

namespace weir::test {
namespace {

using http::stream_options;

/// Bytes that tell where they belong.
std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>((i * 2654435761u) >> 13);
  return text;
}

std::size_t resident_bytes() {
  std::size_t total = 0;
  std::size_t resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

body_sink into(std::string& all) {
  return [&all](std::span<const std::byte> piece) -> task<void> {
    all.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    co_return;
  };
}

template <class Body>
void with_client(Body body) {
  weir::run([](Body b) -> task<void> {
    client web(direct());
    co_await b(web);
  }(std::move(body)));
}

} // namespace

TEST(stream, gives_every_byte_in_order_in_large_pieces) {
  const std::string content = pattern(5'000'001);
  fault_server server(fault_server::per_request([&](const std::string&, wire& w) { w.answer(200, content); }));
  with_client([&](client& web) -> task<void> {
    std::string all;
    std::vector<std::size_t> sizes;
    const auto head = co_await web.stream({.url = server.url()},
                                          [&](std::span<const std::byte> piece) -> task<void> {
                                            sizes.push_back(piece.size());
                                            all.append(reinterpret_cast<const char*>(piece.data()), piece.size());
                                            co_await run_in_threadpool([] {});
                                          },
                                          {.piece_bytes = 64 * 1024, .max_buffer_bytes = 128 * 1024});
    EXPECT_EQ(head.content_length, content.size());
    EXPECT_EQ(all, content);
    EXPECT_GT(sizes.size(), 30u);
    for (std::size_t i = 0; i + 1 < sizes.size(); ++i) {
      EXPECT_GE(sizes[i], 64u * 1024);
      EXPECT_LE(sizes[i], 128u * 1024);
    }
  });
}

TEST(stream, a_slow_consumer_holds_the_sender_back) {
  std::atomic<std::uint64_t> sent{0};
  fault_server server([&](wire& w) {
    w.read_head();
    w.send("HTTP/1.1 200 OK\r\nContent-Length: 400000000\r\n\r\n");
    const std::string piece(1 << 20, 'x');
    for (int i = 0; i < 400 && w.send(std::string_view(piece).substr(0, 1'000'000)); ++i) sent += 1'000'000;
  });
  with_client([&](client& web) -> task<void> {
    [[maybe_unused]] const std::size_t before = resident_bytes();
    std::uint64_t got = 0;
    co_await weir::with_task_group([&](weir::task_group& group) -> task<void> {
      group.spawn([&]() -> task<void> {
        co_await web.stream({.url = server.url()}, [&](std::span<const std::byte> piece) -> task<void> {
          got += piece.size();
          EXPECT_LE(piece.size(), 128u * 1024);
          co_await weir::sleep_for(20ms);
        });
      });
      co_await weir::sleep_for(600ms);
      group.cancel();
    });
    EXPECT_GT(got, 0u);
    EXPECT_LT(sent, 60'000'000u); // what the two kernels hold
#if !__has_feature(address_sanitizer)
    EXPECT_LT(resident_bytes(), before + 16'000'000);
#endif
  });
}

TEST(stream, a_slow_consumer_is_not_taken_for_silence) {
  const std::string content = pattern(600'000);
  fault_server server(fault_server::per_request([&](const std::string&, wire& w) { w.answer(200, content); }));
  with_client([&](client& web) -> task<void> {
    std::string all;
    co_await web.stream({.url = server.url(), .timeouts = http::timeouts{.idle = 150ms}},
                        [&](std::span<const std::byte> piece) -> task<void> {
                          all.append(reinterpret_cast<const char*>(piece.data()), piece.size());
                          if (all.size() < 400'000) co_await weir::sleep_for(400ms);
                        });
    EXPECT_EQ(all, content);
  });
}

TEST(stream, small_pieces_come_at_once) {
  fault_server server([](wire& w) {
    w.read_head();
    w.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 5; ++i) {
      w.send("5\r\ndata\n\r\n");
      std::this_thread::sleep_for(60ms);
    }
    w.send("0\r\n\r\n");
  });
  with_client([&](client& web) -> task<void> {
    int calls = 0;
    co_await web.stream({.url = server.url()}, [&](std::span<const std::byte> piece) -> task<void> {
      ++calls;
      EXPECT_EQ(piece.size() % 5, 0u);
      co_return;
    });
    EXPECT_GE(calls, 3);
  });
}

TEST(stream, the_head_can_refuse_the_body) {
  std::atomic<std::uint64_t> sent{0};
  fault_server server([&](wire& w) {
    w.read_head();
    w.send("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 900000000\r\n\r\n");
    const std::string piece(1'000'000, 'x');
    while (w.send(piece)) sent += piece.size();
  });
  with_client([&](client& web) -> task<void> {
    bool called = false;
    try {
      co_await web.stream({.url = server.url()},
                          [&](std::span<const std::byte>) -> task<void> {
                            called = true;
                            co_return;
                          },
                          {.on_head = [](const response_head& head) {
                            EXPECT_EQ(head.content_length, 900'000'000u);
                            throw weir::error(errc::unsupported,
                                              "not a picture: " + std::string(*head.headers.get("Content-Type")));
                          }});
      ADD_FAILURE();
    } catch (const weir::error& e) {
      EXPECT_EQ(e.code(), errc::unsupported);
      EXPECT_STREQ(e.what(), "not a picture: text/html");
    }
    EXPECT_FALSE(called);
    EXPECT_EQ(web.pool().stats().open_connections, 0u);
  });
  EXPECT_LT(sent, 50'000'000u);
}

TEST(stream, what_the_sink_throws_ends_it) {
  const std::string content = pattern(3'000'000);
  fault_server server(fault_server::per_request([&](const std::string&, wire& w) { w.answer(200, content); }));
  with_client([&](client& web) -> task<void> {
    try {
      co_await web.stream({.url = server.url()}, [&](std::span<const std::byte>) -> task<void> {
        co_await weir::sleep_for(1ms);
        throw weir::error(errc::no_space, "the disk is full");
      });
      ADD_FAILURE();
    } catch (const weir::error& e) {
      EXPECT_EQ(e.code(), errc::no_space);
    }
    EXPECT_EQ(web.pool().stats().in_flight, 0u);
  });
}

TEST(stream, what_came_before_a_break_is_handed_over) {
  fault_server server([](wire& w) {
    w.read_head();
    w.send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + std::string(30'000, 'x'));
  });
  with_client([&](client& web) -> task<void> {
    std::string all;
    try {
      co_await web.stream({.url = server.url()}, into(all), {.piece_bytes = 64 * 1024});
      ADD_FAILURE();
    } catch (const transport_error& e) {
      EXPECT_NE(std::string(e.what()).find("cut after 30000 of 100000 bytes"), std::string::npos) << e.what();
    }
    EXPECT_EQ(all.size(), 30'000u);
  });
}

TEST(stream, a_gzip_bomb_is_unpacked_with_bounded_memory_and_stopped) {
  const std::string bomb = gzip(std::string(60 << 20, '\0'));
  fault_server server(fault_server::per_request(
      [&](const std::string&, wire& w) { w.answer(200, bomb, "Content-Encoding: gzip\r\n"); }));
  with_client([&](client& web) -> task<void> {
    const std::size_t before = resident_bytes();
    std::uint64_t got = 0;
    try {
      co_await web.stream({.url = server.url(), .max_response_bytes = 30 << 20, .accept_compressed = true},
                          [&](std::span<const std::byte> piece) -> task<void> {
                            got += piece.size();
                            co_await weir::yield_now();
                          });
      ADD_FAILURE();
    } catch (const transport_error& e) {
      EXPECT_EQ(e.code(), errc::too_large) << e.what();
    }
    EXPECT_GT(got, 1u << 20);
    EXPECT_LE(got, 30u << 20);
    EXPECT_LT(resident_bytes(), before + 80'000'000);
  });
}

TEST(stream, may_insist_on_success) {
  std::atomic<int> n{0};
  fault_server server(fault_server::per_request([&](const std::string& head, wire& w) {
    ++n;
    w.answer(head.starts_with("GET /fine") ? 200 : 503, "what the server says");
  }));
  with_client([&](client& web) -> task<void> {
    std::string all;
    int heads = 0;
    const http::stream_options strict{.on_head = [&](const response_head&) { ++heads; }, .only_success = true};
    co_await web.stream({.url = server.url("/fine")}, into(all), strict);
    EXPECT_EQ(all, "what the server says");
    all.clear();
    try {
      co_await web.stream({.url = server.url("/not"), .retry = retry_policy{.max_attempts = 3, .first_wait = 1ms}},
                          into(all), strict);
      ADD_FAILURE();
    } catch (const status_error& e) {
      EXPECT_EQ(e.status(), 503);
      EXPECT_EQ(e.body(), "what the server says");
    }
    EXPECT_EQ(all, "");
    EXPECT_EQ(n, 4); // repeated first
    EXPECT_EQ(heads, 2);
    EXPECT_EQ((co_await web.stream({.url = server.url("/not")}, into(all))).status, 503);
    EXPECT_EQ(all, "what the server says");
  });
}

TEST(stream, asks_for_no_compression_of_its_own_accord) {
  std::string seen;
  fault_server server(fault_server::per_request([&](const std::string& head, wire& w) {
    seen = head;
    w.answer(200, "x");
  }));
  with_client([&](client& web) -> task<void> {
    std::string all;
    co_await web.stream({.url = server.url()}, into(all));
  });
  EXPECT_EQ(header_of(seen, "Accept-Encoding"), "");
}

TEST(stream, fifty_at_once_with_slow_and_fast_consumers) {
  const std::string content = pattern(700'000);
  fault_server server(fault_server::per_request([&](const std::string&, wire& w) { w.answer(200, content); }));
  with_client([&](client& web) -> task<void> {
    std::vector<task<void>> works;
    for (int i = 0; i < 50; ++i)
      works.push_back([](client& c, std::string url, const std::string& expected, int n) -> task<void> {
        std::string all;
        co_await c.stream({.url = url}, [&](std::span<const std::byte> piece) -> task<void> {
          all.append(reinterpret_cast<const char*>(piece.data()), piece.size());
          if (n % 3 == 0) co_await weir::sleep_for(3ms);
          if (n % 3 == 1) co_await run_in_threadpool([] {});
        });
        EXPECT_EQ(all, expected);
      }(web, server.url(), content, i));
    co_await weir::gather(std::move(works));
  });
}

} // namespace weir::test
