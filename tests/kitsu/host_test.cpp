#include "kitsu/host.hpp"

#include <weir/core/error.hpp>
#include <weir/core/run.hpp>
#include <weir/kitsu/client.hpp>

#include <gtest/gtest.h>

namespace weir::kitsu {
namespace {

std::string refused(std::string_view host, bool plain = false) {
  try {
    return "accepted: " + checked_host(host, plain);
  } catch (const error& e) {
    EXPECT_EQ(e.code(), errc::invalid_argument);
    return e.what();
  }
}

TEST(host, slashes_at_its_end_are_dropped) {
  EXPECT_EQ(checked_host("https://kitsu.example.com/api/", false), "https://kitsu.example.com/api");
  EXPECT_EQ(checked_host("https://kitsu.example.com", false), "https://kitsu.example.com");
  EXPECT_EQ(checked_host("HTTPS://kitsu.example.com:8443/a/b", false), "HTTPS://kitsu.example.com:8443/a/b");
}

TEST(host, without_a_scheme_says_what_to_write) {
  EXPECT_NE(refused("kitsu.example.com/api").find("https://kitsu.example.com/api"), std::string::npos);
  EXPECT_NE(refused("ftp://kitsu.example.com").find("neither"), std::string::npos);
  EXPECT_NE(refused("").find("no host"), std::string::npos);
}

TEST(host, plain_http_is_for_this_machine_unless_it_is_allowed_by_name) {
  EXPECT_NE(refused("http://kitsu.example.com/api").find("not encrypted"), std::string::npos);
  EXPECT_NE(refused("http://192.168.1.5").find("not encrypted"), std::string::npos);
  EXPECT_NE(refused("http://127.evil.example").find("not encrypted"), std::string::npos);
  EXPECT_NE(refused("http://localhost.evil.example").find("not encrypted"), std::string::npos);
  for (const char* own : {"http://127.0.0.1:5000", "http://localhost/api", "http://[::1]:80", "http://127.9.9.9"})
    EXPECT_EQ(refused(own), std::string("accepted: ") + own);
  EXPECT_EQ(refused("http://kitsu.example.com", true), "accepted: http://kitsu.example.com");
}

TEST(host, what_belongs_elsewhere_is_refused_and_a_password_is_not_repeated) {
  for (const char* bad : {"https://a.example/api?x=1", "https://a.example/#f", "https://", "https:///api",
                          "https://a b", "https://a.example:0", "https://a.example:70000", "https://a.example:12x",
                          "https://[::1", "https://[zz]/", "https://a\\b"})
    EXPECT_EQ(refused(bad).find("accepted"), std::string::npos) << bad;
  const std::string text = refused("https://user:hunter2@a.example/api");
  EXPECT_EQ(text.find("hunter2"), std::string::npos) << text;
}

TEST(host, is_checked_where_a_client_is_made) {
  run([]() -> task<void> {
    EXPECT_THROW(client("kitsu.example.com"), error);
    EXPECT_NO_THROW(client("https://kitsu.example.com/api"));
    co_return;
  }());
}

} // namespace
} // namespace weir::kitsu
