#include <weir/core/error.hpp>
#include <weir/http/responder.hpp>
#include <weir/http/router.hpp>

#include <gtest/gtest.h>

#include <string>

namespace weir::http {
namespace {

// A handler that is told apart by its mark.
struct marked {
  std::string mark;
  task<void> operator()(request&, responder&) const { co_return; }
};

class router_test : public ::testing::Test {
 protected:
  void add(const std::string& method, const std::string& path) {
    routes_.add(method, path, marked{method + " " + path});
  }

  std::string found(std::string_view method, std::string_view path) const {
    const auto match = routes_.find(method, path);
    if (match.found) return match.found->target<marked>()->mark;
    return std::to_string(match.status) + (match.allow.empty() ? "" : " " + match.allow);
  }

  router routes_;
};

TEST_F(router_test, exact_path_and_method) {
  add("GET", "/a");
  add("POST", "/a");
  EXPECT_EQ(found("GET", "/a"), "GET /a");
  EXPECT_EQ(found("POST", "/a"), "POST /a");
  EXPECT_EQ(found("GET", "/a/"), "404");
  EXPECT_EQ(found("GET", "/A"), "404");
}

TEST_F(router_test, prefix) {
  add("GET", "/media/*");
  add("GET", "/media/thumbs/*");
  add("GET", "/media/index");
  EXPECT_EQ(found("GET", "/media/x/y"), "GET /media/*");
  EXPECT_EQ(found("GET", "/media/"), "GET /media/*");
  EXPECT_EQ(found("GET", "/media"), "404");
  EXPECT_EQ(found("GET", "/mediation"), "404");
  EXPECT_EQ(found("GET", "/media/thumbs/1"), "GET /media/thumbs/*") << "the longer prefix wins";
  EXPECT_EQ(found("GET", "/media/index"), "GET /media/index") << "an exact path wins";
}

TEST_F(router_test, longer_prefix_wins_in_any_order) {
  add("GET", "/*");
  add("GET", "/a/b/*");
  add("GET", "/a/*");
  EXPECT_EQ(found("GET", "/x"), "GET /*");
  EXPECT_EQ(found("GET", "/a/x"), "GET /a/*");
  EXPECT_EQ(found("GET", "/a/b/x"), "GET /a/b/*");
}

TEST_F(router_test, any_method) {
  add("*", "/any");
  add("GET", "/any");
  EXPECT_EQ(found("GET", "/any"), "GET /any");
  EXPECT_EQ(found("BREW", "/any"), "* /any");
}

TEST_F(router_test, head_falls_back_to_get) {
  add("GET", "/a");
  add("GET", "/b");
  add("HEAD", "/b");
  EXPECT_EQ(found("HEAD", "/a"), "GET /a");
  EXPECT_EQ(found("HEAD", "/b"), "HEAD /b");
}

TEST_F(router_test, says_what_is_allowed) {
  add("POST", "/a");
  add("GET", "/a");
  add("BREW", "/tea");
  EXPECT_EQ(found("PUT", "/a"), "405 POST, GET, HEAD");
  EXPECT_EQ(found("BREW", "/a"), "405 POST, GET, HEAD") << "known from another route";
  EXPECT_EQ(found("STEEP", "/a"), "501");
  EXPECT_EQ(found("get", "/a"), "501") << "methods are case-sensitive";
  EXPECT_EQ(found("OPTIONS", "*"), "204 BREW, GET, HEAD, POST, OPTIONS");
}

TEST_F(router_test, refuses_routes_that_cannot_be) {
  add("GET", "/a");
  EXPECT_THROW(add("GET", "/a"), error);
  EXPECT_THROW(add("GET", "a"), error);
  EXPECT_THROW(add("GET", ""), error);
  EXPECT_THROW(add("GET", "/a*"), error);
  EXPECT_THROW(add("GET", "/*/a"), error);
  EXPECT_THROW(add("G T", "/b"), error);
  EXPECT_THROW(routes_.add("GET", "/c", handler()), error);
  EXPECT_EQ(found("GET", "/c"), "404");
}

} // namespace
} // namespace weir::http
