#include "fakes/kitsu_stub.hpp"
#include "fakes/raw_peer.hpp"

#include <gtest/gtest.h>

namespace {

using namespace weir::fakes;
using weir::fakes::testing::raw_peer;

/// Status and body of one request over a connection of its own.
std::pair<int, std::string> ask(const kitsu_stub& stub, const std::string& path, const std::string& token = "",
                                const std::string& headers = "", const std::string& method = "GET",
                                const std::string& body = "") {
  raw_peer peer(stub.port());
  peer.send(method + " /api/" + path + " HTTP/1.1\r\nHost: k\r\n" +
            (token.empty() ? "" : "Authorization: Bearer " + token + "\r\n") + headers +
            (body.empty() ? "" : "Content-Length: " + std::to_string(body.size()) + "\r\n") + "\r\n" + body);
  const std::string head = peer.read_head();
  const std::size_t at = head.find("Content-Length: ");
  return {head.empty() ? 0 : std::stoi(head.substr(9)),
          at == std::string::npos ? "" : peer.read(std::stoul(head.substr(at + 16)))};
}

TEST(kitsu_stub, tokens_expire_refresh_and_are_revoked) {
  kitsu_stub stub;
  stub.answer("GET", "data/x", "[1]");
  EXPECT_EQ(ask(stub, "data/x").first, 401);
  EXPECT_EQ(ask(stub, "data/x", "nonsense").first, 422);
  const stub_tokens t = stub.issue();
  EXPECT_EQ(ask(stub, "data/x", t.refresh).first, 422);
  stub.expire_after(1);
  EXPECT_EQ(ask(stub, "data/x", t.access), std::pair(200, std::string("[1]")));
  EXPECT_EQ(ask(stub, "data/x", t.access).second, R"({"error": true, "message": "Signature has expired"})");
  const auto [status, fresh] = ask(stub, "auth/refresh-token", t.refresh);
  EXPECT_EQ(status, 200);
  EXPECT_EQ(fresh, R"({"access_token": "access-2"})");
  EXPECT_EQ(ask(stub, "data/x", "access-2").first, 200);
  EXPECT_EQ(ask(stub, "auth/refresh-token", t.access).first, 422);
  EXPECT_EQ(stub.refreshes(), 2u);
  stub.expire_after(0);
  EXPECT_TRUE(stub.is_valid("access-2"));
  EXPECT_EQ(ask(stub, "auth/logout", "access-2").first, 200);
  EXPECT_FALSE(stub.is_valid("access-2"));
  EXPECT_EQ(ask(stub, "data/x", "access-2").first, 401);
  EXPECT_EQ(ask(stub, "auth/refresh-token", t.refresh).first, 401);
  EXPECT_EQ(ask(stub, "auth/logout", stub.issue_bot()).first, 403);
  EXPECT_EQ(ask(stub, "data/none", stub.issue_bot()).first, 404);
}

TEST(kitsu_stub, logs_in_as_it_is_told) {
  kitsu_stub stub;
  for (const stub_login& each : stub_logins()) stub.set_login(each.name + "@x", each.answer);
  for (const stub_login& each : stub_logins()) {
    const auto got = ask(stub, "auth/login", "", "", "POST", R"({"email":")" + each.name + R"(@x","password":"p"})");
    EXPECT_EQ(got, std::pair(each.answer.status, each.answer.body)) << each.name;
  }
  EXPECT_EQ(ask(stub, "auth/login", "", "", "POST", R"({"email":"a@x","password":"p"})").first, 200);
  EXPECT_EQ(stub.logins(), stub_logins().size() + 1);
}

TEST(kitsu_stub, lists_have_pages_and_files_have_ranges) {
  kitsu_stub stub;
  const std::string t = stub.issue().access;
  stub.list("things", stub_rows(5, "t"), [](std::size_t page, std::vector<stub_row>& rows) {
    if (page == 3) rows.pop_back();
  });
  EXPECT_EQ(ask(stub, "data/things?page=2&limit=2", t).second,
            R"({"data": [{"id": "t2", "name": "Name 2"},{"id": "t3", "name": "Name 3"}], "total": 5, "nb_pages": 3, )"
            R"("limit": 2, "offset": 2, "page": 2})");
  EXPECT_NE(ask(stub, "data/things?page=3&limit=2", t).second.find(R"("data": [], "total": 4, "nb_pages": 2)"),
            std::string::npos);
  EXPECT_NE(ask(stub, "data/things?limit=2", t).second.find("\"t3\""), std::string::npos);

  stub.file("movie.mp4", "0123456789");
  EXPECT_EQ(ask(stub, "movie.mp4", t), std::pair(200, std::string("0123456789")));
  EXPECT_EQ(ask(stub, "movie.mp4", t, "Range: bytes=4-\r\nIf-Range: \"v1\"\r\n"),
            std::pair(206, std::string("456789")));
  EXPECT_EQ(ask(stub, "movie.mp4", t, "Range: bytes=-2\r\n"), std::pair(206, std::string("89")));
  EXPECT_EQ(ask(stub, "movie.mp4", t, "Range: bytes=4-\r\nIf-Range: \"v0\"\r\n").first, 200);
  EXPECT_EQ(ask(stub, "movie.mp4", t, "Range: bytes=10-\r\n").first, 416);
  EXPECT_EQ(ask(stub, "movie.mp4", t, "If-None-Match: \"v1\"\r\n").first, 304);
  EXPECT_EQ(stub.requests_to("GET", "data/things").at(2).parameter("limit"), "2");
}

TEST(kitsu_stub, a_body_may_be_made_while_it_is_sent) {
  kitsu_stub stub;
  int pieces = 0;
  stub.answer("GET", "data/big",
              stub_answer{.body = "[", .more = [&] { return ++pieces > 3 ? "" : std::string("0,"); }}, true);
  raw_peer peer(stub.port());
  peer.send("GET /api/data/big HTTP/1.1\r\nHost: k\r\n\r\n");
  peer.read_head();
  EXPECT_EQ(peer.read(32), "1\r\n[\r\n2\r\n0,\r\n2\r\n0,\r\n2\r\n0,\r\n0\r\n\r\n");
}

} // namespace
