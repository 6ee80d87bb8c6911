#include "http/client_fixture.hpp"

#include <weir/http/body.hpp>

#include <sys/mman.h>
#include <unistd.h>

// What is told and counted while a body leaves, and answers that come before it has.
namespace weir::test {
namespace {

using http::body;
using reports = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

unique_fd file_of(std::size_t size) {
  unique_fd fd(::memfd_create("body", MFD_CLOEXEC));
  const std::string piece(1 << 20, 'b');
  for (std::size_t done = 0; done < size;)
    done += static_cast<std::size_t>(::write(fd.get(), piece.data(), std::min(piece.size(), size - done)));
  return fd;
}

fault_server::handler_type takes_all() {
  return fault_server::per_request([](const std::string& head, wire& w) {
    w.read_body_of(head);
    w.answer(200, "thanks");
  });
}

/// Reads `size` bytes of a body in small steps that take about `ms` all told.
void read_slowly(wire& w, std::size_t size, int ms) {
  const int steps = ms / 20;
  for (int i = 0; i < steps; ++i) {
    w.read_body(size / static_cast<std::size_t>(steps));
    std::this_thread::sleep_for(20ms);
  }
  w.read_body(size % static_cast<std::size_t>(steps));
}

} // namespace

TEST(upload, tells_its_progress_and_its_end) {
  constexpr std::size_t size = 20'000'000;
  fault_server server(
      [](wire& w) {
        w.read_head();
        read_slowly(w, size, 1000);
        w.answer(200, "");
        w.wait_for_close(5000);
      },
      32 * 1024);
  for (const bool file : {true, false}) {
    reports got;
    const auto begin = std::chrono::steady_clock::now();
    const auto loop_thread = std::this_thread::get_id();
    send({.method = "POST",
          .url = server.url(),
          .body = file ? body::from_file(file_of(size)) : body(std::string(size, 'm')),
          .on_upload_progress = [&](std::uint64_t sent, std::uint64_t total) {
            EXPECT_EQ(std::this_thread::get_id(), loop_thread);
            got.emplace_back(sent, total);
          }});
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
    ASSERT_GE(got.size(), 4u);
    EXPECT_LE(got.size(), static_cast<std::size_t>(took.count() / 100) + 2); // no more than ten in a second
    EXPECT_LT(got.front().first, size);
    for (std::size_t i = 0; i < got.size(); ++i) {
      EXPECT_EQ(got[i].second, size);
      if (i > 0) {
        EXPECT_GT(got[i].first, got[i - 1].first);
      }
    }
    EXPECT_EQ(got.back().first, size);
  }
}

TEST(upload, a_small_body_is_told_once_and_none_never) {
  fault_server server(takes_all());
  for (const std::size_t size : {std::size_t{1}, std::size_t{5000}, std::size_t{64 * 1024}, std::size_t{300'000}}) {
    reports got;
    send({.method = "PUT",
          .url = server.url(),
          .body = std::string(size, 'x'),
          .on_upload_progress = [&](std::uint64_t sent, std::uint64_t total) { got.emplace_back(sent, total); }});
    ASSERT_FALSE(got.empty());
    EXPECT_EQ(got.back(), (reports::value_type{size, size}));
    EXPECT_EQ(std::count(got.begin(), got.end(), got.back()), 1);
  }
  int calls = 0;
  const auto count = [&](std::uint64_t, std::uint64_t) { ++calls; };
  send({.url = server.url(), .on_upload_progress = count});
  send({.method = "POST", .url = server.url(), .body = "", .on_upload_progress = count});
  EXPECT_EQ(calls, 0);
}

TEST(upload, the_end_is_told_while_the_server_still_thinks) {
  std::atomic<bool> told{false};
  std::atomic<bool> in_time{false};
  fault_server server(fault_server::per_request([&](const std::string& head, wire& w) {
    w.read_body_of(head);
    for (int i = 0; i < 500 && !told; ++i) std::this_thread::sleep_for(10ms);
    in_time = told.load();
    w.answer(200, "");
  }));
  send({.method = "POST",
        .url = server.url(),
        .body = "abc",
        .on_upload_progress = [&](std::uint64_t sent, std::uint64_t total) { told = sent == total; }});
  EXPECT_TRUE(in_time);
}

TEST(upload, a_repeated_attempt_begins_again_and_is_counted) {
  constexpr std::size_t size = 4'000'000;
  std::atomic<int> requests{0};
  fault_server server(
      [&](wire& w) {
        const std::string head = w.read_head();
        if (head.empty()) return;
        if (++requests == 1) {
          read_slowly(w, size, 400);
          w.answer(503, "", "Connection: close\r\n");
        } else {
          read_slowly(w, size, 400);
          w.answer(200, "", "Connection: close\r\n");
        }
      },
      32 * 1024);
  client_options options = direct();
  options.retry = {.max_attempts = 3, .first_wait = 1ms};
  reports got;
  const auto answer =
      send({.method = "PUT",
            .url = server.url(),
            .body = body::from_file(file_of(size)),
            .idempotent = true,
            .on_upload_progress = [&](std::uint64_t sent, std::uint64_t total) { got.emplace_back(sent, total); }},
           options);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.attempts, 2);
  EXPECT_EQ(std::count(got.begin(), got.end(), reports::value_type(size, size)), 2);
  const auto end_of_first = std::find(got.begin(), got.end(), reports::value_type(size, size));
  ASSERT_NE(end_of_first + 1, got.end());
  EXPECT_LT((end_of_first + 1)->first, size);
}

TEST(upload, attempts_are_counted_for_every_kind_of_call) {
  std::atomic<int> requests{0};
  fault_server server(
      fault_server::per_request([&](const std::string&, wire& w) { w.answer(++requests % 3 == 0 ? 200 : 503, "x"); }));
  client_options options = direct();
  options.retry = {.max_attempts = 5, .first_wait = 1ms};
  EXPECT_EQ(send({.url = server.url()}, options).attempts, 3);
  weir::run([](client_options o, std::string url) -> task<void> {
    client web(o);
    const auto head = co_await web.stream({.url = url}, [](std::span<const std::byte>) -> task<void> { co_return; });
    EXPECT_EQ(head.attempts, 3);
    EXPECT_EQ(web.pool().stats().requests, 3u);
  }(options, server.url()));
  EXPECT_EQ(get(server.url()).attempts, 1); // no repetition: the 503 itself
}

TEST(upload, every_byte_of_a_pool_is_counted) {
  std::atomic<std::uint64_t> came_in{0};
  std::atomic<std::uint64_t> went_out{0};
  fault_server server(fault_server::per_request([&](const std::string& head, wire& w) {
    const std::string content = w.read_body_of(head);
    came_in += head.size() + content.size();
    const std::string text = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + std::string(1000, 'a');
    went_out += text.size();
    w.send(text);
  }));
  weir::run([](fault_server& s, std::atomic<std::uint64_t>& in, std::atomic<std::uint64_t>& out) -> task<void> {
    client web(direct());
    const auto check = [&](std::uint64_t requests) {
      EXPECT_EQ(web.pool().stats().requests, requests);
      EXPECT_EQ(web.pool().stats().bytes_sent, in.load());
      EXPECT_EQ(web.pool().stats().bytes_received, out.load());
    };
    check(0);
    co_await web.send({.url = s.url()});
    check(1);
    co_await web.send({.method = "POST", .url = s.url(), .body = "small"});
    check(2);
    co_await web.send({.method = "POST", .url = s.url(), .body = std::string(64 * 1024, 'x')});
    check(3);
    co_await web.send({.method = "PUT", .url = s.url(), .body = std::string(2'000'000, 'x')});
    check(4);
    co_await web.send({.method = "POST", .url = s.url(), .body = body::from_file(file_of(3'000'000))});
    check(5);
    co_await web.stream({.url = s.url()}, [](std::span<const std::byte>) -> task<void> { co_return; });
    check(6);
  }(server, came_in, went_out));
}

TEST(upload, bytes_of_what_fails_are_counted_too) {
  const std::string packed = gzip(std::string(100'000, 'z'));
  fault_server server([&](wire& w) {
    const std::string head = w.read_head();
    if (head.starts_with("GET /cut")) {
      w.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + std::string(400, 'x'));
    } else if (head.starts_with("GET /hang")) {
      w.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + std::string(300, 'x'));
      w.wait_for_close(20'000);
    } else {
      w.answer(200, packed, "Content-Encoding: gzip\r\n");
    }
  });
  weir::run([](fault_server& s, std::size_t packed_bytes) -> task<void> {
    client web(direct());
    const std::uint64_t head = std::string_view("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n").size();
    EXPECT_THROW(co_await web.send({.url = s.url("/cut")}), transport_error);
    EXPECT_EQ(web.pool().stats().bytes_received, head + 400);
    EXPECT_THROW(co_await web.send({.url = s.url("/hang"), .timeouts = http::timeouts{.idle = 200ms}}),
                 transport_error);
    EXPECT_EQ(web.pool().stats().bytes_received, 2 * head + 700);
    EXPECT_THROW(co_await weir::with_timeout(200ms, web.send({.url = s.url("/hang")})), weir::error);
    EXPECT_EQ(web.pool().stats().bytes_received, 3 * head + 1000);
    const std::uint64_t before = web.pool().stats().bytes_received;
    EXPECT_EQ((co_await web.send({.url = s.url("/packed")})).body.size(), 100'000u);
    const std::uint64_t got = web.pool().stats().bytes_received - before;
    EXPECT_GT(got, packed_bytes);
    EXPECT_LT(got, packed_bytes + 300); // as on the wire, not as unpacked
    EXPECT_EQ(web.pool().stats().requests, 4u);
  }(server, packed.size()));
}

TEST(upload, an_early_refusal_is_the_answer_even_where_the_connection_is_reset) {
  std::atomic<int> n{0};
  // Closing with unread bytes makes the system reset the connection behind the answer.
  fault_server server([&](wire& w) {
    if (w.read_head().empty()) return;
    const int i = n++;
    w.read_body(static_cast<std::size_t>(i % 7) * 9000);
    w.answer(i % 2 ? 400 : 413, "too big", "Connection: close\r\n");
  });
  weir::run([](fault_server& s) -> task<void> {
    client web(direct());
    const body from_memory{std::string(3'000'000, 'x')};
    const body from_disk = body::from_file(file_of(3'000'000));
    const body small{std::string(60'000, 'x')};
    for (int i = 0; i < 600; ++i) {
      reports got;
      const auto answer = co_await web.send(
          {.method = "POST",
           .url = s.url(),
           .body = i % 3 == 0 ? from_memory : (i % 3 == 1 ? from_disk : small),
           .on_upload_progress = [&](std::uint64_t sent, std::uint64_t total) { got.emplace_back(sent, total); }});
      EXPECT_TRUE(answer.status == 400 || answer.status == 413);
      EXPECT_EQ(answer.body, "too big");
    }
  }(server));
}

TEST(upload, an_early_success_is_the_answer_whatever_becomes_of_the_rest) {
  for (const bool reads_on : {true, false}) {
    fault_server server([&](wire& w) {
      const std::string head = w.read_head();
      if (head.empty()) return;
      w.read_body(100'000);
      w.answer(200, "got it");
      if (reads_on) w.read_body(5'000'000 - 100'000);
    });
    for (int i = 0; i < 20; ++i) {
      const auto answer =
          send({.method = "POST",
                .url = server.url(),
                .body = i % 2 ? body::from_file(file_of(5'000'000)) : body(std::string(5'000'000, 'x'))});
      EXPECT_EQ(answer.status, 200);
      EXPECT_EQ(answer.body, "got it");
    }
  }
}

TEST(upload, half_an_early_answer_is_none) {
  fault_server server([&](wire& w) {
    if (w.read_head().empty()) return;
    w.read_body(100'000);
    w.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf");
  });
  const failed f = failure_of({.method = "POST", .url = server.url(), .body = std::string(5'000'000, 'x')});
  EXPECT_EQ(f.code, errc::unavailable) << f.text;
}

TEST(upload, a_file_that_grows_is_sent_with_the_length_it_had) {
  unique_fd file = file_of(3'000'000);
  const unique_fd same(::dup(file.get()));
  std::string got;
  std::string rest;
  fault_server server([&](wire& w) {
    const std::string head = w.read_head();
    EXPECT_EQ(header_of(head, "Content-Length"), "3000000");
    got = w.read_body(10'000);
    EXPECT_EQ(::ftruncate(same.get(), 9'000'000), 0);
    got += w.read_body(3'000'000 - 10'000);
    w.answer(200, "", "Connection: close\r\n");
    rest = w.read_body(1);
  });
  const auto answer = send({.method = "POST", .url = server.url(), .body = body::from_file(std::move(file))});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(got, std::string(3'000'000, 'b'));
  EXPECT_EQ(rest, "");
}

} // namespace weir::test
