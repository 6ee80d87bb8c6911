#include "http/client_fixture.hpp"

#include <weir/core/event.hpp>
#include <weir/files/root.hpp>
#include <weir/http/download_file.hpp>

#include <openssl/sha.h>

#include <filesystem>
#include <fstream>
#include <mutex>

namespace weir::test {
namespace {

using http::download;
using http::download_options;
using http::download_result;
using http::download_target;

std::string sha256_of(const std::string& text) {
  unsigned char sum[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), sum);
  std::string hex;
  for (const unsigned char byte : sum) {
    hex += "0123456789abcdef"[byte >> 4];
    hex += "0123456789abcdef"[byte & 15];
  }
  return hex;
}

std::string pattern(std::size_t size, unsigned seed = 1) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(((i + seed) * 2654435761u) >> 13);
  return text;
}

struct memory_target : download_target {
  std::string content;
  int resets = 0;
  std::thread::id loop_thread = std::this_thread::get_id();
  bool on_loop = false;

  void write(std::span<const std::byte> piece) override {
    on_loop |= std::this_thread::get_id() == loop_thread;
    content.append(reinterpret_cast<const char*>(piece.data()), piece.size());
  }
  void reset() override {
    ++resets;
    content.clear();
  }
  std::uint64_t bytes() const override { return content.size(); }
};

client_options quick() {
  client_options options = direct();
  options.retry = {.first_wait = 1ms, .max_wait = 5ms};
  options.timeouts.idle = 2000ms;
  return options;
}

download_result fetch(const std::string& url, memory_target& target, download_options options = {},
                      client_request request = {}) {
  request.url = url;
  return weir::run([](client_request r, memory_target& t, download_options o) -> task<download_result> {
    client web(quick());
    co_return co_await download(web, std::move(r), t, std::move(o));
  }(std::move(request), target, std::move(options)));
}

failed fetch_failure(const std::string& url, memory_target& target, download_options options = {}) {
  try {
    fetch(url, target, std::move(options));
  } catch (const weir::error& e) {
    return {.code = e.code(), .text = e.what()};
  }
  return {.text = "(it did not fail)"};
}

/// Serves `content` with ranges, and breaks the first answers off after some bytes each.
struct breaking {
  std::string content;
  std::string validator = "ETag: \"v1\"\r\n";
  std::vector<std::size_t> breaks; // after how many bytes the n-th answer ends
  bool knows_ranges = true;
  std::mutex lock;
  std::vector<std::string> heads;
  fault_server server{fault_server::per_request([this](const std::string& head, wire& w) { serve(head, w); })};

  breaking(std::string c, std::vector<std::size_t> b) : content(std::move(c)), breaks(std::move(b)) {}

  void serve(const std::string& head, wire& w) {
    std::size_t n = 0;
    {
      const std::lock_guard guard(lock);
      n = heads.size();
      heads.push_back(head);
    }
    std::size_t from = 0;
    const std::string range = header_of(head, "Range");
    if (knows_ranges && range.starts_with("bytes=") && ("ETag: " + header_of(head, "If-Range") + "\r\n") == validator)
      from = std::stoull(range.substr(6));
    const std::size_t rest = content.size() - from;
    std::string text = from == 0
                           ? "HTTP/1.1 200 OK\r\n"
                           : "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes " + std::to_string(from) + "-" +
                                 std::to_string(content.size() - 1) + "/" + std::to_string(content.size()) + "\r\n";
    text += validator + "Content-Type: video/mp4\r\nContent-Length: " + std::to_string(rest) + "\r\n\r\n";
    const std::size_t size = n < breaks.size() ? std::min(breaks[n], rest) : rest;
    w.send(text + content.substr(from, size));
    if (size < rest) w.close();
  }
};

} // namespace

TEST(download, gets_a_file_with_its_digest_and_progress) {
  breaking s(pattern(3'000'000), {});
  memory_target target;
  std::vector<std::uint64_t> progress;
  const auto result =
      fetch(s.server.url("/clip"), target, {.on_progress = [&](std::uint64_t done, std::uint64_t total) {
              EXPECT_EQ(total, 3'000'000u);
              progress.push_back(done);
            }});
  EXPECT_EQ(target.content, s.content);
  EXPECT_EQ(result.bytes, 3'000'000u);
  EXPECT_EQ(result.sha256, sha256_of(s.content));
  EXPECT_EQ(result.content_type, "video/mp4");
  EXPECT_EQ(result.attempts, 1);
  EXPECT_EQ(result.url, s.server.url("/clip"));
  EXPECT_FALSE(target.on_loop);
  ASSERT_FALSE(progress.empty());
  EXPECT_EQ(progress.back(), 3'000'000u);
  EXPECT_LE(progress.size(), 3'000'000u / 65'536 + 1); // no small writes
  EXPECT_EQ(header_of(s.heads[0], "Accept-Encoding"), "identity");
  EXPECT_EQ(header_of(s.heads[0], "Range"), "");
}

TEST(download, an_empty_file) {
  breaking s("", {});
  memory_target target;
  const auto result = fetch(s.server.url(), target);
  EXPECT_EQ(result.bytes, 0u);
  EXPECT_EQ(result.sha256, sha256_of(""));
}

TEST(download, goes_on_where_it_broke_off) {
  breaking s(pattern(2'000'000), {700'000, 0, 500'000});
  memory_target target;
  const auto result = fetch(s.server.url(), target);
  EXPECT_EQ(target.content, s.content);
  EXPECT_EQ(result.sha256, sha256_of(s.content));
  EXPECT_EQ(result.attempts, 4);
  EXPECT_EQ(target.resets, 0);
  ASSERT_EQ(s.heads.size(), 4u);
  EXPECT_EQ(header_of(s.heads[1], "Range"), "bytes=700000-");
  EXPECT_EQ(header_of(s.heads[1], "If-Range"), "\"v1\"");
  EXPECT_EQ(header_of(s.heads[2], "Range"), "bytes=700000-");
  EXPECT_EQ(header_of(s.heads[3], "Range"), "bytes=1200000-");
}

TEST(download, starts_over_without_a_strong_validator) {
  for (const char* weak : {"", "ETag: W/\"v1\"\r\n", "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
                           "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"}) {
    breaking s(pattern(1'000'000), {400'000});
    s.validator = weak;
    memory_target target;
    const auto result = fetch(s.server.url(), target);
    EXPECT_EQ(target.content, s.content) << weak;
    EXPECT_EQ(result.sha256, sha256_of(s.content));
    EXPECT_EQ(target.resets, 1) << weak;
    EXPECT_EQ(header_of(s.heads[1], "Range"), "") << weak;
  }
}

TEST(download, an_old_modification_date_is_a_validator) {
  breaking s(pattern(1'000'000), {400'000});
  s.validator = "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nDate: Mon, 07 Nov 1994 08:49:37 GMT\r\n";
  memory_target target;
  const auto result = fetch(s.server.url(), target);
  EXPECT_EQ(header_of(s.heads[1], "If-Range"), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(header_of(s.heads[1], "Range"), "bytes=400000-");
  // This server does not know it, and sends the whole again.
  EXPECT_EQ(target.resets, 1);
  EXPECT_EQ(result.sha256, sha256_of(s.content));
}

TEST(download, starts_over_where_the_content_has_changed) {
  const std::string old_content = pattern(1'000'000, 1);
  const std::string new_content = pattern(900'000, 7);
  std::atomic<int> n{0};
  fault_server server(fault_server::per_request([&](const std::string&, wire& w) {
    if (n++ == 0) {
      w.send("HTTP/1.1 200 OK\r\nETag: \"old\"\r\nContent-Length: 1000000\r\n\r\n" + old_content.substr(0, 300'000));
      w.close();
    } else {
      w.answer(200, new_content, "ETag: \"new\"\r\n"); // If-Range did not match
    }
  }));
  memory_target target;
  const auto result = fetch(server.url(), target);
  EXPECT_EQ(target.content, new_content);
  EXPECT_EQ(result.sha256, sha256_of(new_content));
  EXPECT_EQ(target.resets, 1);
}

TEST(download, a_part_that_does_not_fit_is_never_glued_on) {
  const std::string content = pattern(1'000'000);
  for (const char* range : {"bytes 0-999999/1000000", "bytes 299999-999999/1000000", "bytes 300000-999999/2000000",
                            "nonsense", "bytes 300000-200000/1000000", "", "items 300000-999999/1000000"}) {
    std::atomic<int> n{0};
    fault_server server(fault_server::per_request([&](const std::string&, wire& w) {
      const int i = n++;
      if (i == 0) {
        w.send("HTTP/1.1 200 OK\r\nETag: \"v\"\r\nContent-Length: 1000000\r\n\r\n" + content.substr(0, 300'000));
        w.close();
      } else if (i == 1) {
        w.answer(206, std::string(700'000, '!'),
                 *range ? "ETag: \"v\"\r\nContent-Range: " + std::string(range) + "\r\n" : "ETag: \"v\"\r\n");
      } else {
        w.answer(200, content, "ETag: \"v\"\r\n");
      }
    }));
    memory_target target;
    const auto result = fetch(server.url(), target);
    EXPECT_EQ(result.sha256, sha256_of(content)) << range;
    EXPECT_EQ(target.content, content) << range;
  }
}

TEST(download, another_etag_on_a_part_starts_over) {
  const std::string content = pattern(1'000'000);
  std::atomic<int> n{0};
  fault_server server(fault_server::per_request([&](const std::string&, wire& w) {
    const int i = n++;
    if (i == 0) {
      w.send("HTTP/1.1 200 OK\r\nETag: \"v\"\r\nContent-Length: 1000000\r\n\r\n" + content.substr(0, 300'000));
      w.close();
    } else if (i == 1) {
      w.answer(206, std::string(700'000, '!'), "ETag: \"w\"\r\nContent-Range: bytes 300000-999999/1000000\r\n");
    } else {
      w.answer(200, content);
    }
  }));
  memory_target target;
  EXPECT_EQ(fetch(server.url(), target).sha256, sha256_of(content));
}

TEST(download, a_range_that_cannot_be_satisfied_starts_over) {
  const std::string content = pattern(500'000);
  std::atomic<int> n{0};
  fault_server server(fault_server::per_request([&](const std::string& head, wire& w) {
    if (n++ == 0) {
      w.send("HTTP/1.1 200 OK\r\nETag: \"v\"\r\nContent-Length: 900000\r\n\r\n" + content);
      w.close();
    } else if (!header_of(head, "Range").empty()) {
      w.answer(416, "", "Content-Range: bytes */500000\r\n");
    } else {
      w.answer(200, content);
    }
  }));
  memory_target target;
  EXPECT_EQ(fetch(server.url(), target).sha256, sha256_of(content));
}

TEST(download, waits_out_a_busy_server_and_a_stall) {
  const std::string content = pattern(300'000);
  std::atomic<int> n{0};
  fault_server server(fault_server::per_request([&](const std::string&, wire& w) {
    switch (n++) {
    case 0:
      w.answer(429, "", "retry-after-ms: 5\r\n");
      break;
    case 1:
      w.answer(503, "");
      break;
    case 2:
      w.send("HTTP/1.1 200 OK\r\nETag: \"v\"\r\nContent-Length: 300000\r\n\r\n" + content.substr(0, 1000));
      w.wait_for_close(10'000);
      break;
    default:
      w.answer(200, content);
    }
  }));
  memory_target target;
  const auto result = fetch(server.url(), target, {}, {.timeouts = http::timeouts{.idle = 200ms}});
  EXPECT_EQ(result.attempts, 4);
  EXPECT_EQ(result.sha256, sha256_of(content));
}

TEST(download, gives_up_after_its_attempts) {
  breaking s(pattern(1'000'000), std::vector<std::size_t>(100, 1000));
  memory_target target;
  const failed f = fetch_failure(s.server.url(), target, {.max_attempts = 3});
  EXPECT_EQ(f.code, errc::unavailable) << f.text;
  EXPECT_EQ(s.heads.size(), 3u);
  fault_server busy(fault_server::per_request([](const std::string&, wire& w) { w.answer(503, ""); }));
  memory_target other;
  EXPECT_EQ(fetch_failure(busy.url(), other, {.max_attempts = 2}).code, errc::remote);
}

TEST(download, other_statuses_are_final) {
  for (const int status : {204, 400, 401, 403, 404, 410}) {
    std::atomic<int> n{0};
    fault_server server(fault_server::per_request([&](const std::string&, wire& w) {
      ++n;
      if (status == 204)
        w.send("HTTP/1.1 204 No Content\r\n\r\n");
      else
        w.answer(status, "an error page");
    }));
    memory_target target;
    if (status == 204) {
      EXPECT_EQ(fetch(server.url(), target).bytes, 0u);
    } else {
      const failed f = fetch_failure(server.url("/x?sig=hush"), target);
      EXPECT_EQ(f.code, errc::remote);
      EXPECT_NE(f.text.find(std::to_string(status)), std::string::npos);
      EXPECT_EQ(f.text.find("hush"), std::string::npos);
    }
    EXPECT_TRUE(target.content.empty()); // the error page is no content
    EXPECT_EQ(n, 1);
  }
}

TEST(download, the_limit_acts_before_anything_is_written) {
  breaking s(pattern(1'000'000), {});
  memory_target target;
  const failed f = fetch_failure(s.server.url(), target, {.max_bytes = 999'999});
  EXPECT_EQ(f.code, errc::too_large);
  EXPECT_NE(f.text.find("1000000"), std::string::npos) << f.text;
  EXPECT_TRUE(target.content.empty());
  memory_target enough;
  EXPECT_EQ(fetch(s.server.url(), enough, {.max_bytes = 1'000'000}).bytes, 1'000'000u);
  // Of unknown length: what is too much is not written.
  fault_server endless([](wire& w) {
    w.read_head();
    w.send("HTTP/1.1 200 OK\r\n\r\n");
    const std::string piece(100'000, 'x');
    while (w.send(piece)) {}
  });
  memory_target bounded;
  EXPECT_EQ(fetch_failure(endless.url(), bounded, {.max_bytes = 500'000}).code, errc::too_large);
  EXPECT_LE(bounded.content.size(), 500'000u);
}

TEST(download, refuses_what_it_cannot_do) {
  memory_target target;
  EXPECT_THROW(fetch("http://127.0.0.1:1/", target, {}, {.method = "POST"}), weir::error);
  EXPECT_THROW(fetch("http://127.0.0.1:1/", target, {}, {.headers = {{"range", "bytes=0-"}}}), weir::error);
  fault_server packed(fault_server::per_request(
      [](const std::string&, wire& w) { w.answer(200, gzip("x"), "Content-Encoding: gzip\r\n"); }));
  EXPECT_EQ(fetch_failure(packed.url(), target).code, errc::unsupported);
}

TEST(download, goes_through_a_redirect_without_the_credentials) {
  std::string seen;
  fault_server storage(fault_server::per_request([&](const std::string& head, wire& w) {
    seen = head;
    w.answer(200, "content");
  }));
  fault_server home(fault_server::per_request(
      [&](const std::string&, wire& w) { w.answer(302, "", "Location: " + storage.url("/signed?x=y") + "\r\n"); }));
  memory_target target;
  fetch(home.url(), target, {}, {.headers = {{"Authorization", "Bearer s3"}}});
  EXPECT_EQ(target.content, "content");
  EXPECT_EQ(request_line(seen), "GET /signed?x=y");
  EXPECT_EQ(seen.find("s3"), std::string::npos);
}

TEST(download, what_the_target_throws_ends_it) {
  struct full : memory_target {
    void write(std::span<const std::byte>) override { throw weir::error(errc::no_space, "the disk is full"); }
  } target;
  breaking s(pattern(1'000'000), {});
  EXPECT_EQ(fetch_failure(s.server.url(), target).code, errc::no_space);
  EXPECT_EQ(s.heads.size(), 1u);
}

TEST(download, the_error_says_what_the_server_says) {
  const std::string long_page(100'000, 'e');
  fault_server server([&](wire& w) {
    const std::string head = w.read_head();
    if (head.starts_with("GET /short")) w.answer(403, R"({"message": "not yours"})", "Retry-After: 7\r\n");
    if (head.starts_with("GET /long")) w.answer(500, long_page);
    if (head.starts_with("GET /cut"))
      w.send("HTTP/1.1 404 X\r\nContent-Length: 1000\r\n\r\nnot whol"); // the status counts, however it ends
    if (head.starts_with("GET /endless")) {
      w.send("HTTP/1.1 400 X\r\n\r\n");
      while (w.send(long_page)) {}
    }
  });
  const auto error_of = [&](const std::string& path) {
    memory_target target;
    std::optional<status_error> error;
    try {
      fetch(server.url(path), target, {.max_attempts = 1});
    } catch (const status_error& e) {
      error = e;
    }
    EXPECT_TRUE(target.content.empty());
    return error;
  };
  const auto brief = error_of("/short");
  ASSERT_TRUE(brief);
  EXPECT_EQ(brief->status(), 403);
  EXPECT_EQ(brief->body(), R"({"message": "not yours"})");
  EXPECT_EQ(brief->retry_after(), 7s);
  const auto cut = error_of("/cut");
  ASSERT_TRUE(cut);
  EXPECT_EQ(cut->body(), "not whol");
  for (const char* path : {"/long", "/endless"}) {
    const auto error = error_of(path);
    ASSERT_TRUE(error) << path;
    EXPECT_EQ(error->body(), long_page.substr(0, 16 * 1024));
  }
}

TEST(download, the_head_may_be_turned_into_an_error_of_ones_own) {
  struct mine {
    int status;
  };
  std::atomic<int> n{0};
  fault_server server(fault_server::per_request([&](const std::string& head, wire& w) {
    ++n;
    if (head.starts_with("GET /busy") && n < 3) return void(w.answer(503, ""));
    w.answer(head.starts_with("GET /gone") ? 410 : 200, "x");
  }));
  const auto seen_by = [&](const std::string& path, bool refuse) {
    n = 0;
    std::vector<int> seen;
    memory_target target;
    try {
      fetch(server.url(path), target, {.on_head = [&](const response_head& head) {
              seen.push_back(head.status);
              if (refuse) throw mine{head.status};
            }});
      EXPECT_FALSE(refuse);
    } catch (const mine& e) {
      EXPECT_EQ(seen.back(), e.status);
    } catch (const status_error& e) {
      EXPECT_EQ(seen.back(), e.status());
    }
    EXPECT_EQ(target.content, path == "/gone" || refuse ? "" : "x");
    return seen;
  };
  EXPECT_EQ(seen_by("/gone", true), std::vector<int>{410});
  EXPECT_EQ(seen_by("/gone", false), std::vector<int>{410});
  EXPECT_EQ(seen_by("/fine", true), std::vector<int>{200});
  EXPECT_EQ(seen_by("/busy", false), std::vector<int>{200}); // not the two that did not count
  EXPECT_EQ(n, 3);
}

TEST(download, of_another_length_than_expected_is_corrupt) {
  fault_server server([&](wire& w) {
    const std::string head = w.read_head();
    if (head.starts_with("GET /said"))
      w.answer(200, "12345");
    else
      w.send("HTTP/1.1 200 OK\r\n\r\n12345");
  });
  for (const char* path : {"/said", "/unsaid"}) {
    memory_target target;
    EXPECT_EQ(fetch_failure(server.url(path), target, {.expected_bytes = 6}).code, errc::corrupt) << path;
    EXPECT_EQ(target.content.empty(), std::string_view(path) == "/said");
    memory_target other;
    EXPECT_EQ(fetch(server.url(path), other, {.expected_bytes = 5}).bytes, 5u);
  }
}

TEST(download, goes_on_with_a_target_that_has_something) {
  struct hashing_target : memory_target {
    std::vector<std::pair<std::string, std::optional<std::uint64_t>>> described;
    std::optional<std::string> sha256() const override { return sha256_of(content); }
    void describe(std::string_view validator, std::optional<std::uint64_t> total) override {
      described.emplace_back(validator, total);
    }
  };
  breaking s(pattern(500'000), {});
  hashing_target target;
  target.content = s.content.substr(0, 200'000);
  const auto result = fetch(s.server.url(), target, {.resume_from = http::resume_point{200'000, "\"v1\"", {}}});
  EXPECT_EQ(target.content, s.content);
  EXPECT_EQ(result.resumed_from, 200'000u);
  EXPECT_EQ(result.sha256, sha256_of(s.content));
  ASSERT_EQ(target.described.size(), 1u);
  EXPECT_EQ(target.described[0].first, "\"v1\"");
  EXPECT_EQ(target.described[0].second, 500'000u);
  EXPECT_EQ(header_of(s.heads[0], "Range"), "bytes=200000-");
  EXPECT_EQ(target.resets, 0);
  // One that does not know its digest, or says another length than it has.
  memory_target plain;
  plain.content = "abc";
  EXPECT_EQ(fetch_failure(s.server.url(), plain, {.resume_from = http::resume_point{3, "\"v1\"", {}}}).code,
            errc::invalid_argument);
  EXPECT_EQ(fetch_failure(s.server.url(), target, {.resume_from = http::resume_point{3, "\"v1\"", {}}}).code,
            errc::invalid_argument);
  EXPECT_EQ(s.heads.size(), 1u);
}

TEST(download, is_cancelled_while_a_write_is_slow) {
  struct slow : memory_target {
    void write(std::span<const std::byte> piece) override {
      std::this_thread::sleep_for(30ms);
      memory_target::write(piece);
    }
  } target;
  breaking s(pattern(20'000'000), {});
  weir::run([](slow& t, std::string url) -> task<void> {
    client web(quick());
    weir::event begun;
    co_await weir::with_task_group([&](weir::task_group& group) -> task<void> {
      group.spawn([&]() -> task<void> {
        co_await download(web, {.url = url}, t, {.on_progress = [&](std::uint64_t, std::uint64_t) { begun.set(); }});
      });
      co_await begun.wait();
      co_await weir::sleep_for(70ms);
      group.cancel();
    });
    EXPECT_EQ(web.pool().stats().open_connections, 0u);
  }(target, s.server.url()));
  EXPECT_GT(target.content.size(), 0u);
  EXPECT_LT(target.content.size(), 5'000'000u); // never more than a few buffers ahead of the disk
  EXPECT_EQ(target.content, s.content.substr(0, target.content.size()));
}

TEST(download_file, publishes_what_is_complete_and_nothing_else) {
  std::string folder = (std::filesystem::temp_directory_path() / "weir-http-XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const auto listing = [&] {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) names.push_back(entry.path().filename());
    return names;
  };
  const files::root media = files::root::open(folder);
  // Without a validator it starts over, so the file is begun twice.
  breaking s(pattern(1'500'000), {600'000});
  s.validator = "";
  const auto done = weir::run([](files::root in, std::string url) -> task<http::file_download> {
    client web(quick());
    co_return co_await http::download_file(web, {.url = url}, in, "clip.mp4");
  }(media, s.server.url()));
  EXPECT_EQ(done.file.name, "clip.mp4");
  EXPECT_EQ(done.file.bytes, 1'500'000u);
  EXPECT_EQ(done.file.sha256, sha256_of(s.content));
  EXPECT_EQ(done.download.sha256, done.file.sha256);
  EXPECT_EQ(done.download.attempts, 2);
  EXPECT_EQ(listing(), (std::vector<std::string>{"clip.mp4"}));
  std::ifstream in(folder + "/clip.mp4", std::ios::binary);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), s.content);

  breaking bad(pattern(1'000'000), std::vector<std::size_t>(100, 400'000));
  bad.validator = "";
  EXPECT_THROW(weir::run([](files::root where, std::string url) -> task<void> {
                 client web(quick());
                 co_await http::download_file(web, {.url = url}, where, "other.mp4", {}, {.max_attempts = 2});
               }(media, bad.server.url())),
               transport_error);
  EXPECT_EQ(listing(), (std::vector<std::string>{"clip.mp4"}));
  std::filesystem::remove_all(folder);
}

} // namespace weir::test
