// What an older client of the same API does wrong about logins and tokens, one test each: it fails where ours does so.
#include "kitsu/stub_fixture.hpp"

#include <atomic>

namespace weir::kitsu::stubbed {
namespace {

task<std::vector<json::value>> many(client studio, int count, const char* where = "data/x") {
  std::vector<task<json::value>> calls;
  for (int i = 0; i < count; ++i) calls.push_back(studio.get(where));
  co_return co_await gather(std::move(calls));
}

TEST(kitsu_defects, D14_two_hundred_calls_that_expire_together_refresh_once) {
  kitsu_stub stub;
  stub.answer("GET", "data/x", "[1]");
  stub.delay_refresh(50ms);
  on_loop([&]() -> task<void> {
    client_options options = quick();
    options.max_calls = 50;
    client studio(stub.host(), tokens_of(stub.issue()), options);
    stub.expire_all();
    EXPECT_EQ((co_await many(studio, 200)).size(), 200u);
    EXPECT_EQ(stub.refreshes(), 1u);
    EXPECT_EQ(studio.statistics().refreshes, 1u);
    // Those that waited for their turn meanwhile were sent with the new token alone.
    EXPECT_LE(stub.count("GET", "data/x"), 250u);
  });
}

TEST(kitsu_defects, D14_a_401_that_comes_after_the_refresh_is_repeated_with_the_new_token_and_refreshes_nothing) {
  kitsu_stub stub;
  stub.answer("GET", "data/x", "[1]");
  stub.answer("GET", "data/late", "[2]");
  fault_proxy proxy(stub.port(), {{fakes::match{.path_regex = "late"}.nth(1), faults::late_401(300ms)}});
  on_loop([&]() -> task<void> {
    client studio(host_of(proxy), tokens_of(stub.issue()), quick());
    const std::string old_token = studio.current_tokens().access;
    stub.expire_all();
    auto [late, others] = co_await gather(studio.get("data/late"), many(studio, 20));
    EXPECT_EQ(late, json::value(json::array{2}));
    EXPECT_EQ(others.size(), 20u);
    EXPECT_EQ(stub.refreshes(), 1u);
    EXPECT_EQ(proxy.count("late"), 2u);
    std::string last;
    for (const auto& e : proxy.journal())
      if (e.target.ends_with("late")) last = e.authorization_sha256;
    EXPECT_EQ(last, fakes::net::sha256("Bearer " + studio.current_tokens().access));
    EXPECT_NE(studio.current_tokens().access, old_token);
  });
}

TEST(kitsu_defects, D14_when_the_refresh_token_is_refused_all_fail_after_one_attempt_to_refresh) {
  kitsu_stub stub;
  stub.answer("GET", "data/x", "[1]");
  on_loop([&]() -> task<void> {
    client studio(stub.host(), tokens_of(stub.issue()), quick());
    stub.expire_all();
    stub.revoke_refresh_tokens();
    std::vector<task<std::optional<failed_call>>> calls;
    for (int i = 0; i < 30; ++i) calls.push_back(failure_of(studio.get("data/x")));
    for (const auto& f : co_await gather(std::move(calls))) {
      EXPECT_TRUE(f && f->why == failure::not_authenticated);
    }
    EXPECT_EQ(stub.refreshes(), 1u);
  });
}

TEST(kitsu_defects, D15_the_refresh_token_is_kept_for_the_next_expiry) {
  kitsu_stub stub;
  stub.answer("GET", "data/x", "[1]");
  on_loop([&]() -> task<void> {
    std::vector<kitsu::tokens> told;
    client_options options = quick();
    options.on_new_tokens = [&](const kitsu::tokens& t) { told.push_back(t); };
    const auto given = stub.issue();
    client studio(stub.host(), tokens_of(given), options);
    for (int i = 0; i < 5; ++i) {
      stub.expire_all();
      co_await studio.get("data/x");
      EXPECT_EQ(studio.current_tokens().refresh, given.refresh);
    }
    EXPECT_EQ(stub.refreshes(), 5u);
    EXPECT_EQ(told.size(), 5u);
    for (const kitsu::tokens& t : told) EXPECT_EQ(t.refresh, given.refresh);
  });
}

TEST(kitsu_defects, D16_a_server_that_refuses_every_token_is_asked_a_bounded_number_of_times) {
  kitsu_stub stub;
  stub.answer("GET", "data/x", stub_answer{.status = 401, .body = R"({"message": "Signature has expired"})"}, true);
  on_loop([&]() -> task<void> {
    int asked = 0;
    client_options options = quick();
    options.on_not_authenticated = [&](client&) -> task<bool> {
      ++asked;
      co_return true;
    };
    client studio(stub.host(), tokens_of(stub.issue()), options);
    const auto f = co_await with_timeout(20s, failure_of(studio.get("data/x")));
    EXPECT_TRUE(f && f->why == failure::not_authenticated);
    EXPECT_LE(stub.count("GET", "data/x"), 3u);
    EXPECT_LE(stub.refreshes(), 2u);

    client without(stub.host(), kitsu::tokens{stub.issue().access, ""}, options);
    const auto g = co_await with_timeout(20s, failure_of(without.get("data/x")));
    EXPECT_TRUE(g && g->why == failure::not_authenticated);
    EXPECT_LE(asked, 2);
    EXPECT_LE(stub.count("GET", "data/x"), 6u);
  });
}

TEST(kitsu_defects, D17_without_a_refresh_token_an_expired_login_is_a_typed_error) {
  kitsu_stub stub;
  stub.answer("GET", "data/x", "[1]");
  on_loop([&]() -> task<void> {
    client studio(stub.host(), kitsu::tokens{stub.issue().access, ""}, quick());
    stub.expire_all();
    const auto f = co_await failure_of(studio.get("data/x"));
    EXPECT_TRUE(f && f->why == failure::not_authenticated);
    EXPECT_EQ(f ? f->message : "", "Signature has expired");
    EXPECT_EQ(f ? f->path : "", "data/x");
    EXPECT_EQ(stub.count("GET", "auth/refresh-token"), 0u);
    const auto e = co_await end_of(client(stub.host(), quick()).get("data/x"));
    EXPECT_EQ(e.code, errc::permission_denied) << e.text;
  });
}

TEST(kitsu_defects, D18_the_question_for_a_new_login_waits_without_holding_the_loop_and_is_asked_once) {
  kitsu_stub stub;
  stub.answer("GET", "data/x", "[1]");
  on_loop([&]() -> task<void> {
    int asked = 0;
    event may_answer;
    client_options options = quick();
    options.on_not_authenticated = [&](client& studio) -> task<bool> {
      ++asked;
      co_await may_answer.wait();
      co_return (co_await studio.log_in("one@studio", "secret")).done();
    };
    client studio(stub.host(), kitsu::tokens{stub.issue().access, ""}, options);
    stub.expire_all();
    const auto others = [&]() -> task<void> {
      while (asked == 0) co_await sleep_for(1ms);
      EXPECT_TRUE(co_await studio.check_server_status());
      may_answer.set();
    };
    const auto answers = co_await with_timeout(30s, gather(many(studio, 20), others()));
    EXPECT_EQ(std::get<0>(answers).size(), 20u);
    EXPECT_EQ(asked, 1);
    EXPECT_EQ(stub.logins(), 1u);
  });
}

TEST(kitsu_defects, D18_a_question_that_is_never_answered_can_be_cancelled) {
  kitsu_stub stub;
  stub.answer("GET", "data/x", "[1]");
  on_loop([&]() -> task<void> {
    client_options options = quick();
    options.on_not_authenticated = [](client&) -> task<bool> {
      co_await until_cancelled();
      co_return false;
    };
    client studio(stub.host(), kitsu::tokens{stub.issue().access, ""}, options);
    stub.expire_all();
    EXPECT_EQ((co_await end_of(with_timeout(100ms, studio.get("data/x")))).code, errc::timeout);
  });
}

TEST(kitsu_defects, D26_a_token_that_is_no_token_is_told_as_such_and_not_as_a_bad_payload) {
  kitsu_stub stub;
  stub.answer("GET", "data/x", "[1]");
  const std::string refresh = stub.issue().refresh;
  on_loop([&]() -> task<void> {
    for (const std::string& token : {std::string("garbage"), refresh}) {
      client studio(stub.host(), kitsu::tokens{token, ""}, quick());
      const auto f = co_await failure_of(studio.get("data/x"));
      EXPECT_TRUE(f && f->why == failure::not_authenticated && f->status == 422);
      EXPECT_EQ(f ? f->message : "", token == refresh ? "Only non-refresh tokens are allowed" : "Not enough segments");
    }
    stub.answer("POST", "data/x", stub_answer{.status = 422, .body = R"({"error": true, "message": "Bad date"})"});
    client studio(stub.host(), tokens_of(stub.issue()), quick());
    const auto f = co_await failure_of(studio.post("data/x"));
    EXPECT_TRUE(f && f->why == failure::invalid && f->message == "Bad date");
    EXPECT_EQ(stub.refreshes(), 0u);
  });
}

TEST(kitsu_defects, D28_every_refusal_of_a_login_has_its_reason) {
  kitsu_stub stub;
  for (const fakes::stub_login& each : fakes::stub_logins()) stub.set_login(each.name, each.answer);
  on_loop([&]() -> task<void> {
    client studio(stub.host(), once());
    const auto outcome = [&](const char* name) { return studio.log_in(name, "secret"); };
    for (const char* name : {"wrong_password", "wrong_code", "locked", "disabled", "default_password", "code_wanted"}) {
      const auto o = co_await outcome(name);
      EXPECT_EQ(kitsu::to_string(o.status), name);
      EXPECT_FALSE(o.message.empty());
    }
    const auto wanted = co_await outcome("code_wanted");
    EXPECT_EQ(wanted.factors, (std::vector<std::string>{"totp", "recovery_code"}));
    EXPECT_EQ(wanted.preferred_factor, "totp");
    EXPECT_EQ((co_await outcome("locked")).locked_for, std::chrono::seconds(60));
    EXPECT_EQ((co_await outcome("default_password")).reset_token, "reset-me");
    for (const char* name : {"no_strategy", "server_error", "empty_email", "page"}) {
      const auto f = co_await failure_of(outcome(name));
      EXPECT_TRUE(f) << name;
      if (f) EXPECT_EQ(f->path, "auth/login") << name;
    }
    EXPECT_TRUE(studio.current_tokens().empty());

    // The same answer, but the database is away.
    stub.answer("GET", "status", R"({"database-up": false})", true);
    EXPECT_EQ((co_await outcome("wrong_password")).status, kitsu::login_status::no_database);
    EXPECT_EQ((co_await outcome("server_error")).status, kitsu::login_status::no_database);

    const auto done = co_await studio.log_in("one@studio", "secret", {.totp = "123456"});
    EXPECT_TRUE(done);
    EXPECT_EQ(json::string_or(done.user, "full_name"), "One User");
    EXPECT_TRUE(stub.is_valid(studio.current_tokens().access));
    EXPECT_NE(stub.requests_to("POST", "auth/login").back().body.find(R"("totp":"123456")"), std::string::npos);
  });
}

TEST(kitsu_defects, D28_an_address_without_an_api_is_told_and_the_right_one_named) {
  kitsu_stub stub;
  on_loop([&]() -> task<void> {
    std::string root = stub.host();
    root.resize(root.size() - 4);
    const auto o = co_await client(root, once()).log_in("one@studio", "secret");
    EXPECT_EQ(o.status, kitsu::login_status::not_kitsu);
    EXPECT_NE(o.message.find("use " + stub.host()), std::string::npos) << o.message;
  });
}

TEST(kitsu_defects, D31_tokens_of_somebody_else_are_not_revoked_at_the_end) {
  kitsu_stub stub;
  stub.answer("GET", "data/x", "[1]");
  const auto shared = stub.issue();
  on_loop([&]() -> task<void> {
    {
      client studio(stub.host(), tokens_of(shared), quick());
      co_await studio.get("data/x");
      EXPECT_FALSE(co_await studio.log_out());
      EXPECT_TRUE(studio.current_tokens().empty());
    }
    {
      client studio(stub.host(), tokens_of(shared), quick());
      co_await studio.get("data/x");
    }
    client studio(stub.host(), quick());
    co_await studio.log_in("one@studio", "secret");
    studio.use_tokens(tokens_of(shared));
    EXPECT_FALSE(co_await studio.log_out());
  });
  EXPECT_EQ(stub.logouts(), 0u);
  EXPECT_TRUE(stub.is_valid(shared.access));
}

TEST(kitsu_defects, D31_tokens_of_our_own_login_are_revoked) {
  kitsu_stub stub;
  on_loop([&]() -> task<void> {
    client studio(stub.host(), quick());
    co_await studio.log_in("one@studio", "secret");
    const std::string mine = studio.current_tokens().access;
    EXPECT_TRUE(stub.is_valid(mine));
    EXPECT_TRUE(co_await studio.log_out());
    EXPECT_FALSE(stub.is_valid(mine));
  });
  EXPECT_EQ(stub.logouts(), 1u);
}

TEST(kitsu_defects, D32_logging_out_of_a_server_that_does_not_answer_ends_soon) {
  kitsu_stub stub;
  const fault_proxy proxy(stub.port(), {{{.path_regex = "logout"}, faults::stall_after(0)}});
  const auto begin = std::chrono::steady_clock::now();
  on_loop([&]() -> task<void> {
    client studio(host_of(proxy), quick());
    co_await studio.log_in("one@studio", "secret");
    EXPECT_FALSE(co_await studio.log_out());
    EXPECT_TRUE(studio.current_tokens().empty());
  });
  const auto took = std::chrono::steady_clock::now() - begin;
  EXPECT_GE(took, 1s);
  EXPECT_LT(took, 10s);
}

TEST(kitsu_defects, D33_a_refused_logout_forgets_the_tokens_all_the_same) {
  for (const int status : {401, 403, 500}) {
    kitsu_stub stub;
    stub.answer("GET", "auth/logout", stub_answer{.status = status, .body = R"({"msg": "no"})"}, true);
    on_loop([&]() -> task<void> {
      client studio(stub.host(), quick());
      co_await studio.log_in("one@studio", "secret");
      EXPECT_FALSE(co_await studio.log_out());
      EXPECT_TRUE(studio.current_tokens().empty());
      stub.answer("GET", "data/x", "[1]");
      EXPECT_TRUE((co_await failure_of(studio.get("data/x"))).has_value());
      EXPECT_EQ(stub.requests().back().header("Authorization"), "");
    });
    EXPECT_EQ(stub.count("GET", "auth/logout"), 1u);
  }
}

TEST(kitsu_defects, D34_a_session_whose_login_fails_leaves_nothing_open) {
  kitsu_stub stub;
  stub.set_login("nobody@studio", fakes::stub_logins().front().answer);
  std::optional<std::size_t> before;
  for (int i = 0; i < 20; ++i) {
    bool begun = false;
    const auto e = on_loop([&]() -> task<ended> {
      co_return co_await end_of(kitsu::create_session(stub.host(), "nobody@studio", "wrong",
                                                      [&](client&) -> task<void> {
                                                        begun = true;
                                                        co_return;
                                                      },
                                                      {.factor = {}, .client = once()}));
    });
    EXPECT_EQ(e.code, errc::permission_denied) << e.text;
    EXPECT_FALSE(begun);
    // The stub's side of a connection ends a moment after ours.
    for (int wait = 0; before && open_descriptors() > *before && wait < 5000; ++wait) std::this_thread::sleep_for(1ms);
    if (!before) {
      std::this_thread::sleep_for(200ms);
      before = open_descriptors();
    }
    EXPECT_LE(open_descriptors(), *before);
  }
  EXPECT_EQ(stub.logouts(), 0u);
}

TEST(kitsu_defects, D35_a_session_refreshes_as_a_client_does) {
  kitsu_stub stub;
  stub.answer("GET", "data/x", "[1]");
  on_loop([&]() -> task<void> {
    co_await kitsu::create_session(stub.host(), "one@studio", "secret",
                                   [&](client& studio) -> task<void> {
                                     stub.expire_all();
                                     EXPECT_EQ(co_await studio.get("data/x"), json::value(json::array{1}));
                                   },
                                   {.factor = {}, .client = quick()});
  });
  EXPECT_EQ(stub.refreshes(), 1u);
  EXPECT_EQ(stub.logouts(), 1u);
}

TEST(kitsu_defects, D36_passwords_and_tokens_do_not_go_over_plain_http_to_other_machines) {
  for (const char* host : {"http://kitsu.example.com/api", "http://10.0.0.7/api", "http://[2001:db8::1]/api"}) {
    on_loop([&]() -> task<void> {
      EXPECT_THROW(client(host, quick()), error) << host;
      client_options open = quick();
      open.allow_plain_http = true;
      EXPECT_NO_THROW(client(host, open)) << host;
      co_return;
    });
  }
}

TEST(kitsu_defects, D36_redirects_are_not_followed_with_tokens_and_no_login_becomes_a_get) {
  kitsu_stub stub, elsewhere;
  for (const char* method : {"GET", "POST"})
    elsewhere.answer(method, "auth/login", R"({"login": true, "access_token": "stolen"})", true);
  elsewhere.answer("GET", "data/x", "[666]", true);
  stub.answer("GET", "data/x", "[1]");
  for (const int status : {301, 302, 307, 308}) {
    for (const std::string& target : {elsewhere.host() + "/auth/login", elsewhere.host() + "/data/x"}) {
      const fault_proxy proxy(stub.port(), {{{.path_regex = "login|data"}, faults::redirect(target, status)}});
      on_loop([&]() -> task<void> {
        client studio(host_of(proxy), tokens_of(stub.issue()), once());
        const auto f = co_await failure_of(studio.get("data/x"));
        EXPECT_TRUE(f && f->why == failure::not_kitsu && f->status == status);
        if (f) EXPECT_NE(f->message.find(elsewhere.host()), std::string::npos) << f->message;
        EXPECT_FALSE(co_await studio.log_in("one@studio", "secret"));
      });
      EXPECT_EQ(proxy.count("login", "GET"), 0u);
    }
  }
  EXPECT_TRUE(elsewhere.requests().empty());
}

TEST(kitsu_defects, D37_no_error_shows_a_token_or_a_password) {
  kitsu_stub stub;
  stub.set_login("one@studio", {.status = 500, .body = R"({"message": "boom"})"});
  stub.answer("PUT", "data/persons/p1", stub_answer{.status = 400, .body = R"({"message": "bad"})"});
  stub.answer("GET", "data/x",
              stub_answer{.status = 500, .body = R"({"message": "oops", "stacktrace": "in hunter2"})"});
  stub.answer("GET", "data/y", stub_answer{.reset = true});
  on_loop([&]() -> task<void> {
    client studio(stub.host(), tokens_of(stub.issue()), once());
    const std::string token = studio.current_tokens().access, refresh = studio.current_tokens().refresh;
    std::vector<ended> all;
    all.push_back(co_await end_of(studio.log_in("one@studio", "hunter2", {.totp = "987654"})));
    all.push_back(co_await end_of(studio.put("data/persons/p1", {{"person", {{"password", "hunter2"}}}})));
    for (const char* path : {"data/x", "data/y"})
      all.push_back(co_await end_of(studio.get(path, {{"secret", "hunter2"}})));
    stub.expire_all();
    stub.revoke_refresh_tokens();
    all.push_back(co_await end_of(studio.get("data/x")));
    for (const ended& e : all) {
      EXPECT_TRUE(e.code);
      for (const std::string& secret : {std::string("hunter2"), std::string("987654"), token, refresh})
        EXPECT_EQ(e.text.find(secret), std::string::npos) << e.text;
    }
  });
}

} // namespace
} // namespace weir::kitsu::stubbed
