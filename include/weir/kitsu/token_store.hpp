#pragma once

#include <weir/kitsu/login.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace weir::kitsu {

/// Reads one environment variable; a blank one counts as not set.
using environment = std::function<std::optional<std::string>(std::string_view name)>;
/// The environment of this process.
std::optional<std::string> process_environment(std::string_view name);

/// A login as it is kept between two runs of a program. There is no password in it.
struct stored_login {
  std::string host;
  std::string email; ///< empty for a bot
  kitsu::tokens tokens;
  std::string ca_file, client_certificate_file;
  bool allow_plain_http = false;
};

/// The file that keeps one login: `${XDG_CONFIG_HOME:-~/.config}/weir/kitsu.json`, or WEIR_KITSU_LOGIN.
///
/// Whoever reads the file is logged in, so it is its user's alone: it is created with mode 0600, in a folder that is
/// created with mode 0700, and appears whole under its name (files::publication); a file that others may read or write,
/// that somebody else owns, or that is a link is refused, for reading as well as for replacing.
///
/// Texts name the file as `shown()`. Thread-safety: any thread; of two programs that save at once, the later one stays.
/// Cost: blocking (a loop does it by run_in_threadpool).
class token_store {
 public:
  /// Fails: weir::error(not_configured) where neither WEIR_KITSU_LOGIN, XDG_CONFIG_HOME nor HOME is set.
  static token_store at_usual_place(const environment& env = process_environment);
  explicit token_store(std::string file) : token_store(file, file) {}

  /// Returns: the login; nullopt where there is no file.
  /// Fails: permission_denied for a file that is not safe, with what to do; corrupt for one that is no login.
  std::optional<stored_login> read() const;
  /// Creates or replaces the file. Fails: as read; as files::publication; invalid_argument without host or tokens.
  void save(const stored_login& login) const;
  /// Replaces the tokens where the file still holds a login of that host and e-mail address: a refresh that ends after
  /// a logout must not bring the login back. Returns: whether it did. Fails: as save.
  bool renew(const stored_login& of, const tokens& fresh) const;
  /// Removes the file, whatever is in it; a link is removed, not what it leads to. Returns: whether there was one.
  bool forget() const;

  /// Whether there is something under the name. Cost: one system call.
  bool exists() const noexcept;

  const std::string& shown() const noexcept { return shown_; } ///< "~/.config/weir/kitsu.json"

 private:
  token_store(std::string file, std::string shown) : file_(std::move(file)), shown_(std::move(shown)) {}

  std::string file_, shown_;
};

} // namespace weir::kitsu
