#include "support.hpp"

#include <weir/core/cancelled.hpp>
#include <weir/files/list.hpp>

#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <thread>

namespace weir::files {

namespace fs = std::filesystem;
using test::fails_with;
using test::place;
using test::put;
using names = std::vector<std::string>;

static names listed(const root& in, const list_options& options = {}) {
  names found;
  for (const entry& one : list(in, options)) found.push_back(one.name);
  return found;
}

TEST(Glob, Matches) {
  const auto yes = [](std::string_view pattern, std::string_view text) {
    EXPECT_TRUE(glob(pattern).matches(text)) << pattern << " " << text;
  };
  const auto no = [](std::string_view pattern, std::string_view text) {
    EXPECT_FALSE(glob(pattern).matches(text)) << pattern << " " << text;
  };
  yes("a.png", "a.png"), no("a.png", "a.pn"), no("a.png", "a.pngx"), no("a.png", "A.png");
  yes("*", ""), yes("*", "anything"), yes("**", "x"), yes("*.png", "a.png"), yes("*.png", ".png"), no("*.png", "a.jpg");
  yes("a*b*c", "abc"), yes("a*b*c", "a-b-b-c"), no("a*b*c", "a-c-b"), yes("*a*", "banana"), no("a*a", "a");
  yes("?", "x"), yes("?", "\u00e9"), yes("?", "\U0001f3ac"), no("?", ""), no("?", "xy"), yes("a?*", "ab"),
      no("a?*", "a");
  yes("[abc]", "b"), no("[abc]", "d"), yes("[a-c]x", "bx"), yes("[!a-c]", "d"), no("[!a-c]", "b"), yes("[^a]", "b");
  yes("[]]", "]"), yes("[]a]", "a"), yes("[!]]", "a"), no("[!]]", "]"), yes("[a-]", "-"), yes("[*]", "*"),
      no("[*]", "x");
  yes("[\u00e0-\u00ff]", "\u00e9"), no("[\u00e0-\u00ff]", "e"), yes("[!a]", "\u00e9"), no("[\u00e9]", "\u00e8");
  yes("[", "["), yes("a[b", "a[b"), no("[ab", "a"), yes("[ab", "[ab"), no("[z-a]", "m"),
      yes("\u00e9*", "\u00e9t\u00e9");
  no("*", "\xff"), no("?", "\xc0\xaf");
}

TEST(Glob, BadPatternsAreRefused) {
  for (const std::string pattern : {"", "../*", "/etc/*", "a/b", "**/x", "a\\*", "\xff", "a\nb"}) {
    fails_with(errc::invalid_argument, [&] { glob{pattern}; });
  }
  fails_with(errc::invalid_argument, [&] { glob{std::string("a\0b", 3)}; });
  fails_with(errc::invalid_argument, [&] { glob{std::string(256, 'a')}; });
  const glob longest{std::string(255, 'a')};
  EXPECT_TRUE(longest.matches(std::string(255, 'a')));
  EXPECT_FALSE(longest.matches(std::string(254, 'a')));
}

TEST(Glob, TimeIsLinearInTheText) {
  std::string pattern;
  for (int i = 0; i < 127; ++i) pattern += "*a";
  pattern += "b"; // backtracking would try all ways to spread 127 letters
  const glob hostile(pattern);
  const std::string text(100'000, 'a');
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_FALSE(hostile.matches(text));
  EXPECT_TRUE(hostile.matches(text + "b"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
}

TEST(List, OnlyFilesThatCouldBeRead) {
  const place here;
  for (const char* name : {"b.png", "a.PNG", "c.jpg", "noext", ".hidden", ".weir-x", "bad\nname", "bad\xff"}) {
    put(here.media() / name, "x");
  }
  put(here.outside() / "secret.png", "secret");
  fs::create_symlink("b.png", here.media() / "link.png");
  fs::create_symlink(here.outside() / "secret.png", here.media() / "out.png");
  fs::create_symlink("none", here.media() / "dangling.png");
  fs::create_directory(here.media() / "folder.png");
  put(here.media() / "folder.png/inner.png", "xyz");
  ASSERT_EQ(::mkfifo((here.media() / "fifo.png").c_str(), 0600), 0);
  const root in = here.open();
  EXPECT_EQ(listed(in), (names{"a.PNG", "b.png", "c.jpg", "noext"}));
  for (const std::string& name : listed(in)) EXPECT_NO_THROW(in.open_read(name));
  EXPECT_EQ(listed(in, {.extensions = {"png"}}), (names{"a.PNG", "b.png"}));
  EXPECT_EQ(listed(in, {.extensions = {".PNG", "jpg"}}), (names{"a.PNG", "b.png", "c.jpg"}));
  EXPECT_EQ(listed(in, {.pattern = "*.png"}), (names{"b.png"}));
  EXPECT_EQ(listed(in, {.pattern = "[!a]*", .extensions = {"png"}}), (names{"b.png"}));
  const std::vector<entry> inner = list(in, {.folder = "folder.png"});
  ASSERT_EQ(inner.size(), 1U);
  EXPECT_EQ(inner[0].name, "folder.png/inner.png");
  EXPECT_EQ(inner[0].size_bytes, 3U);
  EXPECT_EQ(inner[0].extension, ".png");
  EXPECT_EQ(in.read_all(inner[0].name, 3), "xyz");
  fails_with(errc::not_found, [&] { list(in, {.folder = "none"}); });
  fails_with(errc::invalid_argument, [&] { list(in, {.folder = "../"}); });
  fails_with(errc::invalid_argument, [&] { list(in, {.folder = "link.png"}); });
  fails_with(errc::invalid_argument, [&] { list(in, {.folder = "b.png"}); });
  fails_with(errc::invalid_argument, [&] { list(in, {.pattern = "../*"}); });
}

TEST(List, SortsAndLimits) {
  const place here;
  // size and age go different ways; b, c, d tie in both
  const std::vector<std::tuple<std::string, int, int>> files = {
      {"a", 5, 100}, {"d", 3, 200}, {"c", 3, 200}, {"b", 3, 200}, {"e", 1, 300}};
  for (const auto& [name, size, time] : files) {
    put(here.media() / name, std::string(static_cast<std::size_t>(size), 'x'));
    const timespec times[2] = {{time, 0}, {time, 500'000'000}};
    ASSERT_EQ(::utimensat(AT_FDCWD, (here.media() / name).c_str(), times, 0), 0);
  }
  const root in = here.open();
  const auto sorted = [&](sort_by by, sort_order order, std::int64_t limit) {
    std::string joined;
    for (const std::string& name : listed(in, {.sort_by = by, .order = order, .limit = limit})) joined += name;
    return joined;
  };
  const std::vector<std::tuple<sort_by, sort_order, std::string>> expected = {
      {sort_by::name, sort_order::ascending, "abcde"},     {sort_by::name, sort_order::descending, "edcba"},
      {sort_by::size, sort_order::ascending, "ebcda"},     {sort_by::size, sort_order::descending, "abcde"},
      {sort_by::modified, sort_order::ascending, "abcde"}, {sort_by::modified, sort_order::descending, "ebcda"}};
  for (const auto& [by, order, all] : expected) {
    for (std::size_t limit = 0; limit <= 6; ++limit) {
      EXPECT_EQ(sorted(by, order, static_cast<std::int64_t>(limit)), all.substr(0, limit));
    }
    EXPECT_EQ(sorted(by, order, max_listed), all);
  }
  EXPECT_DOUBLE_EQ(list(in)[0].modified_seconds(), 100.5);
  for (const std::int64_t limit : {std::int64_t{-1}, INT64_MIN, max_listed + 1, INT64_MAX}) {
    fails_with(errc::invalid_argument, [&] { list(in, {.limit = limit}); });
  }
}

TEST(List, ALargeFolderGivesTheRightFirstOnes) {
  const place here;
  for (int i = 0; i < 3000; ++i) put(here.media() / ("f" + std::to_string(10'000 + (i * 7919) % 3000)), "");
  EXPECT_EQ(listed(here.open(), {.limit = 3}), (names{"f10000", "f10001", "f10002"}));
  EXPECT_EQ(listed(here.open(), {.order = sort_order::descending, .limit = 2}), (names{"f12999", "f12998"}));
  EXPECT_EQ(listed(here.open(), {.limit = max_listed}).size(), 3000U);
  std::stop_source source;
  source.request_stop();
  EXPECT_THROW(list(here.open(), {}, source.get_token()), cancelled);
}

TEST(List, FilesThatDisappearMeanwhileAreLeftOut) {
  const place here;
  const root in = here.open();
  put(here.media() / "stays", "x");
  std::atomic<bool> over = false;
  std::thread churn([&] {
    for (int i = 0; !over; ++i) {
      const fs::path path = here.media() / ("f" + std::to_string(i % 300));
      put(path, "x");
      fs::remove(here.media() / ("f" + std::to_string((i + 150) % 300)));
    }
  });
  std::size_t most = 0;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  while (std::chrono::steady_clock::now() < end) {
    names found;
    EXPECT_NO_THROW(found = listed(in));
    EXPECT_EQ(std::count(found.begin(), found.end(), "stays"), 1);
    most = std::max(most, found.size());
  }
  over = true;
  churn.join();
  EXPECT_GT(most, 50U);
}

} // namespace weir::files
