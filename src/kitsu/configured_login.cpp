#include <weir/core/error.hpp>
#include <weir/kitsu/configured_login.hpp>
#include <weir/offload/threadpool.hpp>

#include <memory>

namespace weir::kitsu {
namespace {

[[noreturn]] void incomplete(const std::string& why) { throw error(errc::not_configured, why); }

std::string without_slash(std::string host) {
  while (host.ends_with('/')) host.pop_back();
  return host;
}

configured_login_result from_store(const std::optional<std::string>& host, const environment& env) {
  const token_store store = token_store::at_usual_place(env);
  auto kept = store.read();
  if (!kept)
    incomplete((host ? "KITSU_HOST is set, and nobody is logged in there"
                     : std::string("there is no login for a Kitsu server")) +
               ": run \"weir kitsu login " + (host ? *host : "https://kitsu.example.com/api") +
               "\", or set KITSU_HOST with KITSU_TOKEN (a bot's), or KITSU_HOST, KITSU_EMAIL and KITSU_PASSWORD");
  if (host && without_slash(*host) != kept->host)
    incomplete("KITSU_HOST is " + *host + ", and the login in " + store.shown() + " is one of " + kept->host +
               ": unset KITSU_HOST, or run \"weir kitsu login " + *host + "\", or set KITSU_TOKEN as well");
  configured_login_result out;
  out.source = login_source::store;
  out.host = kept->host;
  out.email = kept->email;
  out.tokens = kept->tokens;
  out.ca_file = kept->ca_file;
  out.client_certificate_file = kept->client_certificate_file;
  out.allow_plain_http = kept->allow_plain_http;
  out.store = store;
  return out;
}

} // namespace

configured_login_result configured_login(const environment& env) {
  const auto host = env("KITSU_HOST"), token = env("KITSU_TOKEN"), email = env("KITSU_EMAIL"),
             password = env("KITSU_PASSWORD");
  configured_login_result out;
  if (token) {
    if (!host) incomplete("KITSU_TOKEN is set, and KITSU_HOST is missing: set it to the address of the API");
    out.source = login_source::token;
    out.tokens.access = *token;
  } else if (password) {
    if (!host) incomplete("KITSU_PASSWORD is set, and KITSU_HOST is missing: set it to the address of the API");
    if (!email) incomplete("KITSU_PASSWORD is set, and KITSU_EMAIL is missing");
    out.source = login_source::password;
    out.password = *password;
  } else {
    out = from_store(host, env);
  }
  if (out.source != login_source::store) {
    out.host = without_slash(*host);
    if (email) out.email = *email;
  }
  if (const auto file = env("KITSU_CA_FILE")) out.ca_file = *file;
  if (const auto file = env("KITSU_CLIENT_CERTIFICATE")) out.client_certificate_file = *file;
  if (const auto plain = env("KITSU_ALLOW_PLAIN_HTTP"); plain && *plain == "1") out.allow_plain_http = true;
  return out;
}

bool has_configured_login(const environment& env) noexcept {
  try {
    if (env("KITSU_HOST") && (env("KITSU_TOKEN") || (env("KITSU_EMAIL") && env("KITSU_PASSWORD")))) return true;
    return token_store::at_usual_place(env).exists();
  } catch (const std::exception&) {
    return false;
  }
}

namespace {

/// Tokens that somebody has put into the store since: `weir kitsu login` in another terminal.
task<bool> take_newer_tokens(client& studio, token_store store, std::string host, std::string email) {
  const auto kept = co_await run_in_threadpool([&] { return store.read(); });
  const bool ours = kept && kept->host == host && kept->email == email;
  if (!ours || kept->tokens.access == studio.current_tokens().access) co_return false;
  studio.use_tokens(kept->tokens);
  co_return true;
}

/// `refused`: a password that the server no longer takes is not tried again, for each try counts towards a lock.
task<bool> log_in_again(client& studio, std::string email, std::string password, std::shared_ptr<bool> refused) {
  if (*refused) co_return false;
  const bool done = (co_await studio.log_in(std::move(email), std::move(password))).done();
  *refused = !done;
  co_return done;
}

} // namespace

task<client> open_client(configured_login_result login, client_options options,
                         std::function<void(const std::string&)> on_problem) {
  if (!login.ca_file.empty()) options.ca_file = login.ca_file;
  if (!login.client_certificate_file.empty()) options.client_certificate_file = login.client_certificate_file;
  if (login.allow_plain_http) options.allow_plain_http = true;
  if (login.store) {
    options.on_new_tokens = [store = *login.store, of = stored_login{.host = login.host, .email = login.email},
                             on_problem = std::move(on_problem),
                             next = std::move(options.on_new_tokens)](const tokens& fresh) {
      if (next) next(fresh);
      if (fresh.empty()) return; // forgotten here, and valid as before
      try {
        store.renew(of, fresh); // blocks for one small file, once in days
      } catch (const std::exception& problem) {
        if (on_problem) on_problem(problem.what());
      }
    };
  }
  // A program that runs for weeks outlives its refresh token.
  if (!options.on_not_authenticated && login.source == login_source::password)
    options.on_not_authenticated = [email = login.email, password = login.password,
                                    refused = std::make_shared<bool>(false)](client& studio) {
      return log_in_again(studio, email, password, refused);
    };
  if (!options.on_not_authenticated && login.store)
    options.on_not_authenticated = [store = *login.store, host = login.host, email = login.email](client& studio) {
      return take_newer_tokens(studio, store, host, email);
    };
  client studio(login.host, std::move(login.tokens), std::move(options));
  if (login.source == login_source::password) {
    login_outcome outcome = co_await studio.log_in(std::move(login.email), std::move(login.password));
    if (!outcome) throw login_error(std::move(outcome));
  }
  co_return studio;
}

} // namespace weir::kitsu
