#include "kitsu/impl.hpp"

#include <weir/core/event.hpp>
#include <weir/core/race.hpp>
#include <weir/core/shield.hpp>
#include <weir/core/sleep.hpp>
#include <weir/core/stop.hpp>
#include <weir/core/timeout.hpp>

#include <stop_token>

namespace weir::kitsu {
namespace {

std::string sentence(login_status status) {
  switch (status) {
  case login_status::done:
    return "logged in";
  case login_status::code_wanted:
    return "this account uses two-factor authentication: a code is wanted as well";
  case login_status::wrong_code:
    return "the code is not right, or no longer valid";
  case login_status::locked:
    return "too many failed logins: the account is locked for up to a minute, also for the right password";
  case login_status::disabled:
    return "this account is disabled";
  case login_status::wrong_password:
    return "wrong e-mail address or password";
  case login_status::default_password:
    return "the password was never changed: set a new one before logging in";
  case login_status::no_database:
    return "the server runs but cannot reach its database";
  case login_status::not_kitsu:
    return "there is no Kitsu API at this address";
  }
  return {};
}

login_outcome outcome_of(login_status status) {
  login_outcome out;
  out.status = status;
  out.message = sentence(status);
  return out;
}

json::object object_or_empty(const json::object& from, std::string_view name) {
  const json::value* v = json::find(from, name);
  return v && v->is_object() ? v->get_object() : json::object{};
}

login_outcome code_wanted(const json::object& said) {
  login_outcome out = outcome_of(login_status::code_wanted);
  if (const json::value* list = json::find(said, "two_factor_authentication_enabled"); list && list->is_array())
    for (const json::value& each : list->get_array())
      if (each.is_string()) out.factors.emplace_back(std::string_view(each.get_string()));
  out.preferred_factor = json::string_or(said, "preferred_two_factor_authentication");
  if (!out.factors.empty()) {
    out.message += " (";
    for (const std::string& each : out.factors) out.message += (&each == &out.factors.front() ? "" : ", ") + each;
    out.message += ")";
  }
  return out;
}

/// What a refusal that is told in JSON means; nothing where it tells too little.
std::optional<login_outcome> refusal_of(const json::object& said) {
  const auto flag = [&](const char* name) { return json::bool_or(said, name, false); };
  if (flag("missing_OTP")) return code_wanted(said);
  if (flag("wrong_OTP")) return outcome_of(login_status::wrong_code);
  if (flag("too_many_failed_login_attemps") || flag("too_many_failed_login_attempts")) {
    login_outcome out = outcome_of(login_status::locked);
    out.locked_for = std::chrono::minutes(1);
    return out;
  }
  if (flag("default_password")) {
    login_outcome out = outcome_of(login_status::default_password);
    out.reset_token = json::string_or(said, "token");
    return out;
  }
  if (flag("unactive")) return outcome_of(login_status::disabled);
  return std::nullopt;
}

} // namespace

std::string_view to_string(login_status what) noexcept {
  switch (what) {
  case login_status::done:
    return "done";
  case login_status::code_wanted:
    return "code_wanted";
  case login_status::wrong_code:
    return "wrong_code";
  case login_status::locked:
    return "locked";
  case login_status::disabled:
    return "disabled";
  case login_status::wrong_password:
    return "wrong_password";
  case login_status::default_password:
    return "default_password";
  case login_status::no_database:
    return "no_database";
  case login_status::not_kitsu:
    return "not_kitsu";
  }
  return "unknown";
}

login_error::login_error(login_outcome outcome)
    : error(outcome.status == login_status::no_database || outcome.status == login_status::not_kitsu
                ? errc::not_configured
                : errc::permission_denied,
            "login refused: " + (outcome.message.empty() ? std::string(to_string(outcome.status)) : outcome.message)),
      outcome_(std::move(outcome)) {}

namespace {

/// Says whether a Kitsu API answers at `self`'s address, or one level below, where people forget it.
task<login_outcome> not_kitsu_outcome(client::impl& self, client& handle) {
  login_outcome out = outcome_of(login_status::not_kitsu);
  const server_status here = co_await handle.check_server_status();
  if (here.is_kitsu) {
    out.message = "the server is Kitsu but answered the login in an unknown way: " + here.problem;
    co_return out;
  }
  client_options beside = self.options;
  beside.on_new_tokens = nullptr;
  beside.on_not_authenticated = nullptr;
  const server_status below = co_await client(self.host + "/api", beside).check_server_status();
  out.message += ": " + self.host;
  if (below.is_kitsu) out.message += "; use " + self.host + "/api";
  co_return out;
}

constexpr std::chrono::seconds logout_patience{2};

task<bool> log_out_of(std::shared_ptr<client::impl> self) {
  const bool tell = std::exchange(self->logged_in, false) && !self->now.access.empty();
  const client::impl::order ask{.where = "auth/logout"};
  http::client_request out = self->request(ask);
  self->accept_tokens({});
  if (!tell) co_return false;
  out.retry = http::retry_policy::never();
  try {
    const http::client_response answer = co_await with_timeout(logout_patience, self->web.send(std::move(out)));
    co_return answer.status / 100 == 2;
  } catch (const std::exception&) {
    co_return false;
  }
}

task<void> patience_after(event& told) {
  co_await told.wait();
  co_await sleep_for(logout_patience);
}

/// The answer to a login is waited for a little while even after the caller was cancelled: it holds tokens, which
/// nobody else could have revoked.
task<http::client_response> answer_of_login(client::impl& self, const client::impl::order& ask) {
  event told;
  const std::stop_callback tell(this_task::stop_token(), [&told] { told.set(); });
  auto first = co_await shield(race(self.attempt(ask), patience_after(told)));
  if (first.index() == 1) this_task::throw_if_cancelled();
  co_return std::get<0>(std::move(first));
}

task<login_outcome> log_in_with(std::shared_ptr<client::impl> self, client handle, json::object form) {
  client::impl::order ask{
      .method = "POST", .where = "auth/login", .body = http::body(json::serialize(form)), .authorized = false};
  ++self->calls_made;
  const http::client_response answer = co_await answer_of_login(*self, ask);
  const failed_call problem = classify(ask, answer);
  const auto parsed = json_of(answer.body);
  const json::object* said = parsed ? parsed->if_object() : nullptr;

  if (answer.status == 200 && said && json::bool_or(*said, "login", false)) {
    tokens fresh{json::string_or(*said, "access_token"), json::string_or(*said, "refresh_token")};
    if (fresh.access.empty()) co_return co_await not_kitsu_outcome(*self, handle);
    login_outcome out = outcome_of(login_status::done);
    out.user = object_or_empty(*said, "user");
    out.organisation = object_or_empty(*said, "organisation");
    out.two_factor_setup_required = json::bool_or(*said, "two_factor_authentication_required", false);
    self->accept_tokens(std::move(fresh));
    self->logged_in = true;
    if (this_task::stop_token().stop_requested()) {
      co_await shield(log_out_of(self));
      this_task::throw_if_cancelled();
    }
    co_return out;
  }
  if (said && json::find(*said, "login") && (answer.status == 400 || answer.status == 401)) {
    if (auto out = refusal_of(*said)) co_return std::move(*out);
    // A server whose database is out of reach, or busy, says the same as one that knows the password to be wrong.
    const server_status state = co_await handle.check_server_status();
    co_return outcome_of(state.is_kitsu && !state.database_up ? login_status::no_database
                                                              : login_status::wrong_password);
  }
  if (answer.status >= 500 && problem.why != failure::not_kitsu) {
    const server_status state = co_await handle.check_server_status();
    if (state.is_kitsu && !state.database_up) co_return outcome_of(login_status::no_database);
    throw request_error(problem);
  }
  if (answer.status < 400 || problem.why == failure::not_kitsu || problem.why == failure::not_found ||
      problem.why == failure::method_not_allowed)
    co_return co_await not_kitsu_outcome(*self, handle);
  throw request_error(problem);
}

task<void> change_password_with(std::shared_ptr<client::impl> self, json::object form) {
  co_await self->call({.method = "PUT",
                       .where = "auth/reset-password",
                       .body = http::body(json::serialize(form)),
                       .authorized = false});
}

void check_not_empty(std::string_view text, const char* name) {
  if (text.empty()) throw error(errc::invalid_argument, std::string(name) + " is empty");
}

} // namespace

task<login_outcome> client::log_in(std::string email, std::string password, second_factor factor) {
  check_not_empty(email, "the e-mail address");
  check_not_empty(password, "the password");
  json::object form{{"email", email}, {"password", password}};
  if (!factor.totp.empty()) form["totp"] = factor.totp;
  if (!factor.email_code.empty()) form["email_otp"] = factor.email_code;
  if (!factor.fido.is_null()) form["fido_authentication_response"] = std::move(factor.fido);
  if (!factor.recovery_code.empty()) form["recovery_code"] = factor.recovery_code;
  check_values("auth/login", form);
  return log_in_with(impl_, *this, std::move(form));
}

task<void> client::send_email_code(std::string email) {
  check_not_empty(email, "the e-mail address");
  return [](std::shared_ptr<impl> self, std::string address) -> task<void> {
    co_await self->call({.where = "auth/email-otp", .parameters = {{"email", address}}, .authorized = false});
  }(impl_, std::move(email));
}

task<void> client::change_default_password(std::string email, std::string reset_token, std::string new_password) {
  check_not_empty(new_password, "the new password");
  return change_password_with(
      impl_, {{"email", email}, {"token", reset_token}, {"password", new_password}, {"password2", new_password}});
}

task<bool> client::log_out() { return log_out_of(impl_); }

} // namespace weir::kitsu
