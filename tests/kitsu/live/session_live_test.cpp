#include "kitsu/live/zou.hpp"

#include <weir/core/gather.hpp>
#include <weir/core/run.hpp>
#include <weir/core/sleep.hpp>
#include <weir/core/task_group.hpp>
#include <weir/kitsu/session.hpp>

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace weir::kitsu {
namespace {

using namespace std::chrono_literals;
using test::zou;

tokens of(std::string_view email, const char* access = "expired_token") {
  const auto& person = zou::get().person(email);
  return {.access = zou::text_of(person, access), .refresh = zou::text_of(person, "refresh_token")};
}

/// Whether the server still takes this token.
task<bool> is_valid(std::string access) {
  client studio(zou::get().url(), tokens{.access = std::move(access)});
  try {
    co_await studio.get("data/projects/open");
    co_return true;
  } catch (const request_error& problem) {
    EXPECT_EQ(problem.why(), failure::not_authenticated) << problem.what();
    co_return false;
  }
}

TEST(session_live, ends_the_login_on_every_way_out) {
  const auto& server = zou::get();
  const auto session = [&](auto body) { return create_session(server.url(), server.email(), server.password(), body); };
  run([&]() -> task<void> {
    std::string access;
    EXPECT_EQ(co_await session([&](client& studio) -> task<int> {
                access = studio.current_tokens().access;
                EXPECT_TRUE(co_await is_valid(access));
                co_return 7;
              }),
              7);
    EXPECT_FALSE(co_await is_valid(access)) << "the end";

    try {
      co_await session([&](client& studio) -> task<void> {
        access = studio.current_tokens().access;
        throw std::runtime_error("out");
        co_return;
      });
      ADD_FAILURE() << "the exception was lost";
    } catch (const std::runtime_error& e) {
      EXPECT_STREQ(e.what(), "out");
    }
    EXPECT_FALSE(co_await is_valid(access)) << "an exception";

    co_await with_task_group([&](task_group& group) -> task<void> {
      event inside;
      auto handle = group.spawn(session([&](client& studio) -> task<void> {
        access = studio.current_tokens().access;
        inside.set();
        co_await sleep_for(1h);
      }));
      co_await inside.wait();
      handle.cancel();
      co_await handle.join();
    });
    EXPECT_FALSE(co_await is_valid(access)) << "cancellation";
  }());
}

TEST(session_live, a_code_is_wanted_and_a_recovery_code_lets_in) {
  const auto& person = zou::get().person("recovery@example.com");
  const std::string password = zou::text_of(person, "password");
  run([](const json::object& person, std::string password) -> task<void> {
    client studio(zou::get().url());
    const auto asked = co_await studio.log_in("recovery@example.com", password);
    EXPECT_EQ(asked.status, login_status::code_wanted);
    EXPECT_NE(std::find(asked.factors.begin(), asked.factors.end(), "totp"), asked.factors.end());
    EXPECT_NE(std::find(asked.factors.begin(), asked.factors.end(), "recovery_code"), asked.factors.end());
    EXPECT_EQ((co_await studio.log_in("recovery@example.com", password, {.totp = "000000"})).status,
              login_status::wrong_code);
    const auto& codes = person.at("recovery_codes").as_array();
    std::optional<login_outcome> in;
    for (const json::value& code : codes) { // each works once, and another test run may have used some
      in = co_await studio.log_in("recovery@example.com", password,
                                  {.recovery_code = std::string(std::string_view(code.as_string()))});
      if (in->done() || in->status == login_status::locked) break;
    }
    EXPECT_EQ(in->status, login_status::done) << in->message;
    EXPECT_EQ(json::string_or(co_await studio.get_current_user(), "email"), "recovery@example.com");
    EXPECT_TRUE(co_await studio.log_out());
  }(person, password));
}

TEST(session_live, five_failures_lock_and_say_for_how_long) {
  run([]() -> task<void> {
    client studio(zou::get().url());
    login_outcome last;
    for (int n = 0; n < 7; ++n) last = co_await studio.log_in("lockout@example.com", "not it");
    EXPECT_EQ(last.status, login_status::locked);
    EXPECT_EQ(last.locked_for, 60s);
    EXPECT_TRUE(studio.current_tokens().empty());
  }());
}

TEST(session_live, a_default_password_can_only_be_changed) {
  run([]() -> task<void> {
    client studio(zou::get().url());
    const auto outcome = co_await studio.log_in("default@example.com", "default");
    EXPECT_EQ(outcome.status, login_status::default_password);
    EXPECT_FALSE(outcome.reset_token.empty());
    // A password that is too short is the server's to refuse; the account stays as it is for other tests.
    try {
      co_await studio.change_default_password("default@example.com", outcome.reset_token, "x");
      ADD_FAILURE() << "a password of one letter was accepted";
    } catch (const request_error& problem) {
      EXPECT_EQ(problem.why(), failure::invalid) << problem.what();
    }
  }());
}

TEST(session_live, a_bot_works_with_its_token_and_cannot_log_out) {
  run([]() -> task<void> {
    client studio(zou::get().url(), tokens{.access = zou::text_of(zou::get().object("bot"), "token")});
    EXPECT_EQ((co_await studio.fetch_all("projects/open")).size(), 3u);
    EXPECT_FALSE(co_await studio.log_out());
    EXPECT_TRUE(studio.current_tokens().empty());
  }());
}

TEST(session_live, two_hundred_calls_do_not_see_that_their_token_has_expired) {
  run([]() -> task<void> {
    client studio(zou::get().url(), of("admin@example.com"));
    std::vector<task<json::value>> calls;
    for (int n = 0; n < 200; ++n) calls.push_back(studio.get("data/projects/open"));
    for (const json::value& answer : co_await gather(std::move(calls))) EXPECT_EQ(answer.as_array().size(), 3u);
    EXPECT_EQ(studio.statistics().refreshes, 1u);
    EXPECT_LE(studio.statistics().requests, 200u + 8u + 1u) << "only what was under way is repeated";
  }());
}

TEST(session_live, an_address_with_a_typing_error_and_an_empty_password_are_told_at_once) {
  run([]() -> task<void> {
    for (const char* host : {"https://no-such-host.invalid/api", "http://127.0.0.1:1", "http://localhost:1/api"}) {
      try {
        co_await client(host).log_in("a@example.com", "b");
        ADD_FAILURE() << host;
      } catch (const request_error& problem) {
        EXPECT_EQ(problem.why(), failure::unreachable) << problem.what();
        EXPECT_FALSE(problem.may_have_been_carried_out());
      }
    }
    client studio(zou::get().url());
    for (const auto& [email, password] : {std::pair{"admin@example.com", ""}, std::pair{"", "x"}}) {
      try {
        co_await studio.log_in(email, password);
        ADD_FAILURE() << "an empty login was sent";
      } catch (const error& problem) {
        EXPECT_EQ(problem.code(), errc::invalid_argument);
      }
    }
    EXPECT_EQ(studio.statistics().requests, 0u);
  }());
}

TEST(session_live, a_server_tells_what_it_is) {
  run([]() -> task<void> {
    const auto here = co_await client(zou::get().url()).check_server_status();
    EXPECT_TRUE(here);
    EXPECT_TRUE(here.database_up);
    EXPECT_EQ(here.version, "1.0.67");
    const auto elsewhere = co_await client(zou::get().url() + "/nothing/here").check_server_status();
    EXPECT_FALSE(elsewhere);
    EXPECT_TRUE(elsewhere.reachable);
    const auto nowhere = co_await client("http://127.0.0.1:1").check_server_status();
    EXPECT_FALSE(nowhere.reachable);
    EXPECT_FALSE(nowhere.problem.empty());
    const auto wrong = co_await client(zou::get().url() + "/data").log_in("a@example.com", "b");
    EXPECT_EQ(wrong.status, login_status::not_kitsu);
  }());
}

} // namespace
} // namespace weir::kitsu
