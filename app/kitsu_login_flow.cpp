#include "kitsu_login_flow.hpp"

#include "display_text.hpp"
#include "kitsu.hpp"
#include "terminal.hpp"
#include "text_argument.hpp"

#include <weir/core/run.hpp>
#include <weir/kitsu/token_store.hpp>

#include <algorithm>
#include <filesystem>

namespace weir::app {

namespace {

constexpr int max_codes = 3; // the server locks the account after five failures

kitsu::client_options options_of(const login_choice& chosen) {
  kitsu::client_options options;
  options.allow_plain_http = chosen.allow_plain_http;
  options.ca_file = chosen.ca_file;
  options.client_certificate_file = chosen.client_certificate_file;
  return options;
}

bool has(const kitsu::login_outcome& outcome, std::string_view factor) {
  return std::find(outcome.factors.begin(), outcome.factors.end(), factor) != outcome.factors.end();
}

bool is_six_digits(const std::string& text) {
  return text.size() == 6 && text.find_first_not_of("0123456789") == text.npos;
}

/// One session with the server a run: between two of them somebody may be asked, for as long as that takes.
class login {
 public:
  login(const command_line& line, const login_choice& chosen, std::string password)
      : line_(line), chosen_(chosen), password_(std::move(password)) {}

  int perform() {
    kitsu::login_outcome outcome = attempt({});
    if (outcome.status == kitsu::login_status::code_wanted) outcome = with_code(std::move(outcome));
    return outcome ? keep(outcome) : refuse(outcome);
  }

 private:
  kitsu::login_outcome attempt(kitsu::second_factor factor) {
    return run(
        [](login& self, kitsu::second_factor with) -> task<kitsu::login_outcome> {
          kitsu::client studio(self.chosen_.host, options_of(self.chosen_));
          auto outcome = co_await studio.log_in(self.chosen_.email, self.password_, std::move(with));
          self.host_ = studio.host();
          self.tokens_ = studio.current_tokens();
          co_return outcome; // the tokens stay valid: nobody logs out
        }(*this, std::move(factor)),
        by_hand());
  }

  void send_code() {
    run(
        [](login& self) -> task<void> {
          kitsu::client studio(self.chosen_.host, options_of(self.chosen_));
          co_await studio.send_email_code(self.chosen_.email);
        }(*this),
        by_hand());
    sent_ = true;
    tell("a code was sent to " + chosen_.email);
  }

  kitsu::second_factor factor_of(const std::string& code, const kitsu::login_outcome& wanted) const {
    if (!is_six_digits(code)) return {.recovery_code = code};
    const bool by_mail =
        sent_ || !has(wanted, "totp") || (wanted.preferred_factor == "email_otp" && has(wanted, "email_otp"));
    return by_mail ? kitsu::second_factor{.email_code = code} : kitsu::second_factor{.totp = code};
  }

  kitsu::login_outcome with_code(kitsu::login_outcome wanted) {
    if (!chosen_.recovery_code.empty()) return attempt({.recovery_code = chosen_.recovery_code});
    if (!chosen_.code.empty()) return attempt(factor_of(chosen_.code, wanted));
    if (chosen_.send_code) send_code();
    if (!can_ask()) return wanted;
    if (has(wanted, "fido") && wanted.factors.size() <= 2)
      tell("this account uses a security key, which only a browser can ask; a recovery code works here");
    for (int asked = 1;; ++asked) {
      const bool may_send = has(wanted, "email_otp") && !sent_;
      const std::string code = ask_secret(std::string("Code, or recovery code") +
                                          (may_send ? " (nothing: have a code sent by e-mail): " : ": "));
      if (code.empty() && may_send) {
        send_code();
        --asked;
        continue;
      }
      if (code.empty()) return wanted;
      auto outcome = attempt(factor_of(code, wanted));
      if (outcome.status != kitsu::login_status::wrong_code || asked == max_codes) return outcome;
      tell(outcome.message);
    }
  }

  int keep(const kitsu::login_outcome& outcome) {
    const auto store = kitsu::token_store::at_usual_place();
    store.save({.host = host_,
                .email = chosen_.email,
                .tokens = tokens_,
                .ca_file = chosen_.ca_file,
                .client_certificate_file = chosen_.client_certificate_file,
                .allow_plain_http = chosen_.allow_plain_http});
    const std::string name = harmless(json::string_or(outcome.user, "full_name", chosen_.email));
    tell("logged in to " + host_ + " as " + name + "; the tokens are in " + store.shown());
    if (outcome.two_factor_setup_required)
      tell("this account must set up two-factor authentication, in Kitsu, before anything else works");
    if (line_.compact)
      print_result(line_, {{"host", host_},
                           {"email", chosen_.email},
                           {"full_name", json::string_or(outcome.user, "full_name")},
                           {"role", json::string_or(outcome.user, "role")},
                           {"file", store.shown()},
                           {"two_factor_setup_required", outcome.two_factor_setup_required}});
    return exit_code::ok;
  }

  int refuse(const kitsu::login_outcome& outcome) {
    const kitsu::login_error why(outcome);
    const std::string text = outcome.message + ". " + advice_on(outcome);
    envelope answer = failed(line_.command, classify(why).type, text, classify(why).code);
    answer.extras["login"] = std::string(to_string(outcome.status));
    if (line_.compact) print(answer, false);
    tell("error (" + answer.error_type + "): " + text);
    return answer.code;
  }

  const command_line& line_;
  const login_choice& chosen_;
  std::string password_;
  std::string host_;
  kitsu::tokens tokens_;
  bool sent_ = false; ///< a code by e-mail
};

int keep_bot(const command_line& line, const login_choice& chosen, const std::string& token) {
  if (token.empty()) throw error(errc::invalid_argument, "there is no token on standard input");
  std::string host;
  const auto projects = run(
      [](const login_choice& from, std::string given, std::string& to) -> task<std::size_t> {
        kitsu::client studio(from.host, kitsu::tokens{std::move(given), ""}, options_of(from));
        to = studio.host();
        co_return (co_await studio.fetch_all("projects/open")).size(); // refused where the token does not count
      }(chosen, token, host),
      by_hand());
  const auto store = kitsu::token_store::at_usual_place();
  store.save({.host = host,
              .email = "",
              .tokens = {token, ""},
              .ca_file = chosen.ca_file,
              .client_certificate_file = chosen.client_certificate_file,
              .allow_plain_http = chosen.allow_plain_http});
  tell("the bot's token works at " + host + " (" + std::to_string(projects) + " open projects); it is in " +
       store.shown());
  if (line.compact) print_result(line, {{"host", host}, {"bot", true}, {"file", store.shown()}});
  return exit_code::ok;
}

std::string password_of(const login_choice& chosen) {
  if (chosen.password_stdin) return text_argument("-");
  if (!chosen.password_file.empty())
    return text_argument((chosen.password_file.starts_with('@') ? "@./" : "@") + chosen.password_file);
  if (can_ask()) return ask_secret("Password of " + chosen.email + ": ");
  throw error(errc::invalid_argument, "the password is missing: run this on a terminal, which asks for it, or give "
                                      "--password-stdin or --password-file (it is never an argument: others could "
                                      "read it in the list of processes)");
}

/// Before anything is asked: whether the tokens could be kept.
void check_store() {
  try {
    kitsu::token_store::at_usual_place().read();
  } catch (const error& problem) {
    if (problem.code() != errc::corrupt) throw; // which is replaced
  }
}

/// What stands between us and the server, where something does.
std::string about_proxy() {
  for (const char* name : {"https_proxy", "HTTPS_PROXY", "http_proxy", "all_proxy", "ALL_PROXY"})
    if (kitsu::process_environment(name))
      return std::string(". The proxy of ") + name + " is used; NO_PROXY=<the host's name> goes around it";
  return {};
}

} // namespace

std::string advice_on(const kitsu::login_outcome& outcome) {
  using kitsu::login_status;
  switch (outcome.status) {
  case login_status::done:
    break;
  case login_status::code_wanted: {
    std::string text = "Log in again with --code CODE or --recovery-code CODE";
    if (has(outcome, "email_otp")) text += "; --send-code has a code sent by e-mail first";
    return text;
  }
  case login_status::wrong_code:
    return "Wait for the next code of your application (30 seconds) and log in again; a recovery code works once";
  case login_status::locked: {
    const auto seconds = outcome.locked_for.value_or(std::chrono::seconds(60)).count();
    return "Wait " + std::to_string(seconds) + " seconds and log in again";
  }
  case login_status::disabled:
    return "Ask who administers this Kitsu to switch the account on";
  case login_status::wrong_password:
    return "Check both; the login page of Kitsu can send a link for a new password";
  case login_status::default_password:
    return "Log in once in a browser, which asks for a new password, and then here";
  case login_status::no_database:
    return "Nothing is wrong with the password: try again later, or tell who runs the server";
  case login_status::not_kitsu:
    return "The address of the API ends in \"/api\" as a rule: https://kitsu.example.com/api";
  }
  return {};
}

int log_in_as(const command_line& line, const login_choice& given) {
  login_choice chosen = given;
  try {
    // They are kept with the login, for commands that run in other folders.
    for (std::string* file : {&chosen.ca_file, &chosen.client_certificate_file})
      if (!file->empty()) *file = std::filesystem::absolute(*file).lexically_normal().string();
    if (chosen.host.empty()) chosen.host = kitsu::process_environment("KITSU_HOST").value_or("");
    check_store();
    if (chosen.bot_token_stdin) return keep_bot(line, chosen, text_argument("-"));
    if (chosen.email.empty()) chosen.email = kitsu::process_environment("KITSU_EMAIL").value_or("");
    if (chosen.email.empty() && can_ask()) chosen.email = ask("E-mail address: ");
    if (chosen.email.empty()) throw error(errc::invalid_argument, "the e-mail address is missing: give --email");
    return login(line, chosen, password_of(chosen)).perform();
  } catch (const kitsu::request_error& problem) {
    if (problem.why() != kitsu::failure::gateway && problem.why() != kitsu::failure::unreachable &&
        problem.why() != kitsu::failure::timeout)
      throw;
    throw error(problem.code(), problem.what() + about_proxy());
  }
}

} // namespace weir::app
