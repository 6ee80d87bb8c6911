// What an older client of the same API does wrong about uploads and what is changed, one test each: it fails where ours
// does so.
#include "kitsu/stub_fixture.hpp"

#include <weir/files/root.hpp>

#include <thread>

namespace weir::kitsu::stubbed {
namespace {

const std::string upload_path = "pictures/preview-files/p1";

struct upload_server {
  upload_server() { stub.answer("POST", upload_path, R"({"id": "p1", "status": "ready", "message": null})"); }
  kitsu::tokens tokens() { return tokens_of(stub.issue()); }
  std::string file(const std::string& name, const std::string& content) {
    write_to(folder / name, content);
    return folder / name;
  }

  kitsu_stub stub;
  own_folder folder;
};

TEST(kitsu_defects, D19_an_upload_whose_token_has_expired_is_sent_again_whole) {
  upload_server s;
  const std::string content = pattern(2'000'000), second = pattern(70'000);
  const std::string file = s.file("shot.png", content), more = s.file("more.pdf", second);
  on_loop([&]() -> task<void> {
    client studio(s.stub.host(), s.tokens(), quick());
    s.stub.expire_all();
    const auto answer =
        co_await studio.upload(upload_path, file, {.fields = {{"text", "hello"}}, .more_files = {more}});
    EXPECT_EQ(json::string_or(answer.as_object(), "status"), "ready");
  });
  EXPECT_EQ(s.stub.refreshes(), 1u);
  const auto sent = s.stub.requests_to("POST", upload_path);
  ASSERT_EQ(sent.size(), 2u);
  for (const stub_request& r : sent) {
    auto parts = parts_of(r);
    EXPECT_EQ(parts.size(), 3u);
    EXPECT_TRUE(parts["file"].content == content);
    EXPECT_TRUE(parts["file-1"].content == second);
    EXPECT_EQ(parts["text"].content, "hello");
    EXPECT_NE(parts["file"].head.find("filename=\"shot.png\""), std::string::npos) << parts["file"].head;
  }
}

TEST(kitsu_defects, D19_an_upload_that_never_reached_the_server_is_repeated_and_one_that_did_is_not) {
  upload_server s;
  const std::string content = pattern(3'000'000);
  const std::string file = s.file("shot.png", content);
  {
    fault_proxy proxy(s.stub.port());
    on_loop([&]() -> task<void> {
      client_options options = quick();
      options.retry = {.max_attempts = 8, .first_wait = 50ms, .max_wait = 400ms};
      client studio(host_of(proxy), s.tokens(), options);
      co_await studio.check_server_status(); // it was there a moment ago
      proxy.refuse_for(300ms);
      co_await studio.upload(upload_path, file);
    });
    ASSERT_EQ(s.stub.count("POST", upload_path), 1u);
    EXPECT_TRUE(parts_of(s.stub.requests_to("POST", upload_path)[0])["file"].content == content);
  }
  const fault_proxy proxy(s.stub.port(), {{{}, faults::cut_after_forwarding()}});
  on_loop([&]() -> task<void> {
    client studio(host_of(proxy), s.tokens(), quick());
    const auto f = co_await failure_of(studio.upload(upload_path, file));
    EXPECT_TRUE(f && f->why == failure::broken_off && f->may_have_been_carried_out);
  });
  EXPECT_EQ(s.stub.count("POST", upload_path), 2u);
}

TEST(kitsu_defects, D20_an_upload_tells_how_much_has_left) {
  upload_server s;
  const std::string file = s.file("shot.png", pattern(4'000'000));
  const fault_proxy proxy(s.stub.port(), {{{}, faults::throttle_request(8'000'000)}});
  std::vector<std::pair<std::uint64_t, std::uint64_t>> told;
  on_loop([&]() -> task<void> {
    client studio(host_of(proxy), s.tokens(), quick());
    kitsu::upload_options options;
    options.on_progress = [&](std::uint64_t done, std::uint64_t total) { told.emplace_back(done, total); };
    co_await studio.upload(upload_path, file, options);
  });
  ASSERT_GE(told.size(), 2u);
  EXPECT_TRUE(std::is_sorted(told.begin(), told.end()));
  EXPECT_EQ(told.back().first, told.back().second);
  EXPECT_GE(told.back().second, 4'000'000u);
  EXPECT_LT(told.front().first, told.back().first);
}

TEST(kitsu_defects, D21_where_one_of_several_files_is_missing_nothing_is_sent_and_none_stays_open) {
  upload_server s;
  const std::string file = s.file("shot.png", pattern(1000));
  const std::string empty = s.file("empty.png", "");
  std::filesystem::create_directory(s.folder / "folder");
  on_loop([&]() -> task<void> {
    client studio(s.stub.host(), s.tokens(), quick());
    co_await studio.upload(upload_path, file); // whatever is opened once is open
    const std::size_t before = open_descriptors();
    for (const std::string& bad : {s.folder / "missing.png", empty, s.folder / "folder"}) {
      const auto e = co_await end_of(studio.upload(upload_path, file, {.more_files = {file, bad}}));
      EXPECT_TRUE(e.code == errc::not_found || e.code == errc::invalid_argument) << e.text;
      EXPECT_EQ(open_descriptors(), before);
    }
  });
  EXPECT_EQ(s.stub.count("POST", upload_path), 1u);
}

TEST(kitsu_defects, D30_fields_of_a_form_are_json_where_they_are_no_texts) {
  upload_server s;
  const std::string file = s.file("\xC3\xA9 \"quoted\".png", pattern(10));
  on_loop([&]() -> task<void> {
    client studio(s.stub.host(), s.tokens(), quick());
    co_await studio.upload(upload_path, file,
                           {.fields = {{"text", "a 'b' \xE2\x82\xAC"},
                                       {"checklist", json::array{json::object{{"text", "x"}, {"checked", true}}}},
                                       {"links", json::array{"https://a", "b's"}},
                                       {"for_client", false},
                                       {"revision", 3},
                                       {"nothing", nullptr}}});
  });
  auto parts = parts_of(s.stub.requests_to("POST", upload_path).at(0));
  EXPECT_EQ(parts["text"].content, "a 'b' \xE2\x82\xAC");
  EXPECT_EQ(parts["checklist"].content, R"([{"text":"x","checked":true}])");
  EXPECT_EQ(parts["links"].content, R"(["https://a","b's"])");
  EXPECT_EQ(parts["for_client"].content, "false");
  EXPECT_EQ(parts["revision"].content, "3");
  EXPECT_FALSE(parts.contains("nothing"));
  EXPECT_NE(parts["file"].head.find("\xC3\xA9 "), std::string::npos) << parts["file"].head;
}

TEST(kitsu_defects, D42_a_change_whose_answer_is_lost_says_that_it_may_have_been_carried_out) {
  kitsu_stub stub;
  for (const char* path : {"data/x", "actions/x"})
    for (const char* method : {"POST", "PUT", "GET"}) stub.answer(method, path, "{\"id\": \"1\"}");
  fault_proxy proxy(stub.port(), {{{}, faults::cut_after_forwarding()}});
  on_loop([&]() -> task<void> {
    client studio(host_of(proxy), tokens_of(stub.issue()), quick());
    for (const bool put : {false, true}) {
      const auto f = co_await failure_of(put ? studio.put("actions/x") : studio.post("data/x"));
      EXPECT_TRUE(f && f->why == failure::broken_off && f->may_have_been_carried_out);
    }
    // An action may add something each time it is put: it is not repeated either.
    EXPECT_EQ(stub.count("POST", "data/x"), 1u);
    EXPECT_EQ(stub.count("PUT", "actions/x"), 1u);
    const auto f = co_await failure_of(studio.get("data/x"));
    EXPECT_TRUE(f && !f->may_have_been_carried_out);
    EXPECT_GT(stub.count("GET", "data/x"), 1u);

    proxy.set_rules({});
    proxy.refuse_for(10s);
    const auto g = co_await failure_of(studio.post("data/x"));
    EXPECT_TRUE(g && g->why == failure::unreachable && !g->may_have_been_carried_out);
  });
}

TEST(kitsu_defects, D42_calls_can_be_cancelled_wherever_they_are) {
  upload_server s;
  const std::string file = s.file("shot.png", pattern(6'000'000));
  s.stub.answer("GET", "data/x", "[1]");
  fault_proxy proxy(s.stub.port(), {{{.method = "POST"}, faults::throttle_request(1'000'000)},
                                    {{.method = "GET"}, faults::delay_response(10s)}});
  on_loop([&]() -> task<void> {
    client_options options = quick();
    options.max_calls = 1;
    client studio(host_of(proxy), s.tokens(), options);
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < 3; ++i) {
      const auto e = co_await end_of(
          with_timeout(150ms, gather(studio.upload(upload_path, file), studio.get("data/x"), studio.get("data/x"))));
      EXPECT_EQ(e.code, errc::timeout);
      EXPECT_EQ(studio.statistics().in_flight, 0u);
      EXPECT_EQ(studio.statistics().waiting, 0u);
    }
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 8s);
    proxy.set_rules({});
    EXPECT_EQ(co_await studio.get("data/x"), json::value(json::array{1}));
  });
}

TEST(kitsu_defects, D47_an_upload_gives_back_what_the_server_answered) {
  upload_server s;
  const std::string file = s.file("clip.mp4", pattern(100));
  on_loop([&]() -> task<void> {
    client studio(s.stub.host(), s.tokens(), quick());
    const auto answer = co_await studio.upload(upload_path, file);
    EXPECT_EQ(json::string_or(answer.as_object(), "id"), "p1");
    s.stub.answer("POST", upload_path,
                  stub_answer{.status = 400, .body = R"({"error": true, "message": "Already filled"})"});
    const auto f = co_await failure_of(studio.upload(upload_path, file));
    EXPECT_TRUE(f && f->why == failure::invalid && f->message == "Already filled");
  });
  EXPECT_EQ(s.stub.count("POST", upload_path), 2u);
}

TEST(kitsu_defects, D47_an_early_refusal_is_told_while_the_file_is_still_being_sent) {
  upload_server s;
  const std::string file = s.file("clip.mp4", pattern(30'000'000));
  const fault_proxy proxy(s.stub.port(), {{{}, faults::early({413, R"({"message": "too big"})"})}});
  on_loop([&]() -> task<void> {
    client studio(host_of(proxy), s.tokens(), quick());
    const auto f = co_await failure_of(studio.upload(upload_path, file));
    EXPECT_TRUE(f && f->why == failure::too_large);
    if (f) EXPECT_EQ(f->message, "too big");
  });
  EXPECT_EQ(proxy.count(upload_path), 1u);
}

} // namespace
} // namespace weir::kitsu::stubbed
