#pragma once

#include <weir/core/error.hpp>
#include <weir/json/value.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::kitsu {

/// What lets a client in. A bot has an access token only, which is valid until the bot's own date.
struct tokens {
  std::string access;
  std::string refresh; ///< makes new access tokens; may be empty

  bool empty() const noexcept { return access.empty() && refresh.empty(); }
};

/// The proof beside the password, for accounts with two-factor authentication; one of them.
struct second_factor {
  std::string totp;          ///< six digits of an authenticator application
  std::string email_code;    ///< six digits of an e-mail; see client::send_email_code
  std::string recovery_code; ///< works once
  json::value fido;          ///< the browser's answer to a FIDO challenge; null for none
};

/// How a login came out.
enum class login_status {
  done,
  code_wanted,      ///< two-factor authentication: log in again with one of login_outcome::factors
  wrong_code,       ///< the code is not right, or no longer
  locked,           ///< too many failures; see locked_for
  disabled,         ///< the account is switched off
  wrong_password,   ///< or unknown user: the server does not say which
  default_password, ///< the password was never changed: see client::change_default_password
  no_database,      ///< the server runs but cannot reach its database
  not_kitsu,        ///< something answers at this address, but no Kitsu API; see message
};

/// The lower-case name of `what`, for example "wrong_code".
std::string_view to_string(login_status what) noexcept;

/// What the server answered to a login.
struct login_outcome {
  login_status status = login_status::wrong_password;
  json::object user;         ///< where done
  json::object organisation; ///< where done

  std::vector<std::string> factors; ///< where code_wanted: "totp", "email_otp", "fido", "recovery_code"
  std::string preferred_factor;     ///< where code_wanted; may be empty

  /// Where locked: the longest that it lasts. The server counts one minute from the last failure and does not tell how
  /// much of it is left (zou, auth service, the lock after five failures).
  std::optional<std::chrono::seconds> locked_for;

  std::string reset_token; ///< where default_password: for client::change_default_password, valid for two hours
  /// Where done: the server demands two-factor authentication of this account, and nothing else works before.
  bool two_factor_setup_required = false;
  std::string message; ///< a sentence for people: what it means and what to do

  bool done() const noexcept { return status == login_status::done; }
  explicit operator bool() const noexcept { return done(); }
};

/// Thrown by create_session where the login came out as anything but done. code(): permission_denied; not_configured
/// for no_database and not_kitsu.
class login_error : public error {
 public:
  explicit login_error(login_outcome outcome);
  const login_outcome& outcome() const noexcept { return outcome_; }

 private:
  login_outcome outcome_;
};

} // namespace weir::kitsu
