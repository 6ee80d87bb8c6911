#pragma once

#include <weir/core/task.hpp>
#include <weir/kitsu/client.hpp>
#include <weir/kitsu/token_store.hpp>

#include <functional>
#include <optional>
#include <string>

namespace weir::kitsu {

/// Where a login comes from.
enum class login_source {
  token,    ///< KITSU_HOST and KITSU_TOKEN: a bot's
  password, ///< KITSU_HOST, KITSU_EMAIL and KITSU_PASSWORD
  store,    ///< the file of `weir kitsu login`
};

/// A login that somebody has configured, and what a client of it needs.
struct configured_login_result {
  login_source source = login_source::store;
  std::string host;
  std::string email;    ///< may be empty
  std::string password; ///< of login_source::password
  kitsu::tokens tokens; ///< of the others
  std::string ca_file, client_certificate_file;
  bool allow_plain_http = false;
  std::optional<token_store> store; ///< of login_source::store: where new tokens belong
};

/// Returns: the login of this program: from the environment (KITSU_HOST with KITSU_TOKEN, or with KITSU_EMAIL and
/// KITSU_PASSWORD; KITSU_CA_FILE; KITSU_CLIENT_CERTIFICATE; KITSU_ALLOW_PLAIN_HTTP=1), else from the token store.
/// KITSU_HOST alone must be the host of the store: tokens never go to another server than their own. Fails:
/// weir::error(not_configured) with what is missing and what to do; as token_store::read. Cost: blocking.
configured_login_result configured_login(const environment& env = process_environment);

/// Returns: whether configured_login would find one, as far as can be told without opening a file. Cost: one system
/// call.
bool has_configured_login(const environment& env = process_environment) noexcept;

/// Returns: a client of that login. `options` are completed by the login's files and allow_plain_http; refreshed
/// tokens are written back to the store, and `on_problem` is told where that fails (the client goes on). With
/// login_source::password it logs in, and again when its tokens can be renewed no more; log_out at the end revokes that
/// login, and no other. With login_source::store it takes newer tokens from the file where its own are refused.
/// Fails: as client; login_error.
task<client> open_client(configured_login_result login, client_options options = {},
                         std::function<void(const std::string&)> on_problem = {});

} // namespace weir::kitsu
