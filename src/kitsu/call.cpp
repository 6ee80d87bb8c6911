#include "kitsu/host.hpp"
#include "kitsu/impl.hpp"

#include <weir/offload/threadpool.hpp>

#include <algorithm>

namespace weir::kitsu {
namespace {

/// Longer answers are parsed on a pool thread: a megabyte takes some 5 ms.
constexpr std::size_t parsed_on_the_loop_bytes = 128 * 1024;

/// The longest request line of the server in front of the API (gunicorn: 4094 bytes), less method, prefix and version.
constexpr std::size_t max_target_bytes = 4000;

std::shared_ptr<http::session_pool> pool_for(const client_options& options) {
  http::session_pool_options pool;
  // The limits are the client's own; beside those there are logins, refreshes, and lists that are being streamed.
  pool.max_connections_per_host = options.max_calls + options.max_transfers + 256;
  pool.max_connections = pool.max_connections_per_host;
  pool.ca_file = options.ca_file;
  pool.client_certificate_file = options.client_certificate_file;
  pool.proxy = options.proxy;
  return std::make_shared<http::session_pool>(std::move(pool));
}

http::client_options web_options(const client_options& options) {
  http::client_options web;
  web.timeouts = options.timeouts;
  web.retry = options.retry;
  web.user_agent = options.user_agent;
  web.max_response_bytes = options.max_response_bytes;
  return web;
}

} // namespace

client::impl::impl(std::string_view address, tokens from, client_options wanted)
    : host(checked_host(address, wanted.allow_plain_http)), options(std::move(wanted)),
      web(pool_for(options), web_options(options)), calls(options.max_calls, "kitsu calls"),
      transfers(options.max_transfers, "kitsu transfers"), now(std::move(from)) {
  if (options.max_calls == 0 || options.max_transfers == 0)
    throw error(errc::invalid_argument, "max_calls and max_transfers of a client are 1 at least");
}

bool client::impl::order::repeatable() const {
  return method == "GET" || method == "HEAD" || method == "DELETE" ||
         (method == "PUT" && where.text().starts_with("data/"));
}

failed_call classify(const client::impl::order& what, const http::client_response& answer) {
  return classify({.method = what.method,
                   .path = what.where.text(),
                   .status = answer.status,
                   .content_type = std::string(answer.headers.get("Content-Type").value_or("")),
                   .location = std::string(answer.headers.get("Location").value_or("")),
                   .body = answer.body,
                   .attempts = answer.attempts});
}

http::client_request client::impl::request(const order& what) const {
  http::client_request out;
  out.method = what.method;
  out.url.reserve(host.size() + 1 + what.where.text().size());
  out.url.append(host).append("/").append(what.where.text());
  const std::string parameters = what.parameters.encoded();
  if (!parameters.empty()) out.url += "?" + parameters;
  if (out.url.size() - host.size() > max_target_bytes)
    throw error(errc::invalid_argument, what.method + " " + what.where.text() + ": path and parameters are " +
                                            std::to_string(out.url.size() - host.size()) +
                                            " bytes long, and servers take some " + std::to_string(max_target_bytes) +
                                            "; ask with fewer values (fetch_all divides lists by itself)");
  out.headers.reserve(3);
  out.headers.add("Accept", what.accept);
  const std::string& bearer = what.authorized ? now.access : what.bearer;
  if (!bearer.empty()) out.headers.add("Authorization", "Bearer " + bearer);
  out.body = what.body;
  if (what.body.has_value() && what.body.content_type().empty()) out.headers.add("Content-Type", "application/json");
  out.idempotent = what.repeatable();
  out.max_redirects = 0;
  out.retry = options.retry;
  if (!answered) out.retry->max_attempts = std::min(out.retry->max_attempts, 2);
  out.timeouts = what.transfer ? options.transfer_timeouts : options.timeouts;
  out.on_upload_progress = what.on_upload_progress;
  return out;
}

task<http::client_response> client::impl::attempt(const order& what) {
  try {
    http::client_response answer = co_await web.send(request(what));
    answered = true;
    co_return answer;
  } catch (const http::transport_error& problem) {
    throw request_error(classify(problem, what.method, what.where.text()));
  } catch (const http::status_error& refused) {
    failed_call call = classify(refusal{.method = what.method, .path = what.where.text(), .status = refused.status()});
    call.message = refused.what();
    throw request_error(std::move(call));
  }
}

task<http::client_response> client::impl::send(const order& what, permit turn) {
  for (bool renewed = false;; renewed = true) {
    if (what.authorized) co_await wait_for_renewal();
    const unsigned used = generation;
    http::client_response answer = co_await attempt(what);
    turn.release();
    if (answer.status / 100 == 2) co_return answer;
    failed_call refused = classify(what, answer);
    // A DELETE whose first answer was lost finds nothing left to delete.
    if (what.method == "DELETE" && answer.status == 404 && answer.attempts > 1) co_return http::client_response{};
    const bool may_renew = what.authorized && !renewed && refused.why == failure::not_authenticated;
    if (!may_renew || !co_await renew(used)) throw request_error(std::move(refused));
    turn = co_await limit_of(what).acquire();
  }
}

json::value client::impl::parse(const order& what, const http::client_response& answer) const {
  if (answer.body.empty()) return nullptr;
  const json::parse_limits limits{.max_bytes = static_cast<std::size_t>(options.max_response_bytes),
                                  .max_values = static_cast<std::size_t>(options.max_response_bytes / 8)};
  const auto strange = [&](const std::string& message) {
    return not_kitsu({.method = what.method,
                      .path = what.where.text(),
                      .status = answer.status,
                      .content_type = std::string(answer.headers.get("Content-Type").value_or("")),
                      .location = {},
                      .body = answer.body.substr(0, kept_body_bytes),
                      .attempts = answer.attempts},
                     message);
  };
  if (is_page(answer.headers.get("Content-Type").value_or(""), answer.body))
    throw strange("a page came instead of JSON");
  try {
    return what.only ? json::parse_named(answer.body, *what.only, what.only_of, limits)
                     : json::parse(answer.body, limits);
  } catch (const error& problem) {
    if (problem.code() == errc::too_large) throw;
    throw strange(std::string("what came is no JSON: ") + problem.what());
  }
}

task<json::value> client::impl::parsed(const order& what, http::client_response answer) const {
  if (answer.body.size() <= parsed_on_the_loop_bytes) co_return parse(what, answer);
  co_return co_await run_in_threadpool([&] { return parse(what, answer); });
}

task<json::value> client::impl::call(const order& what, permit turn) {
  http::client_response answer = co_await send(what, std::move(turn));
  if (answer.body.size() <= parsed_on_the_loop_bytes) co_return parse(what, answer);
  co_return co_await parsed(what, std::move(answer));
}

task<json::value> client::impl::call(order what) {
  permit mine = co_await turn(what);
  co_return co_await call(what, std::move(mine));
}

void client::impl::accept_tokens(tokens fresh) {
  now = std::move(fresh);
  ++generation;
  cannot_be_renewed.reset();
  if (options.on_new_tokens) options.on_new_tokens(now);
}

} // namespace weir::kitsu
