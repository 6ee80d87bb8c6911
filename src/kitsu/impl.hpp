#pragma once

#include "kitsu/answer.hpp"

#include <weir/core/event.hpp>
#include <weir/core/limiter.hpp>
#include <weir/http/client.hpp>
#include <weir/kitsu/client.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <string>

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
    std::string accept = "application/json";
    bool authorized = true; ///< with the access token, and again with a new one where it has expired
    std::string bearer;     ///< with this token instead
    bool transfer = false;  ///< counts as an upload or download
    std::function<void(std::uint64_t, std::uint64_t)> on_upload_progress;

    /// Whether sending it twice does no harm. What is put below data/ replaces values; actions may add something.
    bool repeatable() const;
  };

  /// Sends until it has an answer with a status of success. Fails: request_error.
  task<http::client_response> send(order what);
  /// As send, once, whatever the status, and without renewing tokens. Fails: request_error where no answer came.
  task<http::client_response> attempt(const order& what);
  /// Sends and parses. An empty answer is null.
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
