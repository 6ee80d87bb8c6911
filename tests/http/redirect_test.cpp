#include "http/client_fixture.hpp"

#include <mutex>

namespace weir::test {
namespace {

/// Notes each request, and answers "/to?<status>=<location>" with that redirect, anything else with 200.
struct redirecting {
  std::mutex lock;
  std::vector<std::string> heads;
  std::vector<std::string> bodies;
  fault_server server{fault_server::per_request([this](const std::string& head, wire& w) {
    const std::string body = w.read_body_of(head);
    {
      const std::lock_guard guard(lock);
      heads.push_back(head);
      bodies.push_back(body);
    }
    const std::string line = request_line(head);
    const auto at = line.find("/to?");
    if (at == std::string::npos) {
      w.answer(200, "arrived");
      return;
    }
    w.answer(std::stoi(line.substr(at + 4, 3)), "moved", "Location: " + line.substr(at + 8) + "\r\n");
  })};

  std::string to(int status, const std::string& location) const {
    return server.url("/to?" + std::to_string(status) + "=" + location);
  }
};

} // namespace

TEST(redirect, is_followed_and_the_connection_kept) {
  redirecting r;
  for (const int status : {301, 302, 303, 307, 308}) {
    const auto answer = get(r.to(status, "/there"));
    EXPECT_EQ(answer.status, 200) << status;
    EXPECT_EQ(answer.body, "arrived");
    EXPECT_EQ(answer.url, r.server.url("/there"));
  }
  EXPECT_EQ(r.server.connections(), 5); // one per client
  EXPECT_EQ(get(r.to(302, r.server.url("/absolute"))).url, r.server.url("/absolute"));
  EXPECT_EQ(get(r.to(302, "relative")).url, r.server.url("/relative"));
}

TEST(redirect, zero_returns_it) {
  redirecting r;
  const auto answer = send({.url = r.to(302, "/there"), .max_redirects = 0});
  EXPECT_EQ(answer.status, 302);
  EXPECT_EQ(answer.headers.get("Location"), "/there");
  EXPECT_EQ(answer.body, "moved");
}

TEST(redirect, a_circle_ends) {
  fault_server circle(
      fault_server::per_request([](const std::string&, wire& w) { w.answer(302, "", "Location: /again\r\n"); }));
  const failed f = failure_of({.url = circle.url()});
  EXPECT_EQ(f.code, errc::remote);
  EXPECT_NE(f.text.find("too many redirects"), std::string::npos) << f.text;
}

TEST(redirect, changes_the_method_as_browsers_do) {
  redirecting r;
  const auto method_after = [&](const char* method, int status) {
    r.heads.clear();
    r.bodies.clear();
    send({.method = method, .url = r.to(status, "/there"), .body = "data"});
    return r.heads.back().substr(0, r.heads.back().find(' ')) + " " + r.bodies.back();
  };
  EXPECT_EQ(method_after("POST", 301), "GET ");
  EXPECT_EQ(method_after("POST", 302), "GET ");
  EXPECT_EQ(method_after("POST", 303), "GET ");
  EXPECT_EQ(method_after("POST", 307), "POST data");
  EXPECT_EQ(method_after("POST", 308), "POST data");
  EXPECT_EQ(method_after("PUT", 301), "PUT data");
  EXPECT_EQ(method_after("PUT", 303), "GET ");
}

TEST(redirect, secrets_stay_on_their_origin) {
  redirecting home;
  redirecting away;
  const http::headers secret{
      {"Authorization", "Bearer s3"}, {"Cookie", "a=s3"}, {"X-Api-Key", "s3"}, {"Accept", "image/png"}};
  send({.url = home.to(302, away.server.url("/there")), .headers = secret});
  ASSERT_EQ(away.heads.size(), 1u);
  EXPECT_EQ(away.heads[0].find("s3"), std::string::npos) << away.heads[0];
  EXPECT_EQ(header_of(away.heads[0], "Accept"), "image/png");
  // On the same one they go along.
  send({.url = home.to(302, "/there"), .headers = secret});
  EXPECT_EQ(header_of(home.heads.back(), "Authorization"), "Bearer s3");
  EXPECT_EQ(header_of(home.heads.back(), "X-Api-Key"), "s3");

  // The same host on another port is another origin; user and password of the URL stay at home, too.
  std::string with_user = home.to(302, away.server.url("/there"));
  with_user.insert(7, "user:s3@");
  send({.url = with_user});
  EXPECT_NE(header_of(home.heads.back(), "Authorization"), "");
  EXPECT_EQ(header_of(away.heads.back(), "Authorization"), "");
}

TEST(redirect, a_body_goes_to_no_other_origin) {
  redirecting home;
  redirecting away;
  const failed f = failure_of({.method = "POST", .url = home.to(307, away.server.url("/there")), .body = "password"});
  EXPECT_EQ(f.code, errc::remote);
  EXPECT_TRUE(away.heads.empty());
  // As a GET without it, it may.
  EXPECT_EQ(send({.method = "POST", .url = home.to(303, away.server.url("/there")), .body = "password"}).status, 200);
  EXPECT_EQ(away.bodies, (std::vector<std::string>{""}));
}

TEST(redirect, leads_nowhere_but_to_http) {
  redirecting r;
  for (const char* location :
       {"file:///etc/passwd", "ftp://127.0.0.1/x", "javascript:1", "http://", "gopher://127.0.0.1:1/"}) {
    const failed f = failure_of({.url = r.to(302, location)});
    EXPECT_EQ(f.code, errc::remote) << location << ": " << f.text;
  }
}

TEST(redirect, a_stream_is_redirected_before_its_sink_is_called) {
  redirecting r;
  const std::string got = weir::run([](redirecting& x) -> task<std::string> {
    client web(direct());
    std::string all;
    const auto head =
        co_await web.stream({.url = x.to(302, "/there")}, [&](std::span<const std::byte> piece) -> task<void> {
          all.append(reinterpret_cast<const char*>(piece.data()), piece.size());
          co_return;
        });
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.url, x.server.url("/there"));
    co_return all;
  }(r));
  EXPECT_EQ(got, "arrived");
}

} // namespace weir::test
