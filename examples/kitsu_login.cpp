// Two ways to log in, and what can come of it.
#include "kitsu_account.hpp"

#include <weir/core/run.hpp>
#include <weir/kitsu/session.hpp>

#include <cstdio>

namespace kitsu = weir::kitsu;

namespace {

// [session]
weir::task<void> in_a_session(account me) {
  co_await kitsu::create_session(me.host, me.email, me.password, [](kitsu::client& client) -> weir::task<void> {
    const auto user = co_await client.get_current_user(); // logged in and ready
    std::printf("hello, %s\n", weir::json::string_or(user, "full_name").c_str());
  });
}
// [end]

// [by_hand]
weir::task<bool> by_hand(account me) {
  kitsu::client client(me.host);
  const kitsu::login_outcome outcome = co_await client.log_in(me.email, me.password);
  switch (outcome.status) {
  case kitsu::login_status::done:
    break;
  case kitsu::login_status::code_wanted: // ask for it, then: client.log_in(email, password, {.totp = code})
  default:
    std::printf("%s\n", outcome.message.c_str());
    co_return false;
  }
  const auto projects = co_await client.fetch_all("projects/open"); // work
  std::printf("%zu projects\n", projects.size());
  co_return co_await client.log_out();
}
// [end]

weir::task<bool> wrong_password(account me) {
  kitsu::client client(me.host);
  const auto outcome = co_await client.log_in("nobody@example.com", "wrong");
  std::printf("%s\n", outcome.message.c_str());
  co_return outcome.status == kitsu::login_status::wrong_password;
}

// [tokens]
weir::task<bool> with_tokens(std::string host, kitsu::tokens kept) {
  kitsu::client client(host, kept); // kept from an earlier login, or a bot's
  const kitsu::server_status server = co_await client.check_server_status();
  std::printf("Kitsu API %s\n", server.version.c_str());
  const auto projects = co_await client.fetch_all("projects/open");
  co_return !projects.empty();
} // nothing is revoked: whoever gave the tokens may go on using them
// [end]

weir::task<bool> all(account me) {
  co_await in_a_session(me);
  const bool done = co_await by_hand(me);
  const bool refused = co_await wrong_password(me);
  const bool kept = co_await kitsu::create_session(me.host, me.email, me.password, [&](kitsu::client& client) {
    return with_tokens(me.host, client.current_tokens());
  });
  co_return done&& refused&& kept;
}

} // namespace

int main() { return weir::run(all(account_from_environment())) ? 0 : 1; }
