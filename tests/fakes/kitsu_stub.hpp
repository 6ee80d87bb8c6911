#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::fakes {

/// A request as a kitsu_stub got it.
struct stub_request {
  std::string method;
  /// Below the API's root, percent-encoded as it came: "data/tasks".
  std::string path;
  std::string query;
  /// Decoded; of a repeated name the last.
  std::map<std::string, std::string> parameters;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  int connection = 0;

  /// Returns the first header of this name (any case), or "".
  std::string header(std::string_view name) const;
  std::string parameter(std::string_view name, std::string otherwise = "") const;
};

struct stub_answer {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;
  /// Gives the pieces of a body that follows `body`, until an empty one; sent in chunks.
  std::function<std::string()> more;
  /// Resets the connection instead of answering, or after `more`.
  bool reset = false;
};

using stub_function = std::function<stub_answer(const stub_request&)>;

struct stub_tokens {
  std::string access, refresh;
};

/// One way in which the login route of a Kitsu server answers.
struct stub_login {
  std::string name;
  stub_answer answer;
};
/// Returns every answer that a server is known to give to a login, but the successful one.
std::vector<stub_login> stub_logins();

/// A row of a list: its id and the whole object as JSON.
struct stub_row {
  std::string id, json;
};
/// Returns `count` rows with the ids "<prefix>0", "<prefix>1", ... and a name each.
std::vector<stub_row> stub_rows(std::size_t count, std::string_view prefix = "row-");

/// A stand-in for a Kitsu server that does what a test wants: a table of answers, beside the routes about logins, which
/// it has by itself. It answers as zou does: expired tokens 401 {"message": "Signature has expired"}, unknown ones 422
/// {"msg"}, none 401 {"msg"}; refreshing gives a new access token and keeps the refresh token.
/// Thread-safety: all calls from any thread; functions of the table run on the threads of connections, several at once.
class kitsu_stub {
 public:
  kitsu_stub();
  ~kitsu_stub();
  kitsu_stub(const kitsu_stub&) = delete;
  kitsu_stub& operator=(const kitsu_stub&) = delete;

  int port() const;
  /// Returns "http://127.0.0.1:PORT/api".
  std::string host() const;

  /// What is answered there; a later call replaces an earlier one, and the routes that are there by themselves. An
  /// empty method is any. Routes need a valid token unless they are `open`.
  void answer(std::string method, std::string path, stub_function how, bool open = false);
  void answer(std::string method, std::string path, stub_answer what, bool open = false);
  void answer(std::string method, std::string path, std::string json, bool open = false);

  /// A paged list at data/<model>, as the CRUD routes answer: `before_page` may move rows each time before a page is
  /// made (its number, from 1; 0 for an unpaged request).
  void list(std::string model, std::vector<stub_row> rows,
            std::function<void(std::size_t page, std::vector<stub_row>& rows)> before_page = {});
  /// A file with ETag, Last-Modified, Content-Length and single ranges, as Flask's send_file answers.
  void file(std::string path, std::string content, std::string etag = "\"v1\"");

  // --- logins

  /// Tokens of a person, valid.
  stub_tokens issue();
  /// A bot's: it cannot be refreshed.
  std::string issue_bot();
  /// Every access token is good for so many calls; 0: for ever.
  void expire_after(std::uint64_t calls);
  /// All access tokens that are out there are expired from now on.
  void expire_all();
  /// Refresh tokens are revoked from now on.
  void revoke_refresh_tokens();
  /// What refreshing takes.
  void delay_refresh(std::chrono::milliseconds time);
  /// The answer for this e-mail address; without one, any password is right.
  void set_login(std::string email, stub_answer answer);

  std::uint64_t refreshes() const;
  std::uint64_t logins() const;
  std::uint64_t logouts() const;
  bool is_valid(const std::string& access) const;

  // --- what came

  std::vector<stub_request> requests() const;
  /// The paths are compared as a whole.
  std::size_t count(std::string_view method, std::string_view path) const;
  std::vector<stub_request> requests_to(std::string_view method, std::string_view path) const;
  std::size_t max_in_flight() const;
  int connections() const;
  void forget_requests();

 private:
  struct state;
  std::unique_ptr<state> state_;
};

} // namespace weir::fakes
