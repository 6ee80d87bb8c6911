#include "display_text.hpp"
#include "kitsu.hpp"
#include "kitsu_login_flow.hpp"

#include <weir/core/run.hpp>
#include <weir/core/timeout.hpp>
#include <weir/kitsu/token_store.hpp>

#include <memory>

namespace weir::app {

namespace {

using namespace std::chrono_literals;

/// Has the server revoke the tokens. Returns: what is to be said of it.
task<std::string> revoke(kitsu::stored_login login) {
  if (login.tokens.refresh.empty()) co_return "a bot's token stays valid until its own date; the server revokes none";
  try {
    kitsu::client_options options;
    options.ca_file = login.ca_file;
    options.client_certificate_file = login.client_certificate_file;
    options.allow_plain_http = login.allow_plain_http;
    kitsu::client studio(login.host, login.tokens, options);
    co_await with_timeout(10s, studio.get("auth/logout"));
    co_return "the server has revoked the tokens";
  } catch (const error& problem) {
    co_return std::string("the server could not revoke the tokens, which stay valid for up to 15 days: ") +
        problem.what();
  }
}

int log_out(const command_line& line) {
  const auto store = kitsu::token_store::at_usual_place();
  std::optional<kitsu::stored_login> kept;
  try {
    kept = store.read();
  } catch (const error& problem) {
    tell(std::string("warning: ") + problem.what());
  }
  const bool removed = store.forget(); // first, so that it is gone whatever happens
  std::string host;
  if (kept) {
    host = kept->host;
    tell("logged out of " + harmless(host) + ": " + run(revoke(*kept), by_hand()) + "; " + store.shown() +
         " is removed");
  } else {
    tell(removed ? store.shown() + " is removed" : "nobody is logged in: there is no " + store.shown());
  }
  if (line.compact) print_result(line, {{"host", host}, {"file", store.shown()}, {"removed", removed}});
  return exit_code::ok;
}

} // namespace

void add_kitsu_login_commands(CLI::App& group, command_line& line) {
  auto given = std::make_shared<login_choice>();
  auto* login = add_kitsu_subcommand(group, line, "login", "Log in to a Kitsu server and keep the tokens",
                                     "  weir kitsu login https://kitsu.example.com/api --email ann@example.com\n"
                                     "  pass kitsu | weir kitsu login https://kitsu.example.com/api --email "
                                     "ann@example.com --password-stdin\n"
                                     "  weir kitsu login https://kitsu.example.com/api --bot-token-stdin < token\n"
                                     "The tokens go to ~/.config/weir/kitsu.json (WEIR_KITSU_LOGIN names another "
                                     "file), which is yours alone.",
                                     [given, &line] { return log_in_as(line, *given); });
  login->add_option("host", given->host, "Address of the API, as a rule https://SERVER/api (else KITSU_HOST)");
  login->add_option("--email", given->email, "E-mail address (else KITSU_EMAIL, else asked)");
  auto* code = login->add_option("--code", given->code, "Code of two-factor authentication (else asked)");
  auto* recovery = login->add_option("--recovery-code", given->recovery_code, "One of the recovery codes instead");
  code->excludes(recovery);
  login->add_flag("--send-code", given->send_code, "Have a code sent by e-mail");
  auto* file = login->add_option("--password-file", given->password_file, "File with the password (else asked)");
  auto* input = login->add_flag("--password-stdin", given->password_stdin, "Read the password from standard input");
  auto* bot = login->add_flag("--bot-token-stdin", given->bot_token_stdin, "Read a bot's token from standard input");
  file->excludes(input)->excludes(bot);
  input->excludes(bot);
  login->add_flag("--allow-plain-http", given->allow_plain_http,
                  "Send password and tokens unencrypted to another machine");
  login->add_option("--ca-file", given->ca_file, "PEM file of authorities to trust beside the system's");
  login->add_option("--client-certificate", given->client_certificate_file,
                    "PEM file with certificate and private key, for a server that asks for one");

  add_kitsu_subcommand(group, line, "logout", "Revoke the tokens and remove them from this machine",
                       "  weir kitsu logout", [&line] { return log_out(line); });
}

} // namespace weir::app
