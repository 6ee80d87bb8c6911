#pragma once

#include <weir/core/task.hpp>
#include <weir/files/publish.hpp>
#include <weir/http/client.hpp>
#include <weir/json/description.hpp>
#include <weir/kitsu/errors.hpp>
#include <weir/kitsu/login.hpp>
#include <weir/kitsu/query.hpp>
#include <weir/kitsu/transfer.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::kitsu {

class client;

struct client_options {
  /// Most calls under way at once; the rest waits in order. A server gets no faster beyond a handful: its workers are
  /// few, and what it cannot work on only waits there instead of here.
  std::size_t max_calls = 8;
  std::size_t max_transfers = 4; ///< most uploads and downloads under way at once, beside the calls

  /// Send passwords and tokens over http to other machines than this one. Everybody on the way can read them.
  bool allow_plain_http = false;
  std::string ca_file; ///< a PEM file of authorities to trust beside the system's, for a server with its own
  std::string client_certificate_file; ///< a PEM file with certificate and key, for a server that asks for one
  std::optional<std::string> proxy;    ///< see http::session_pool_options

  http::timeouts timeouts{
      .connect = std::chrono::seconds(10), .idle = std::chrono::minutes(2), .total = std::chrono::milliseconds(0)};
  http::timeouts transfer_timeouts{.connect = std::chrono::seconds(10),
                                   .idle = std::chrono::minutes(10), ///< the server encodes a movie while we wait
                                   .total = std::chrono::milliseconds(0)};
  /// A server that restarts is waited for: seven attempts are 8 to 16 seconds. Of a server that has never answered, the
  /// first call tries twice. A 500 is not repeated: it is a fault of the server's code, and comes again.
  http::retry_policy retry{.max_attempts = 7, .repeat_after_500 = false};
  std::uint64_t max_response_bytes = 128ull * 1024 * 1024; ///< of one JSON answer: some 50,000 shots with tasks

  /// Refuses, before they are sent, values that the server is known to store and then to fail on. See check_values.
  bool check_values = true;

  /// Asked once, by one call for all, when the tokens are no longer accepted and cannot be refreshed: it may wait, ask
  /// somebody, and log `client` in again. Returns whether the calls may be tried again.
  std::function<task<bool>(client& client)> on_not_authenticated;
  /// Told each time the tokens change, so that they can be kept. Must not throw.
  std::function<void(const tokens&)> on_new_tokens;

  std::string user_agent = "weir-kitsu"; ///< no browser's: the server gives those their tokens as cookies
};

/// What a client has done since it was made.
struct client_statistics {
  std::uint64_t calls = 0;    ///< of the functions below
  std::uint64_t requests = 0; ///< sent for them: repetitions, pages, refreshes and logins included
  std::uint64_t refreshes = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;
  std::size_t in_flight = 0;
  std::size_t waiting = 0;
};

/// What check_server_status found.
struct server_status {
  bool reachable = false; ///< something answers
  bool is_kitsu = false;  ///< it is a Kitsu API
  bool database_up = false;
  std::string version; ///< of the server, for example "1.0.67"
  json::object parts;  ///< as the server tells: "database-up", "key-value-store-up", ...
  std::string problem; ///< a sentence where something is wrong

  explicit operator bool() const noexcept { return is_kitsu && database_up; }
};

struct fetch_options {
  std::size_t page_size = 1000;       ///< rows a page; some routes have a size of their own
  std::size_t max_parallel_pages = 4; ///< beside client_options::max_calls
};

/// A client of one Kitsu server, on the running loop.
///
///     kitsu::client studio("https://kitsu.example.com/api");
///     const auto outcome = co_await studio.log_in("user@example.com", "secret");
///     if (!outcome) throw kitsu::login_error(outcome);
///     auto [projects, types] = co_await gather(studio.fetch_all("projects/open"), studio.fetch_all("task-types"));
///     co_await studio.log_out();
///
/// A copy is the same client: it shares the login, the connections, the limits and the statistics; there is no state
/// but that. Any number of calls may be started at once: client_options::max_calls are under way, the others wait in
/// order, outside of any time limit.
///
/// Tokens: an expired access token is refreshed by one call for all, and every call that it has hit is repeated once.
/// Repetitions: GET, PUT and DELETE after what client_options::retry says; a POST only where it cannot have reached the
/// server, and after 429.
///
/// Fails (all calls): request_error; weir::error(invalid_argument) for what is refused before it is sent.
/// Cancellation: immediate at any point; what was being sent may have been carried out.
/// Thread-safety: the loop's thread only. Cost: see docs/kitsu.md.
class client {
 public:
  /// `host` is the address of the API, as a rule "https://<server>/api".
  /// Fails: weir::error(invalid_argument) where it is no http or https URL, has a user name, query or fragment, or is
  /// http to another machine without allow_plain_http; and as http::session_pool.
  explicit client(std::string_view host, client_options options = {});
  /// With tokens from an earlier login, or a bot's. They are not revoked by log_out: whoever gave them may use them.
  client(std::string_view host, tokens from, client_options options = {});
  ~client();
  client(const client&);
  client(client&&) noexcept;
  client& operator=(const client&);
  client& operator=(client&&) noexcept;

  // --- who we are

  /// Logs in with e-mail address (or desktop login) and password.
  /// Returns: how it came out; everything that the server can answer is an outcome, not an error.
  /// Fails: invalid_argument for an empty address or password; request_error (unreachable, timeout, ...).
  /// Cancellation: an answer that is under way is waited for, two seconds at most, and its tokens are revoked.
  task<login_outcome> log_in(std::string email, std::string password, second_factor factor = {});
  /// Asks the server to send the code of two-factor authentication by e-mail.
  task<void> send_email_code(std::string email);
  /// Replaces a password that was never changed, after login_status::default_password.
  task<void> change_default_password(std::string email, std::string reset_token, std::string new_password);
  /// Forgets the tokens, and has the server revoke them where they come from log_in. At most two seconds.
  /// Returns: whether the server was told. Never fails.
  task<bool> log_out();

  const tokens& current_tokens() const noexcept;
  void use_tokens(tokens from);
  const std::string& host() const noexcept; ///< without "/" at its end

  /// Returns: the user of the tokens. Not for bots on every version of the server.
  task<json::object> get_current_user();
  /// Asks who answers, and whether its parts work; needs no login. Never fails.
  task<server_status> check_server_status();

  // --- requests: the path counts from the API's root ("data/tasks")

  /// Returns: the parsed answer; null for an empty one.
  task<json::value> get(path where, query parameters = {});
  task<json::value> post(path where, json::value body = json::object{}, query parameters = {});
  task<json::value> put(path where, json::value body = json::object{}, query parameters = {});
  task<json::value> del(path where, query parameters = {});
  /// Returns: the answer as it is, for routes that do not answer JSON (CSV).
  task<std::string> get_text(path where, query parameters = {});

  template <json::described T>
  task<T> get(path where, query parameters = {});
  /// For routes that answer a list in one piece. Of each entry only what T names is ever in memory: the way to ask for
  /// many thousands. Fails: also weir::error(invalid_argument) where the answer is no list.
  template <json::described T>
  task<std::vector<T>> get_list(path where, query parameters = {});
  template <json::described T>
  task<json::value> post(path where, const T& body, query parameters = {}) {
    return post(std::move(where), json::value(T::described().to_json(body)), std::move(parameters));
  }
  template <json::described T>
  task<json::value> put(path where, const T& body, query parameters = {}) {
    return put(std::move(where), json::value(T::described().to_json(body)), std::move(parameters));
  }

  // --- models: the path counts from "data/" ("tasks", "projects/open")

  /// Fetches a whole list: the first page, then the others several at once. In the server's order, without duplicates
  /// (rows move from page to page while they are read: what was missed is read again). Routes that know no pages answer
  /// at once. A list among the parameters with over 80 members goes in several requests, for the server's limit on a
  /// request line. A name with "_" or "%", which the server takes as wildcards, is compared again here.
  /// Fails: also errc::unavailable where a list changes so fast that it cannot be had whole.
  task<json::array> fetch_all(path model, query parameters = {}, fetch_options options = {});
  /// Returns: the first row, of which alone is asked for; nullopt where there is none.
  task<std::optional<json::object>> fetch_first(path model, query parameters = {});
  /// Returns: the entry; nullopt where there is none (404). Fails: also where the id is no id at all.
  task<std::optional<json::object>> fetch_one(path model, std::string_view id, query parameters = {});
  task<json::object> create(path model, json::object data);
  task<json::object> update(path model, std::string_view id, json::object data);

  template <json::described T>
  task<std::vector<T>> fetch_all(path model, query parameters = {}, fetch_options options = {});
  template <json::described T>
  task<std::optional<T>> fetch_first(path model, query parameters = {});
  template <json::described T>
  task<std::optional<T>> fetch_one(path model, std::string_view id, query parameters = {});

  // --- whole productions: one request

  /// Streams the shots of a project, each with its tasks under "tasks", row by row as they come: `on_shot` is awaited
  /// for each one, and nothing more is read meanwhile than fits a buffer. An empty `project_id` means all open
  /// projects. Source: the server's with-tasks route, compact and streamed; older servers answer in one piece.
  /// Fails: also with what `on_shot` threw. Not repeated once a shot has been handed over.
  task<void> shots_with_tasks(std::string_view project_id, std::function<task<void>(json::object shot)> on_shot);
  /// As above, collected.
  task<json::array> shots_with_tasks(std::string_view project_id);

  // --- files (transfer.hpp)

  /// Sends files as a form, streamed from the disk. See upload_options.
  /// Returns: the parsed answer. For a preview, success is its "status": "ready"; "processing" comes before, and
  /// "broken" is a file that the server could not read.
  /// Fails: invalid_argument, before anything is sent, for a missing or an empty file.
  task<json::value> upload(path where, upload_source file, upload_options options = {});
  /// Downloads to `name` in `to`: invisible until it is whole, resumed where it broke off, also by a later process.
  /// Fails: also as files::publication. An error's answer is never stored; an existing file stays as it is.
  task<download_outcome> download(path where, files::root to, std::string name, download_options options = {});

  client_statistics statistics() const;
  const client_options& options() const noexcept;

  // For the rest of this room.
  struct impl;
  impl& self() const noexcept { return *impl_; }

 private:
  task<json::value> get_named(path where, query parameters, const json::structure_info& only, json::entries of);
  task<json::array> fetch_named(path model, query parameters, fetch_options options, const json::structure_info* only);
  static const json::array& list_in(const json::value& answer);

  explicit client(std::shared_ptr<impl> shared_with) noexcept;

  std::shared_ptr<impl> impl_;
};

/// Checks what is about to be sent to `where` for values that the server stores and then fails on: words that a column
/// does not take, where the server does not look (the status of a shot, asset, sequence, episode, scene, edit or
/// concept; status and validation_status of a preview; position and seniority of a person; ...), after which every list
/// with the entry answers 500 and no call can mend it; and texts with a NUL character.
/// Fails: weir::error(invalid_argument) with the field and what is allowed.
void check_values(const path& where, const json::value& body);

template <json::described T>
task<T> client::get(path where, query parameters) {
  const auto& description = T::described();
  const json::value answer =
      co_await get_named(std::move(where), std::move(parameters), *description.structure(), json::entries::the_whole);
  co_return description.from_answer(answer);
}

template <json::described T>
task<std::vector<T>> client::get_list(path where, query parameters) {
  const auto& description = T::described();
  const json::value answer =
      co_await get_named(std::move(where), std::move(parameters), *description.structure(), json::entries::in_list);
  std::vector<T> all;
  all.reserve(list_in(answer).size());
  for (const json::value& each : list_in(answer)) all.push_back(description.from_answer(each));
  co_return all;
}

template <json::described T>
task<std::vector<T>> client::fetch_all(path model, query parameters, fetch_options options) {
  const json::array rows =
      co_await fetch_named(std::move(model), std::move(parameters), options, T::described().structure().get());
  std::vector<T> all;
  all.reserve(rows.size());
  for (const json::value& row : rows) all.push_back(T::described().from_answer(row));
  co_return all;
}

template <json::described T>
task<std::optional<T>> client::fetch_first(path model, query parameters) {
  const auto row = co_await fetch_first(std::move(model), std::move(parameters));
  if (!row) co_return std::nullopt;
  co_return T::described().from_answer(*row);
}

template <json::described T>
task<std::optional<T>> client::fetch_one(path model, std::string_view id, query parameters) {
  const auto row = co_await fetch_one(std::move(model), id, std::move(parameters));
  if (!row) co_return std::nullopt;
  co_return T::described().from_answer(*row);
}

} // namespace weir::kitsu
