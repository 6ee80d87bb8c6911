#include "http/resumable_fixture.hpp"

namespace weir::test::resumable {

TEST(resumable_download, gets_a_file) {
  const folder in;
  ranged_server s(pattern(3'000'000));
  std::uint64_t last = 0;
  const auto got = fetch(in, {.url = s.url(), .download = {.on_progress = [&](std::uint64_t done, std::uint64_t total) {
                                                EXPECT_EQ(total, 3'000'000u);
                                                last = done;
                                              }}});
  expect_whole(in, got, pattern(3'000'000));
  EXPECT_EQ(got.download.resumed_from, 0u);
  EXPECT_EQ(got.download.attempts, 1);
  EXPECT_EQ(got.download.content_type, "video/mp4");
  EXPECT_EQ(last, 3'000'000u);
  EXPECT_EQ(s.last_range(), "");
}

TEST(resumable_download, goes_on_wherever_it_was_cut) {
  const std::string content = pattern(1'000'000);
  for (const long cut : {-1L, 0L, 1L, 65'535L, 65'536L, 65'537L, 700'000L, 999'999L}) {
    const folder in;
    ranged_server s(content);
    leave(in, s, cut);
    EXPECT_TRUE(in.shown().empty());
    if (cut <= 0) {
      EXPECT_TRUE(in.hidden().empty());
    }
    const auto got = fetch(in, {.url = s.url()});
    expect_whole(in, got, content);
    EXPECT_EQ(got.download.resumed_from, static_cast<std::uint64_t>(std::max(cut, 0L)));
    EXPECT_EQ(s.last_range(), cut > 0 ? "bytes=" + std::to_string(cut) + "-" : "");
    if (cut > 0) {
      EXPECT_EQ(header_of(s.heads().back(), "If-Range"), "\"v1\"");
    }
  }
}

TEST(resumable_download, may_be_cut_in_many_calls_and_within_one) {
  const std::string content = pattern(2'000'000);
  const folder in;
  ranged_server s(content);
  for (int i = 1; i <= 5; ++i) {
    s.cut({100'000, -1, 50'000});
    EXPECT_THROW(fetch(in, {.url = s.url(), .download = {.max_attempts = 3}}), transport_error);
    EXPECT_EQ(in.part_bytes(), 150'000u * static_cast<unsigned>(i));
  }
  s.cut({100'000, 100'000});
  const auto got = fetch(in, {.url = s.url()});
  expect_whole(in, got, content);
  EXPECT_EQ(got.download.resumed_from, 750'000u);
  EXPECT_EQ(got.download.attempts, 3);
}

TEST(resumable_download, changed_content_starts_over) {
  for (const std::string validator : {"ETag: \"v2\"\r\n", "ETag: W/\"v1\"\r\n", ""}) {
    const folder in;
    ranged_server s(pattern(1'000'000));
    leave(in, s, 400'000);
    const std::string other = pattern(900'000, 9);
    s.change(other, validator);
    const auto got = fetch(in, {.url = s.url()});
    expect_whole(in, got, other);
    EXPECT_EQ(got.download.resumed_from, 0u);
    EXPECT_EQ(s.last_range(), "bytes=400000-");
  }
}

TEST(resumable_download, an_old_date_is_a_validator_and_a_young_one_is_none) {
  const std::string content = pattern(1'000'000);
  for (const bool old : {true, false}) {
    const folder in;
    ranged_server s(content);
    s.change(content, std::string("Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nDate: Sun, 06 Nov 1994 08:49:") +
                          (old ? "40" : "37") + " GMT\r\n");
    leave(in, s, 400'000);
    const auto got = fetch(in, {.url = s.url()});
    expect_whole(in, got, content);
    EXPECT_EQ(got.download.resumed_from, old ? 400'000u : 0u);
    EXPECT_EQ(s.last_range(), old ? "bytes=400000-" : "");
  }
}

TEST(resumable_download, without_a_strong_validator_it_starts_over) {
  const std::string content = pattern(1'000'000);
  for (const char* weak : {"", "ETag: W/\"v1\"\r\n", "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"}) {
    const folder in;
    ranged_server s(content);
    s.change(content, weak);
    leave(in, s, 400'000);
    const auto got = fetch(in, {.url = s.url()});
    expect_whole(in, got, content);
    EXPECT_EQ(got.download.resumed_from, 0u) << weak;
    EXPECT_EQ(s.last_range(), "") << weak;
  }
}

TEST(resumable_download, a_part_that_does_not_fit_is_never_glued_on) {
  const std::string content = pattern(1'000'000);
  for (const std::string range :
       {"bytes 0-999999/1000000", "bytes 399999-999999/1000000", "bytes 400000-999999/2000000", "nonsense", ""}) {
    const folder in;
    std::atomic<int> n{0};
    fault_server server(fault_server::per_request([&](const std::string& head, wire& w) {
      const int i = n++;
      if (i == 0) {
        w.send("HTTP/1.1 200 OK\r\nETag: \"v\"\r\nContent-Length: 1000000\r\n\r\n" + content.substr(0, 400'000));
        w.close();
      } else if (i == 1) {
        EXPECT_EQ(header_of(head, "Range"), "bytes=400000-");
        w.answer(206, std::string(600'000, '!'),
                 range.empty() ? "ETag: \"v\"\r\n" : "ETag: \"v\"\r\nContent-Range: " + range + "\r\n");
      } else {
        EXPECT_EQ(header_of(head, "Range"), "");
        w.answer(200, content, "ETag: \"v\"\r\n");
      }
    }));
    EXPECT_EQ(fetch_failure(in, {.url = server.url()}).code, errc::unavailable);
    expect_whole(in, fetch(in, {.url = server.url()}), content);
    EXPECT_EQ(n, 3);
  }
}

TEST(resumable_download, a_part_longer_than_announced_is_not_taken) {
  const std::string content = pattern(1'000'000);
  for (const bool chunked : {true, false}) {
    const folder in;
    std::atomic<int> n{0};
    fault_server server(fault_server::per_request([&](const std::string& head, wire& w) {
      const int i = n++;
      if (i == 0) {
        w.send("HTTP/1.1 200 OK\r\nETag: \"v\"\r\nContent-Length: 1000000\r\n\r\n" + content.substr(0, 400'000));
        w.close();
      } else if (i == 1) {
        const std::string part = content.substr(400'000) + "more";
        const std::string begin =
            "HTTP/1.1 206 Partial\r\nETag: \"v\"\r\nContent-Range: bytes 400000-999999/1000000\r\n";
        if (chunked)
          w.send(begin + "Transfer-Encoding: chunked\r\n\r\n927c4\r\n" + part + "\r\n0\r\n\r\n");
        else
          w.send(begin + "Content-Length: 600004\r\n\r\n" + part);
      } else {
        EXPECT_EQ(header_of(head, "Range"), ""); // not for what would follow the surplus
        w.answer(200, content, "ETag: \"v\"\r\n");
      }
    }));
    EXPECT_EQ(fetch_failure(in, {.url = server.url()}).code, errc::unavailable);
    expect_whole(in, fetch(in, {.url = server.url()}), content);
    EXPECT_EQ(n, 3);
  }
}

TEST(resumable_download, a_complete_part_needs_no_more_than_a_416) {
  const std::string content = pattern(1'000'000);
  for (const std::string extra : {"", "Content-Range: bytes */1000000\r\n", "Content-Range: bytes */999999\r\n"}) {
    const folder in;
    ranged_server s(content);
    s.extra_for_416(extra);
    // Complete, but when it was to be published somebody had taken the name.
    order taken{.url = s.url(), .publish = {.on_conflict = on_conflict::fail}};
    taken.download.on_head = [&](const response_head&) { std::ofstream(in / "clip.mp4") << "good"; };
    EXPECT_EQ(fetch_failure(in, taken).code, errc::already_exists);
    EXPECT_EQ(in.part_bytes(), content.size());
    EXPECT_EQ(in.content(), "good");

    const auto got = fetch(in, {.url = s.url()});
    expect_whole(in, got, content, "clip_2.mp4");
    const bool trusted = extra.find("999999") == std::string::npos;
    EXPECT_EQ(s.heads().size(), trusted ? 2u : 3u);
    EXPECT_EQ(got.download.resumed_from, trusted ? content.size() : 0u);
    EXPECT_EQ(in.content(), "good");
  }
}

TEST(resumable_download, another_416_starts_over) {
  const std::string content = pattern(1'000'000);
  const folder in;
  ranged_server s(content);
  leave(in, s, 700'000);
  s.change(content.substr(0, 500'000), "ETag: \"v1\"\r\n"); // shorter, though it says that it is the same
  const auto got = fetch(in, {.url = s.url()});
  expect_whole(in, got, content.substr(0, 500'000));
  EXPECT_EQ(got.download.resumed_from, 0u);
  EXPECT_EQ(s.heads().size(), 3u);
}

TEST(resumable_download, of_unknown_length) {
  const std::string content = pattern(300'000);
  std::atomic<int> n{0};
  std::vector<std::string> ranges;
  fault_server server(fault_server::per_request([&](const std::string& head, wire& w) {
    ranges.push_back(header_of(head, "Range"));
    if (!ranges.back().empty()) {
      w.answer(416, "", "ETag: \"v\"\r\n");
      return;
    }
    w.send("HTTP/1.1 200 OK\r\nETag: \"v\"\r\nTransfer-Encoding: chunked\r\n\r\n493e0\r\n" + content + "\r\n");
    if (n++ == 0)
      w.close(); // all of it is there, but nobody can know
    else
      w.send("0\r\n\r\n");
  }));
  const folder in;
  EXPECT_EQ(fetch_failure(in, {.url = server.url()}).code, errc::unavailable);
  EXPECT_EQ(in.part_bytes(), content.size());
  expect_whole(in, fetch(in, {.url = server.url()}), content);
  EXPECT_EQ(ranges, (names{"", "bytes=300000-", ""}));
}

TEST(resumable_download, a_part_of_nobody_knows_how_much_is_not_taken_for_the_rest) {
  const std::string content = pattern(300'000);
  std::vector<std::string> ranges;
  fault_server server(fault_server::per_request([&](const std::string& head, wire& w) {
    ranges.push_back(header_of(head, "Range"));
    const std::string begin = "HTTP/1.1 200 OK\r\nETag: \"v\"\r\nTransfer-Encoding: chunked\r\n\r\n";
    if (ranges.size() == 1) {
      w.send(begin + "186a0\r\n" + content.substr(0, 100'000) + "\r\n");
      w.close();
    } else if (!ranges.back().empty()) {
      w.answer(206, content.substr(100'000, 100'000), "ETag: \"v\"\r\nContent-Range: bytes 100000-199999/*\r\n");
    } else {
      w.send(begin + "493e0\r\n" + content + "\r\n0\r\n\r\n");
    }
  }));
  const folder in;
  EXPECT_EQ(fetch_failure(in, {.url = server.url()}).code, errc::unavailable);
  expect_whole(in, fetch(in, {.url = server.url()}), content);
  EXPECT_EQ(ranges, (names{"", "bytes=100000-", ""}));
}

TEST(resumable_download, errors_touch_neither_the_part_nor_the_file) {
  const std::string content = pattern(1'000'000);
  const folder in;
  std::ofstream(in / "clip.mp4") << "good";
  ranged_server s(content);
  leave(in, s, 400'000);
  for (const int status : {400, 401, 403, 404, 410, 500, 503, 304}) {
    const std::string page = R"({"message": "no )" + std::to_string(status) + "\"}";
    s.refuse(status, page);
    try {
      fetch(in, {.url = s.url(), .publish = {.on_conflict = on_conflict::replace}, .download = {.max_attempts = 1}});
      ADD_FAILURE() << status;
    } catch (const status_error& e) {
      EXPECT_EQ(e.status(), status);
      EXPECT_EQ(e.body(), status == 304 ? "" : page);
      EXPECT_EQ(std::string(e.what()).find("message"), std::string::npos);
    }
    EXPECT_EQ(in.part_bytes(), 400'000u);
    EXPECT_EQ(in.content(), "good");
  }
  const auto got = fetch(in, {.url = s.url(), .publish = {.on_conflict = on_conflict::replace}});
  expect_whole(in, got, content);
  EXPECT_EQ(got.download.resumed_from, 400'000u);
  EXPECT_EQ(in.shown(), names{"clip.mp4"});

  const folder fresh;
  s.refuse(404, "none");
  EXPECT_EQ(fetch_failure(fresh, {.url = s.url()}).code, errc::remote);
  EXPECT_TRUE(fresh.hidden().empty());
}

TEST(resumable_download, a_401_comes_at_once_and_the_call_may_be_made_again) {
  const std::string content = pattern(1'000'000);
  const folder in;
  ranged_server s(content);
  leave(in, s, 300'000);
  s.refuse(401, R"({"message": "expired"})");
  weir::run([](const folder& where, ranged_server& server) -> task<void> {
    client web(quick());
    bool expired = false;
    try {
      co_await fetch_with(web, where.open(), {.url = server.url()});
    } catch (const status_error& e) {
      expired = e.status() == 401;
      EXPECT_EQ(e.body(), R"({"message": "expired"})");
    }
    EXPECT_TRUE(expired);
    EXPECT_EQ(server.heads().size(), 2u); // it was not tried again
    const auto got = co_await fetch_with(web, where.open(), {.url = server.url()});
    EXPECT_EQ(got.download.resumed_from, 300'000u);
  }(in, s));
  EXPECT_EQ(in.content(), content);
}

TEST(resumable_download, goes_on_with_a_new_token_and_another_url_of_the_same_identity) {
  const std::string content = pattern(1'000'000);
  const folder in;
  ranged_server s(content);
  s.cut({300'000});
  order o{.url = s.url("/clip?signature=1"), .identity = "clip 42", .headers = {{"Authorization", "Bearer old"}}};
  EXPECT_EQ(fetch_failure(in, o).code, errc::unavailable);
  s.refuse(401, "");
  EXPECT_EQ(fetch_failure(in, o).code, errc::remote);
  o.url = s.url("/clip?signature=2");
  o.headers.set("Authorization", "Bearer new");
  const auto got = fetch(in, o);
  expect_whole(in, got, content);
  EXPECT_EQ(got.download.resumed_from, 300'000u);
  EXPECT_EQ(header_of(s.heads().back(), "Authorization"), "Bearer new");
}

TEST(resumable_download, another_url_is_another_source) {
  const std::string content = pattern(1'000'000);
  const folder in;
  ranged_server s(content);
  leave(in, s, 300'000);
  const auto got = fetch(in, {.url = s.url("/other")});
  expect_whole(in, got, content);
  EXPECT_EQ(s.last_range(), "");
}

TEST(resumable_download, what_it_publishes_obeys_the_rules) {
  const std::string content = pattern(200'000);
  ranged_server s(content);
  for (const on_conflict rule : {on_conflict::number, on_conflict::fail, on_conflict::replace}) {
    const folder in;
    leave(in, s, 100'000);
    std::ofstream(in / "clip.mp4") << "good";
    const std::size_t asked = s.heads().size();
    if (rule == on_conflict::fail) {
      EXPECT_EQ(fetch_failure(in, {.url = s.url(), .publish = {.on_conflict = rule}}).code, errc::already_exists);
      EXPECT_EQ(s.heads().size(), asked);
      EXPECT_EQ(in.content(), "good");
      EXPECT_EQ(in.part_bytes(), 100'000u);
    } else {
      const bool number = rule == on_conflict::number;
      const auto got = fetch(in, {.url = s.url(), .publish = {.on_conflict = rule, .mode = 0640}});
      expect_whole(in, got, content, number ? "clip_2.mp4" : "clip.mp4");
      EXPECT_EQ(got.download.resumed_from, 100'000u);
      EXPECT_EQ(in.shown(), number ? (names{"clip.mp4", "clip_2.mp4"}) : names{"clip.mp4"});
      EXPECT_EQ(fs::status(in / got.file.name).permissions(),
                fs::perms::owner_read | fs::perms::owner_write | fs::perms::group_read);
    }
  }
  const folder in;
  const std::size_t asked = s.heads().size();
  EXPECT_EQ(fetch_failure(in, {.url = s.url(), .name = "none/clip.mp4"}).code, errc::not_found);
  EXPECT_EQ(fetch_failure(in, {.url = s.url(), .download = {.resume_from = http::resume_point{}}}).code,
            errc::invalid_argument);
  EXPECT_EQ(s.heads().size(), asked);
}

TEST(resumable_download, a_link_in_the_place_of_the_part_is_not_followed) {
  const std::string content = pattern(200'000);
  const folder in, outside;
  ranged_server s(content);
  leave(in, s, 100'000);
  std::ofstream(outside / "precious") << "precious";
  for (const std::string& name : in.hidden()) {
    fs::remove(in / name);
    fs::create_symlink(outside / "precious", in / name);
  }
  expect_whole(in, fetch(in, {.url = s.url()}), content);
  EXPECT_EQ(outside.content("precious"), "precious");
}

TEST(resumable_download, limits_and_expectations_hold) {
  const std::string content = pattern(1'000'000);
  const folder in;
  ranged_server s(content);
  leave(in, s, 400'000);
  EXPECT_EQ(fetch_failure(in, {.url = s.url(), .download = {.expected_bytes = 999'999}}).code, errc::corrupt);
  EXPECT_EQ(fetch_failure(in, {.url = s.url(), .publish = {.max_bytes = 999'999}}).code, errc::too_large);
  EXPECT_EQ(in.part_bytes(), 400'000u);
  const auto got = fetch(in, {.url = s.url(), .download = {.expected_bytes = 1'000'000}});
  EXPECT_EQ(got.download.resumed_from, 400'000u);
  expect_whole(in, got, content);
}

} // namespace weir::test::resumable
