#include <weir/core/error.hpp>
#include <weir/http/headers.hpp>

#include <gtest/gtest.h>

#include <string>

using weir::http::headers;

namespace {

weir::errc code_of(headers& h, std::string_view name, std::string_view value) {
  try {
    h.add(name, value);
  } catch (const weir::error& e) {
    return e.code();
  }
  return weir::errc::internal;
}

} // namespace

TEST(headers, finds_a_name_in_any_case_and_keeps_order) {
  headers h{{"Content-Type", "text/plain"}, {"X-A", "1"}, {"x-a", "2"}};
  EXPECT_EQ(h.get("content-TYPE"), "text/plain");
  EXPECT_EQ(h.get("X-a"), "1");
  EXPECT_EQ(h.all("X-A"), (std::vector<std::string_view>{"1", "2"}));
  EXPECT_EQ(h.count("x-a"), 2u);
  EXPECT_FALSE(h.get("X-B"));
  std::string order;
  for (const auto& f : h) order += f.name + ";";
  EXPECT_EQ(order, "Content-Type;X-A;x-a;");
}

TEST(headers, set_replaces_every_one_in_the_first_place) {
  headers h{{"A", "1"}, {"B", "2"}, {"a", "3"}};
  h.set("a", " 9 ");
  EXPECT_EQ(h, (headers{{"a", "9"}, {"B", "2"}}));
  h.set("C", "4");
  EXPECT_EQ(h.size(), 3u);
  EXPECT_EQ(h.get("c"), "4");
}

TEST(headers, remove_takes_all_even_when_named_by_its_own_field) {
  headers h{{"A", "1"}, {"a", "2"}, {"B", "3"}};
  EXPECT_EQ(h.remove(h.begin()->name), 2u);
  EXPECT_EQ(h, (headers{{"B", "3"}}));
  EXPECT_EQ(h.remove("zz"), 0u);
}

TEST(headers, refuses_what_would_end_the_line) {
  headers h;
  for (const std::string& value : {std::string("a\r\nEvil: 1"), std::string("a\nb"), std::string("a\rb"),
                                   std::string("a\0b", 3), std::string("a\x7f"), std::string("\x01")})
    EXPECT_EQ(code_of(h, "X", value), weir::errc::invalid_argument) << value;
  for (const std::string& name :
       {std::string(), std::string("a b"), std::string("a:"), std::string("a\r\n"), std::string("a\0", 2),
        std::string("\xc3\xa9"), std::string("(a)"), std::string(" a")})
    EXPECT_EQ(code_of(h, name, "v"), weir::errc::invalid_argument) << name;
  EXPECT_THROW(h.set("X", "a\nb"), weir::error);
  EXPECT_TRUE(h.empty());
  h.add("X", "tab\tand \xc3\xa9");
  EXPECT_EQ(h.get("x"), "tab\tand \xc3\xa9");
}

TEST(headers, a_refused_value_is_not_shown) {
  headers h;
  try {
    h.add("Authorization", "Bearer secret\n");
    FAIL();
  } catch (const weir::error& e) {
    EXPECT_EQ(std::string(e.what()).find("secret"), std::string::npos);
    EXPECT_NE(std::string(e.what()).find("Authorization"), std::string::npos);
  }
}

TEST(headers, has_token_reads_lists) {
  const headers h{{"Connection", "keep-alive, Upgrade"}, {"Connection", "CLOSE"}};
  EXPECT_TRUE(h.has_token("connection", "upgrade"));
  EXPECT_TRUE(h.has_token("connection", "close"));
  EXPECT_FALSE(h.has_token("connection", "up"));
  EXPECT_FALSE(h.has_token("connection", ""));
}

TEST(headers, ignoring_case_is_ascii_only) {
  EXPECT_TRUE(weir::http::equals_ignoring_case("AbZ-1", "aBz-1"));
  EXPECT_FALSE(weir::http::equals_ignoring_case("@", "`"));
  EXPECT_FALSE(weir::http::equals_ignoring_case("[", "{"));
}
