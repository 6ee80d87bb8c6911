#pragma once

#include "command_line.hpp"

#include <weir/kitsu/client.hpp>

#include <optional>
#include <string>

namespace weir::app {

/// How somebody wants to log in.
struct login_choice {
  std::string host, email, code, recovery_code, password_file, ca_file, client_certificate_file;
  bool password_stdin = false, bot_token_stdin = false, send_code = false, allow_plain_http = false;
};

/// Logs in as chosen, asks on the terminal for what is missing, and keeps the tokens. Returns: the exit code.
int log_in_as(const command_line& line, const login_choice& chosen);

/// What somebody should do after a login that came out as `outcome`, which is not done.
std::string advice_on(const kitsu::login_outcome& outcome);

} // namespace weir::app
