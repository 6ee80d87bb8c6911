// Downloads that an earlier call, or an earlier process, has begun; and lengths that only the caller knows.
#include "kitsu/stub_fixture.hpp"

namespace weir::kitsu::stubbed {
namespace {

const std::string movie_path = "movies/originals/preview-files/p1.mp4";

/// A part of the movie is on the disk: the call that fetched it was cut off and gave up.
struct half_downloaded {
  explicit half_downloaded(std::size_t bytes = 3'000'000, std::size_t kept = 2'000'000) : content(pattern(bytes)) {
    stub.file(movie_path, content);
    proxy.set_rules({{fakes::match{}.nth(1), faults::reset_after(kept)}, {{}, faults::cut_before_forwarding()}});
    on_loop([&]() -> task<void> {
      client studio(host_of(proxy), tokens(), once());
      EXPECT_TRUE(co_await failure_of(studio.download(movie_path, root(), "a.mp4")));
    });
    proxy.reset();
    stub.forget_requests();
  }
  files::root root() const { return files::root::open(folder.path()); }
  kitsu::tokens tokens() { return tokens_of(stub.issue()); }
  kitsu::download_outcome again(kitsu::download_options options = {}) {
    return on_loop([&]() -> task<kitsu::download_outcome> {
      client studio(host_of(proxy), tokens(), quick());
      co_return co_await studio.download(movie_path, root(), "a.mp4", options);
    });
  }
  std::uint64_t fetched() const {
    std::uint64_t bytes = 0;
    for (const auto& e : proxy.journal()) bytes += e.response_bytes;
    return bytes;
  }

  std::string content;
  kitsu_stub stub;
  fault_proxy proxy{stub.port()};
  own_folder folder;
};

TEST(kitsu_defects, D4_a_later_call_goes_on_with_what_is_on_the_disk) {
  half_downloaded h;
  const auto got = h.again();
  EXPECT_TRUE(holds(h.folder / "a.mp4", h.content));
  EXPECT_EQ(got.file.sha256, fakes::net::sha256(h.content));
  EXPECT_GT(got.resumed_from, 0u);
  EXPECT_LT(h.fetched(), h.content.size());
  const auto asked = h.stub.requests_to("GET", movie_path);
  ASSERT_FALSE(asked.empty());
  EXPECT_EQ(asked[0].header("Range"), "bytes=" + std::to_string(got.resumed_from) + "-");
  EXPECT_EQ(asked[0].header("If-Range"), "\"v1\"");
  EXPECT_EQ(names_in(h.folder.path()), std::vector<std::string>{"a.mp4"});
}

TEST(kitsu_defects, D4_a_later_call_begins_anew_where_the_content_has_changed) {
  half_downloaded h;
  const std::string other = pattern(2'500'000).substr(33'333);
  h.stub.file(movie_path, other, "\"v2\"");
  h.again();
  EXPECT_TRUE(holds(h.folder / "a.mp4", other));
  EXPECT_EQ(names_in(h.folder.path()), std::vector<std::string>{"a.mp4"});
}

TEST(kitsu_defects, D4_content_that_became_shorter_than_the_part_is_fetched_from_its_start) {
  half_downloaded h;
  // The same validator, as a careless server gives: the range then lies behind the end.
  const std::string shorter = h.content.substr(0, 1'000'000);
  h.stub.file(movie_path, shorter);
  h.again();
  EXPECT_TRUE(holds(h.folder / "a.mp4", shorter));
}

TEST(kitsu_defects, D5_a_length_that_is_known_is_compared) {
  const std::string content = pattern(500'000);
  kitsu_stub stub;
  stub.file(movie_path, content);
  fault_proxy proxy(stub.port());
  const own_folder folder;
  const auto end = [&](std::uint64_t expected) {
    return on_loop([&]() -> task<ended> {
      client studio(host_of(proxy), tokens_of(stub.issue()), once());
      kitsu::download_options options;
      options.expected_bytes = expected;
      options.keep_partial = false;
      co_return co_await end_of(studio.download(movie_path, files::root::open(folder.path()), "a.mp4", options));
    });
  };
  // A proxy that drops the length and then breaks off: nothing else shows that some is missing.
  proxy.set_rules({{{}, faults::drop_length_and_cut(400'000)}});
  EXPECT_EQ(end(500'000).code, errc::corrupt);
  EXPECT_TRUE(names_in(folder.path()).empty());
  proxy.set_rules({});
  for (const std::uint64_t wrong : {499'999u, 500'001u}) {
    EXPECT_EQ(end(wrong).code, errc::corrupt);
    EXPECT_TRUE(names_in(folder.path()).empty());
  }
  EXPECT_FALSE(end(500'000).code);
  EXPECT_TRUE(holds(folder / "a.mp4", content));
}

TEST(kitsu_defects, D5_without_a_length_the_bytes_of_an_earlier_answer_are_not_forgotten) {
  // The first answer told the length; the second, on the way of a bad proxy, tells none and is cut.
  half_downloaded h;
  h.proxy.set_rules({{fakes::match{}.nth(1), faults::drop_length_and_cut(400'000)}});
  h.again();
  EXPECT_TRUE(holds(h.folder / "a.mp4", h.content));
}

TEST(kitsu_defects, D2_a_part_survives_an_error_and_the_error_is_not_appended) {
  half_downloaded h;
  for (const int status : {401, 403, 404, 500, 503}) {
    h.proxy.set_rules({{{}, faults::status(status, R"({"message": "no"})")}});
    on_loop([&]() -> task<void> {
      client studio(host_of(h.proxy), kitsu::tokens{h.tokens().access, ""}, once());
      EXPECT_TRUE(co_await failure_of(studio.download(movie_path, h.root(), "a.mp4"))) << status;
    });
    EXPECT_FALSE(std::filesystem::exists(h.folder / "a.mp4"));
  }
  h.proxy.reset();
  EXPECT_GT(h.again().resumed_from, 0u);
  EXPECT_TRUE(holds(h.folder / "a.mp4", h.content));
}

} // namespace
} // namespace weir::kitsu::stubbed
