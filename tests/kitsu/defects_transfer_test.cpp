// What an older client of the same API does wrong about downloads, one test each: it fails where ours does so.
#include "kitsu/stub_fixture.hpp"

#include <weir/files/async.hpp>

#include <atomic>

namespace weir::kitsu::stubbed {
namespace {

const std::string movie_path = "movies/originals/preview-files/p1.mp4";

/// A server with one movie, a proxy before it, and an empty folder.
struct movie_server {
  explicit movie_server(std::size_t bytes = 1'000'000) : content(pattern(bytes)) { stub.file(movie_path, content); }

  files::root root() const { return files::root::open(folder.path()); }
  kitsu::tokens tokens() { return tokens_of(stub.issue()); }
  std::vector<std::string> visible() const {
    auto names = names_in(folder.path());
    std::erase_if(names, [](const std::string& n) { return n.starts_with('.'); });
    return names;
  }

  std::string content;
  kitsu_stub stub;
  fault_proxy proxy{stub.port()};
  own_folder folder;
};

kitsu::download_options replacing() {
  kitsu::download_options options;
  options.publish.on_conflict = files::on_conflict::replace;
  return options;
}

TEST(kitsu_defects, D2_the_answer_of_an_error_is_never_stored) {
  movie_server s;
  write_to(s.folder / "a.mp4", "good");
  const std::vector<std::pair<stub_answer, failure>> table{
      {{.status = 404, .body = R"({"message": "not there"})"}, failure::not_found},
      {{.status = 403, .body = R"({"message": "no"})"}, failure::not_allowed},
      {{.status = 400, .body = R"({"message": "bad"})"}, failure::invalid},
      {{.status = 500, .body = R"({"message": "boom"})"}, failure::server_error},
      {{.status = 302, .body = "", .headers = {{"Location", "http://127.0.0.1:1/"}}}, failure::not_kitsu},
      {{.status = 502, .body = "<html>", .content_type = "text/html"}, failure::gateway}};
  for (const auto& [answer, why] : table) {
    s.stub.answer("GET", movie_path, answer);
    on_loop([&]() -> task<void> {
      client studio(s.stub.host(), s.tokens(), once());
      for (const char* name : {"a.mp4", "b.mp4"}) {
        const auto f = co_await failure_of(studio.download(movie_path, s.root(), name, replacing()));
        EXPECT_TRUE(f && f->why == why && f->status == answer.status)
            << answer.status << " " << (f ? kitsu::to_string(f->why) : "success");
      }
    });
    EXPECT_EQ(names_in(s.folder.path()), std::vector<std::string>{"a.mp4"});
    EXPECT_TRUE(holds(s.folder / "a.mp4", "good"));
  }
}

TEST(kitsu_defects, D3_an_existing_file_stays_until_the_new_one_is_whole) {
  movie_server s;
  write_to(s.folder / "a.mp4", "good");
  s.proxy.set_rules({{{}, faults::stall_after(300'000)}});
  on_loop([&]() -> task<void> {
    client studio(host_of(s.proxy), s.tokens(), once());
    auto options = replacing();
    bool half = false;
    options.on_progress = [&](std::uint64_t done, std::uint64_t) { half = half || done > 100'000; };
    co_await with_task_group([&](task_group& group) -> task<void> {
      auto download = group.spawn(failure_of(studio.download(movie_path, s.root(), "a.mp4", options)), "download");
      for (int i = 0; i < 20'000 && !half; ++i) co_await sleep_for(1ms);
      EXPECT_TRUE(half);
      EXPECT_TRUE(holds(s.folder / "a.mp4", "good"));
      EXPECT_EQ(s.visible(), std::vector<std::string>{"a.mp4"});
      download.cancel();
    });
    EXPECT_TRUE(holds(s.folder / "a.mp4", "good"));
    EXPECT_EQ(s.visible(), std::vector<std::string>{"a.mp4"});

    s.proxy.set_rules({{fakes::match{}.nth(1), faults::reset_after(300'000)}, {{}, faults::cut_before_forwarding()}});
    EXPECT_TRUE(co_await failure_of(studio.download(movie_path, s.root(), "a.mp4", replacing())));
    EXPECT_TRUE(holds(s.folder / "a.mp4", "good"));

    s.proxy.set_rules({});
    co_await studio.download(movie_path, s.root(), "a.mp4", replacing());
    EXPECT_TRUE(holds(s.folder / "a.mp4", s.content));
    EXPECT_EQ(s.visible(), std::vector<std::string>{"a.mp4"});
  });
}

TEST(kitsu_defects, D4_a_broken_download_goes_on_where_it_broke_off) {
  movie_server s(3'000'000);
  for (const auto& fault : {faults::reset_after(1'000'000), faults::close_after(1'000'000)}) {
    s.proxy.reset();
    s.proxy.set_rules({{{.first = 2}, fault}});
    s.stub.forget_requests();
    on_loop([&]() -> task<void> {
      client studio(host_of(s.proxy), s.tokens(), quick());
      const auto got = co_await studio.download(movie_path, s.root(), "a.mp4", replacing());
      EXPECT_EQ(got.attempts, 3);
      EXPECT_EQ(got.file.bytes, s.content.size());
      EXPECT_EQ(got.file.sha256, fakes::net::sha256(s.content));
    });
    EXPECT_TRUE(holds(s.folder / "a.mp4", s.content));
    const auto asked = s.stub.requests_to("GET", movie_path);
    ASSERT_EQ(asked.size(), 3u);
    EXPECT_EQ(asked[0].header("Range"), "");
    EXPECT_EQ(asked[1].header("Range"), "bytes=1000000-");
    EXPECT_EQ(asked[2].header("Range"), "bytes=2000000-");
    EXPECT_EQ(asked[2].header("If-Range"), "\"v1\"");
  }
}

TEST(kitsu_defects, D4_ranges_are_asked_for_also_where_the_server_does_not_offer_them) {
  movie_server s;
  s.proxy.set_rules({{fakes::match{}.nth(1), [] {
                        auto a = faults::reset_after(600'000);
                        a.headers = faults::remove_header("Accept-Ranges").headers;
                        return a;
                      }()}});
  on_loop([&]() -> task<void> {
    client studio(host_of(s.proxy), s.tokens(), quick());
    co_await studio.download(movie_path, s.root(), "a.mp4");
  });
  EXPECT_TRUE(holds(s.folder / "a.mp4", s.content));
  EXPECT_EQ(s.proxy.journal().at(1).upstream_status, 206);
}

TEST(kitsu_defects, D4_content_that_changed_meanwhile_is_fetched_from_its_start) {
  movie_server s;
  const std::string other = pattern(1'200'000).substr(77'777);
  s.proxy.set_rules({{fakes::match{}.nth(1), faults::reset_after(600'000)}});
  std::atomic<bool> changed{false};
  on_loop([&]() -> task<void> {
    client studio(host_of(s.proxy), s.tokens(), quick());
    auto options = replacing();
    options.on_progress = [&](std::uint64_t done, std::uint64_t) {
      if (done > 0 && !changed.exchange(true)) s.stub.file(movie_path, other, "\"v2\"");
    };
    co_await studio.download(movie_path, s.root(), "a.mp4", options);
  });
  EXPECT_TRUE(changed);
  EXPECT_TRUE(holds(s.folder / "a.mp4", other));
}

TEST(kitsu_defects, D5_a_body_that_is_shorter_or_longer_than_announced_is_not_published) {
  movie_server s;
  for (const auto& fault : {faults::close_after(999'999), faults::wrong_length(1), faults::wrong_length(100'000)}) {
    s.proxy.set_rules({{fakes::match{}.nth(1), fault}, {{}, faults::cut_before_forwarding()}});
    on_loop([&]() -> task<void> {
      client_options options = once();
      options.transfer_timeouts.idle = 500ms;
      client studio(host_of(s.proxy), s.tokens(), options);
      auto how = replacing();
      how.keep_partial = false;
      const auto e = co_await end_of(studio.download(movie_path, s.root(), "a.mp4", how));
      EXPECT_TRUE(e.code);
    });
    EXPECT_TRUE(names_in(s.folder.path()).empty()) << names_in(s.folder.path()).front();
  }
}

TEST(kitsu_defects, D6_a_token_that_expires_in_a_batch_of_downloads_is_refreshed) {
  movie_server s(10'000);
  s.stub.expire_after(7);
  on_loop([&]() -> task<void> {
    client_options options = quick();
    options.max_transfers = 2;
    client studio(s.stub.host(), s.tokens(), options);
    for (int i = 0; i < 20; ++i) co_await studio.download(movie_path, s.root(), std::to_string(i) + ".mp4");
  });
  EXPECT_EQ(s.visible().size(), 20u);
  for (const std::string& name : s.visible()) EXPECT_TRUE(holds(s.folder / name, s.content)) << name;
  EXPECT_EQ(s.stub.refreshes(), 2u);
}

TEST(kitsu_defects, D7_files_are_written_on_threads_while_other_calls_go_on) {
  movie_server s(2'000'000);
  s.stub.answer("GET", "data/x", "[1]");
  on_loop([&]() -> task<void> {
    client studio(s.stub.host(), s.tokens(), quick());
    // A disk that hangs: every thread for files is taken.
    limiter& disk = files::file_limiter();
    std::vector<permit> taken;
    while (disk.in_use() < disk.capacity()) taken.push_back(co_await disk.acquire());
    co_await with_task_group([&](task_group& group) -> task<void> {
      auto download =
          group.spawn([&]() -> task<void> { co_await studio.download(movie_path, s.root(), "a.mp4"); }, "download");
      for (int i = 0; i < 50; ++i) {
        EXPECT_EQ(co_await with_timeout(10s, studio.get("data/x")), json::value(json::array{1}));
        co_await sleep_for(2ms);
      }
      EXPECT_FALSE(download.done());
      EXPECT_TRUE(s.visible().empty());
      taken.clear();
    });
  });
  EXPECT_TRUE(holds(s.folder / "a.mp4", s.content));
}

TEST(kitsu_defects, D20_a_download_tells_how_far_it_is) {
  movie_server s(3'000'000);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> told;
  on_loop([&]() -> task<void> {
    client studio(s.stub.host(), s.tokens(), quick());
    kitsu::download_options options;
    options.on_progress = [&](std::uint64_t done, std::uint64_t total) { told.emplace_back(done, total); };
    co_await studio.download(movie_path, s.root(), "a.mp4", options);
  });
  ASSERT_FALSE(told.empty());
  EXPECT_TRUE(std::is_sorted(told.begin(), told.end()));
  EXPECT_EQ(told.back(), std::pair(std::uint64_t(3'000'000), std::uint64_t(3'000'000)));
}

TEST(kitsu_defects, D42_a_cancelled_download_leaves_nothing_that_anybody_sees) {
  movie_server s(5'000'000);
  s.proxy.set_rules({{{}, faults::throttle_response(1'000'000)}});
  const std::size_t before = open_descriptors();
  for (const auto limit : {5ms, 50ms, 200ms, 700ms}) {
    on_loop([&]() -> task<void> {
      client studio(host_of(s.proxy), s.tokens(), quick());
      kitsu::download_options options;
      options.keep_partial = false;
      const auto e = co_await end_of(with_timeout(limit, studio.download(movie_path, s.root(), "a.mp4", options)));
      EXPECT_EQ(e.code, errc::timeout);
      EXPECT_EQ(studio.statistics().in_flight, 0u);
    });
    EXPECT_TRUE(names_in(s.folder.path()).empty());
  }
  for (int i = 0; i < 5000 && open_descriptors() > before; ++i) std::this_thread::sleep_for(1ms);
  EXPECT_LE(open_descriptors(), before);
}

} // namespace
} // namespace weir::kitsu::stubbed
