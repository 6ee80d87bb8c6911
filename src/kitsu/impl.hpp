#pragma once

#include "kitsu/answer.hpp"

#include <weir/core/event.hpp>
#include <weir/core/limiter.hpp>
#include <weir/http/client.hpp>
#include <weir/json/field_info.hpp>
#include <weir/kitsu/client.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace weir::kitsu {

/// Everything that the copies of a client share.
struct client::impl : std::enable_shared_from_this<client::impl> {
  impl(std::string_view address, tokens from, client_options wanted);

  /// One request below the API's root.
  struct order {
    std::string method = "GET";
    path where{""};
    query parameters;
    http::body body;
    std::string_view accept = "application/json"; ///< a literal
    bool authorized = true; ///< with the access token, and again with a new one where it has expired
    std::string bearer;     ///< with this token instead
    bool transfer = false;  ///< counts as an upload or download
    std::function<void(std::uint64_t, std::uint64_t)> on_upload_progress;
    const json::structure_info* only = nullptr; ///< of the answer's entries, keep only the members that it names
    json::entries only_of = json::entries::in_list;

    /// Whether sending it twice does no harm. What is put below data/ replaces values; actions may add something.
    bool repeatable() const;
  };

  /// Its turn: the limiter's permit. Whoever starts a call counts it and waits here first, with nothing more in memory
  /// than the order: thousands may be waiting.
  limiter::waiter turn(const order& what) {
    ++calls_made;
    return limit_of(what).acquire();
  }
  /// Sends until it has an answer with a status of success. `turn` is given back with it. Fails: request_error.
  task<http::client_response> send(const order& what, permit turn);
  /// As send, once, whatever the status, and without renewing tokens. Fails: request_error where no answer came.
  task<http::client_response> attempt(const order& what);
  /// Sends and parses. An empty answer is null.
  task<json::value> call(const order& what, permit turn);
  /// As above, with the turn.
  task<json::value> call(order what);

  http::client_request request(const order& what) const;
  limiter& limit_of(const order& what) { return what.transfer ? transfers : calls; }

  /// Waits while the tokens are being renewed: with the old ones a call would only be refused.
  task<void> wait_for_renewal();
  /// Renews the tokens, which were refused as number `used`: once for all who ask. Returns: whether there are newer
  /// ones. Fails: request_error where the server cannot be asked.
  task<bool> renew(unsigned used);
  void accept_tokens(tokens fresh);
  /// The answer's JSON, parsed on a pool thread where it is long.
  task<json::value> parsed(const order& what, http::client_response answer) const;
  json::value parse(const order& what, const http::client_response& answer) const;

  const std::string host;
  const client_options options;
  http::client web;
  limiter calls, transfers;

  tokens now;
  unsigned generation = 0;                   ///< counts the changes of `now`
  std::optional<unsigned> cannot_be_renewed; ///< that generation
  bool answered = false;                     ///< the server has, once
  bool logged_in = false;                    ///< the tokens come from log_in

  std::uint64_t calls_made = 0;
  std::uint64_t refreshes = 0;

 private:
  /// A renewal that is under way.
  struct renewal {
    unsigned of = 0; ///< the generation that is being renewed
    event ended;
    std::exception_ptr failure;
  };
  task<void> renew_now(unsigned used);
  task<bool> refresh();

  std::shared_ptr<renewal> renewing_;
};

/// What went wrong with `answer` to `what`.
failed_call classify(const client::impl::order& what, const http::client_response& answer);

} // namespace weir::kitsu
