#include "fakes/kitsu_stub.hpp"
#include "http/fault_server.hpp"
#include "kitsu/own_folder.hpp"

#include <weir/core/run.hpp>
#include <weir/kitsu/configured_login.hpp>

#include <gtest/gtest.h>

namespace weir::kitsu {
namespace {

using test::own_folder;

environment with(std::map<std::string, std::string> set) {
  return [set = std::move(set)](std::string_view name) -> std::optional<std::string> {
    const auto found = set.find(std::string(name));
    return found == set.end() ? std::nullopt : std::optional(found->second);
  };
}

std::string refusal_of(const environment& env) {
  try {
    configured_login(env);
  } catch (const error& problem) {
    EXPECT_EQ(problem.code(), errc::not_configured);
    return problem.what();
  }
  ADD_FAILURE() << "it was configured";
  return {};
}

bool holds(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

TEST(ConfiguredLogin, TakesTheEnvironmentFirst) {
  const own_folder folder;
  const std::string file = folder / "k.json";
  token_store(file).save({.host = "https://stored/api", .email = "s@example.com", .tokens = {"stored", "refresh"}});

  const auto bot = configured_login(with({{"WEIR_KITSU_LOGIN", file},
                                          {"KITSU_HOST", "https://env/api/"},
                                          {"KITSU_TOKEN", "bot"},
                                          {"KITSU_PASSWORD", "unused"}}));
  EXPECT_EQ(bot.source, login_source::token);
  EXPECT_EQ(bot.host, "https://env/api");
  EXPECT_EQ(bot.tokens.access, "bot");
  EXPECT_TRUE(bot.tokens.refresh.empty());
  EXPECT_FALSE(bot.store);

  const auto person = configured_login(with({{"WEIR_KITSU_LOGIN", file},
                                             {"KITSU_HOST", "http://env/api"},
                                             {"KITSU_EMAIL", "e@example.com"},
                                             {"KITSU_PASSWORD", "secret"},
                                             {"KITSU_ALLOW_PLAIN_HTTP", "1"},
                                             {"KITSU_CA_FILE", "/ca.pem"},
                                             {"KITSU_CLIENT_CERTIFICATE", "/me.pem"}}));
  EXPECT_EQ(person.source, login_source::password);
  EXPECT_EQ(person.email, "e@example.com");
  EXPECT_EQ(person.password, "secret");
  EXPECT_TRUE(person.tokens.empty());
  EXPECT_TRUE(person.allow_plain_http);
  EXPECT_EQ(person.ca_file, "/ca.pem");
  EXPECT_EQ(person.client_certificate_file, "/me.pem");

  const auto stored = configured_login(with({{"WEIR_KITSU_LOGIN", file}, {"KITSU_HOST", "https://stored/api/"}}));
  EXPECT_EQ(stored.source, login_source::store);
  EXPECT_EQ(stored.tokens.access, "stored");
  EXPECT_TRUE(stored.store);
}

TEST(ConfiguredLogin, SaysWhatIsMissing) {
  const own_folder folder;
  const std::string none = folder / "none.json", other = folder / "other.json";
  token_store(other).save({.host = "https://stored/api", .email = "", .tokens = {"stored", ""}});
  EXPECT_TRUE(holds(refusal_of(with({{"WEIR_KITSU_LOGIN", none}})), "weir kitsu login"));
  EXPECT_TRUE(holds(refusal_of(with({{"WEIR_KITSU_LOGIN", none}, {"KITSU_HOST", "https://h/api"}})),
                    "weir kitsu login https://h/api"));
  EXPECT_TRUE(holds(refusal_of(with({{"KITSU_TOKEN", "t"}})), "KITSU_HOST is missing"));
  EXPECT_TRUE(
      holds(refusal_of(with({{"KITSU_PASSWORD", "p"}, {"KITSU_EMAIL", "e@example.com"}})), "KITSU_HOST is missing"));
  EXPECT_TRUE(
      holds(refusal_of(with({{"KITSU_PASSWORD", "p"}, {"KITSU_HOST", "https://h/api"}})), "KITSU_EMAIL is missing"));
  // Tokens never go to another server than the one that they are from.
  const std::string foreign = refusal_of(with({{"WEIR_KITSU_LOGIN", other}, {"KITSU_HOST", "https://evil/api"}}));
  EXPECT_TRUE(holds(foreign, "https://stored/api")) << foreign;
  EXPECT_FALSE(holds(foreign, "stored\"")) << foreign;
}

/// A server with one access token that counts.
test::fault_server::handler_type server_with(std::string valid) {
  return test::fault_server::per_request([valid](const std::string& head, test::wire& line) {
    const std::string who = test::header_of(head, "Authorization");
    if (head.starts_with("GET /api/auth/refresh-token")) {
      if (who != "Bearer refresh-1")
        line.answer(401, R"({"msg":"no"})", "Content-Type: application/json\r\n");
      else
        line.answer(200, R"({"access_token":")" + valid + "\"}", "Content-Type: application/json\r\n");
    } else if (head.starts_with("POST /api/auth/login")) {
      const std::string body = line.read_body_of(head);
      if (body.find("\"password\":\"secret\"") == body.npos)
        line.answer(400, R"({"login":false})", "Content-Type: application/json\r\n");
      else
        line.answer(200, R"({"login":true,"user":{},"access_token":")" + valid + R"(","refresh_token":"refresh-1"})",
                    "Content-Type: application/json\r\n");
    } else if (who != "Bearer " + valid) {
      line.answer(401, R"({"error":true,"message":"Signature has expired"})", "Content-Type: application/json\r\n");
    } else {
      line.answer(200, "[1]", "Content-Type: application/json\r\n");
    }
  });
}

client_options no_proxy() {
  client_options options;
  options.proxy = "";
  options.retry = http::retry_policy::never();
  return options;
}

TEST(ConfiguredLogin, WritesRefreshedTokensBack) {
  test::fault_server server(server_with("access-2"));
  const own_folder folder;
  const token_store store(folder / "k.json");
  store.save({.host = server.url("/api"), .email = "ann@example.com", .tokens = {"access-1", "refresh-1"}});
  weir::run([&]() -> task<void> {
    client studio = co_await open_client(configured_login(with({{"WEIR_KITSU_LOGIN", folder / "k.json"}})), no_proxy());
    EXPECT_EQ((co_await studio.get("data/tasks")).as_array().size(), 1u);
    co_await studio.log_out(); // which forgets tokens here, and only here
  }());
  const auto kept = store.read();
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->tokens.access, "access-2");
  EXPECT_EQ(kept->tokens.refresh, "refresh-1");
}

TEST(ConfiguredLogin, GoesOnWhereTokensCannotBeKept) {
  test::fault_server server(server_with("access-2"));
  const own_folder folder;
  token_store(folder / "k.json")
      .save({.host = server.url("/api"), .email = "ann@example.com", .tokens = {"access-1", "refresh-1"}});
  std::string told;
  weir::run([&]() -> task<void> {
    client studio = co_await open_client(configured_login(with({{"WEIR_KITSU_LOGIN", folder / "k.json"}})), no_proxy(),
                                         [&](const std::string& problem) { told = problem; });
    std::filesystem::permissions(folder / "k.json", std::filesystem::perms(0644));
    EXPECT_EQ((co_await studio.get("data/tasks")).as_array().size(), 1u);
  }());
  EXPECT_TRUE(holds(told, "others may read")) << told;
}

TEST(ConfiguredLogin, LogsInWithAPassword) {
  test::fault_server server(server_with("access-9"));
  const auto env = [&](const char* password) {
    return with({{"KITSU_HOST", server.url("/api")}, {"KITSU_EMAIL", "ann@example.com"}, {"KITSU_PASSWORD", password}});
  };
  weir::run([&]() -> task<void> {
    client studio = co_await open_client(configured_login(env("secret")), no_proxy());
    EXPECT_EQ(studio.current_tokens().access, "access-9");
  }());
  EXPECT_THROW(weir::run([&]() -> task<void> { co_await open_client(configured_login(env("wrong")), no_proxy()); }()),
               login_error);
}

TEST(ConfiguredLogin, LogsInAgainWithThePasswordWhereTokensCanBeRenewedNoMore) {
  fakes::kitsu_stub stub;
  stub.answer("GET", "data/x", "[1]");
  weir::run([&]() -> task<void> {
    const auto env = with({{"KITSU_HOST", stub.host()}, {"KITSU_EMAIL", "one@studio"}, {"KITSU_PASSWORD", "secret"}});
    client studio = co_await open_client(configured_login(env), no_proxy());
    stub.revoke_refresh_tokens();
    stub.expire_all();
    EXPECT_EQ(co_await studio.get("data/x"), json::value(json::array{1}));
    EXPECT_EQ(stub.logins(), 2u);
    EXPECT_TRUE(co_await studio.log_out());
  }());
}

TEST(ConfiguredLogin, TriesAPasswordThatIsRefusedLaterOnlyOnce) {
  fakes::kitsu_stub stub;
  stub.answer("GET", "data/x", "[1]");
  weir::run([&]() -> task<void> {
    const auto env = with({{"KITSU_HOST", stub.host()}, {"KITSU_EMAIL", "one@studio"}, {"KITSU_PASSWORD", "secret"}});
    client studio = co_await open_client(configured_login(env), no_proxy());
    int tried = 0;
    stub.answer(
        "POST", "auth/login",
        [&](const fakes::stub_request&) {
          ++tried;
          return fakes::stub_answer{.status = 400, .body = R"({"login": false})"};
        },
        true);
    stub.revoke_refresh_tokens();
    stub.expire_all();
    for (int n = 0; n < 3; ++n) {
      try {
        co_await studio.get("data/x");
        ADD_FAILURE() << "nobody is logged in";
      } catch (const request_error& problem) {
        EXPECT_EQ(problem.why(), failure::not_authenticated);
      }
    }
    EXPECT_EQ(tried, 1); // a server locks the account after some
  }());
}

TEST(ConfiguredLogin, TakesNewerTokensOfTheSamePersonFromTheStore) {
  fakes::kitsu_stub stub;
  stub.answer("GET", "data/x", "[1]");
  const own_folder folder;
  const token_store store(folder / "k.json");
  const auto kept = [&](const char* email) {
    const auto fresh = stub.issue();
    return stored_login{.host = stub.host(), .email = email, .tokens = {fresh.access, fresh.refresh}};
  };
  store.save(kept("ann@example.com"));
  weir::run([&]() -> task<void> {
    client studio = co_await open_client(configured_login(with({{"WEIR_KITSU_LOGIN", folder / "k.json"}})), no_proxy());
    stub.revoke_refresh_tokens();
    stub.expire_all();
    store.save(kept("bob@example.com"));
    try {
      co_await studio.get("data/x");
      ADD_FAILURE() << "somebody else's login was taken";
    } catch (const request_error& problem) {
      EXPECT_EQ(problem.why(), failure::not_authenticated);
    }
  }());
  store.save(kept("ann@example.com"));
  weir::run([&]() -> task<void> {
    client studio = co_await open_client(configured_login(with({{"WEIR_KITSU_LOGIN", folder / "k.json"}})), no_proxy());
    stub.expire_all();
    stub.revoke_refresh_tokens();
    store.save(kept("ann@example.com"));
    EXPECT_EQ(co_await studio.get("data/x"), json::value(json::array{1}));
  }());
}

} // namespace
} // namespace weir::kitsu
