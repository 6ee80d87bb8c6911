#include <weir/core/error.hpp>
#include <weir/kitsu/query.hpp>

#include <gtest/gtest.h>

#include <limits>

namespace weir::kitsu {
namespace {

std::string refused(auto make) {
  try {
    make();
  } catch (const error& e) {
    EXPECT_EQ(e.code(), errc::invalid_argument);
    return e.what();
  }
  return "nothing";
}

TEST(query, values_are_written_as_the_server_parses_them) {
  const query q{{"yes", true},     {"no", false},       {"count", 3},         {"rate", 23.5},
                {"name", "SH 01"}, {"ids", {"a", "b"}}, {"nothing", nullptr}, {"none", query_value::list{}}};
  EXPECT_EQ(q.encoded(), "yes=true&no=false&count=3&rate=23.5&name=SH%2001&ids=%5B%22a%22%2C%22b%22%5D&none=%5B%5D");
}

TEST(query, reserved_characters_and_unicode_cannot_change_the_query) {
  EXPECT_EQ(query({{"name", "a&b=c#d?e+f%g"}}).encoded(), "name=a%26b%3Dc%23d%3Fe%2Bf%25g");
  EXPECT_EQ(query({{"name", "Zoë 龍"}}).encoded(), "name=Zo%C3%AB%20%E9%BE%8D");
  EXPECT_EQ(query({{"a&b", "x"}}).encoded(), "a%26b=x");
  EXPECT_EQ(query({{"name", {"a\"b", "c\\d"}}}).encoded(), "name=%5B%22a%5C%22b%22%2C%22c%5C%5Cd%22%5D");
}

TEST(query, set_replaces_and_add_repeats) {
  query q;
  q.add("name", "a").add("name", "b").set("page", 1).set("page", 2);
  EXPECT_EQ(q.encoded(), "name=a&name=b&page=2");
  q.set("name", nullptr);
  EXPECT_EQ(q.encoded(), "page=2");
  EXPECT_EQ(q.find("name"), nullptr);
  ASSERT_NE(q.find("page"), nullptr);
}

TEST(query, a_nameless_parameter_and_a_number_that_is_none_are_refused) {
  EXPECT_NE(refused([] { return query({{"", "x"}}).encoded(); }), "nothing");
  EXPECT_NE(refused([] { return query({{"x", std::numeric_limits<double>::quiet_NaN()}}).encoded(); }), "nothing");
}

TEST(timestamp, is_utc_in_whole_seconds_without_offset) {
  using namespace std::chrono;
  const sys_seconds when = sys_days(2026y / 1 / 2) + 3h + 4min + 5s;
  EXPECT_EQ(timestamp(when), "2026-01-02T03:04:05");
  EXPECT_EQ(date(2026y / 1 / 2), "2026-01-02");
  EXPECT_EQ(timestamp(sys_seconds(seconds(-1))), "1969-12-31T23:59:59");
  EXPECT_EQ(query({{"after", when}, {"day", year_month_day(2026y / 12 / 31)}}).encoded(),
            "after=2026-01-02T03%3A04%3A05&day=2026-12-31");
}

TEST(path, slashes_separate_and_those_at_the_ends_are_dropped) {
  EXPECT_EQ(path("data/task-types").text(), "data/task-types");
  EXPECT_EQ(path("/data/x/").text(), "data/x");
  EXPECT_EQ(path("").text(), "");
  EXPECT_EQ(path("/").text(), "");
}

TEST(path, segments_stay_one_whatever_they_hold) {
  EXPECT_EQ(path("data/shots", "a/b?c#d", "tasks").text(), "data/shots/a%2Fb%3Fc%23d/tasks");
  EXPECT_EQ(path("data/attachment-files", "7", "file", "100% Zoë#1.png").text(),
            "data/attachment-files/7/file/100%25%20Zo%C3%AB%231.png");
  EXPECT_EQ(path("data/a%41b").text(), "data/a%2541b");
}

TEST(path, what_would_go_elsewhere_is_refused) {
  for (const char* bad : {"data/shots?page=1", "data/shots#x", "data//tasks", "data/../auth", "data/./x",
                          "projects/{id}", "https://evil.example/data", "data/a\nb"})
    EXPECT_NE(refused([&] { return path(bad); }), "nothing") << bad;
  EXPECT_NE(refused([] { return path("data/shots", ""); }), "nothing");
  EXPECT_NE(refused([] { return path("data/shots", ".."); }), "nothing");
  EXPECT_NE(refused([] { return path("data/shots", "a\r\nHost: x"); }), "nothing");
  EXPECT_NE(refused([] { return path("projects/{id}/assets"); }).find("placeholder"), std::string::npos);
}

} // namespace
} // namespace weir::kitsu
