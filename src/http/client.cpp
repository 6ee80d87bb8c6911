#include "http/exchange.hpp"

#include <weir/core/sleep.hpp>
#include <weir/http/client.hpp>

#include <random>

namespace weir::http {
namespace {

using std::chrono::milliseconds;

std::uint32_t random_number() {
  static thread_local std::minstd_rand generator{std::random_device{}()};
  return static_cast<std::uint32_t>(std::uniform_int_distribution<std::uint32_t>{}(generator));
}

std::string seconds_text(milliseconds wait) {
  const auto tenths = (wait.count() + 50) / 100;
  return std::to_string(tenths / 10) + (tenths % 10 ? "." + std::to_string(tenths % 10) : "") + " s";
}

} // namespace

session_pool::session_pool(session_pool_options options)
    : engine_(std::make_shared<detail::multi>(std::move(options))) {}
session_pool::~session_pool() = default;
session_pool_stats session_pool::stats() const noexcept { return engine_->stats(); }

struct client::impl {
  client_options options;
  std::shared_ptr<session_pool> pool;

  /// The loop of attempts around an exchange.
  task<detail::exchange_result> attempts(const client_request& request, detail::exchange_mode mode);
};

task<detail::exchange_result> client::impl::attempts(const client_request& request, detail::exchange_mode mode) {
  const retry_policy policy = request.retry.value_or(options.retry);
  // The pool lives as long as what is under way, even where the client is moved meanwhile.
  const auto engine = pool->engine();

  bool consumed = false;
  body_sink watched;
  if (mode.sink) {
    watched = [&consumed, inner = *mode.sink](std::span<const std::byte> piece) {
      consumed = true;
      return inner(piece);
    };
    mode.sink = &watched;
  }
  for (int attempt = 1;; ++attempt) {
    const bool last = attempt >= policy.max_attempts;
    attempt_outcome outcome;
    std::optional<milliseconds> asked;
    const auto repeat_after = [&](int status, const headers& fields) {
      if (status < 400) return false; // of which no policy repeats any
      outcome = {.status = status, .refused = fields.get("x-should-retry") == "false"};
      asked = retry_after(fields, std::chrono::system_clock::now());
      return may_repeat(policy, request.method, request.idempotent, outcome);
    };
    if (mode.sink && !last)
      mode.discard = [&](const response_head& head) { return repeat_after(head.status, head.headers); };
    else
      mode.discard = nullptr;
    try {
      mode.attempt = attempt;
      detail::exchange_result result = co_await detail::exchange(engine, request, options, mode);
      if (last || !repeat_after(result.head.status, result.head.headers)) co_return result;
      if (asked && *asked > policy.max_server_wait)
        throw status_error(result.head.status,
                           request.method + " " + shown_url(result.head.url) + ": answered " +
                               std::to_string(result.head.status) + " and asks to wait " + seconds_text(*asked) +
                               ", longer than the limit of " + seconds_text(policy.max_server_wait) +
                               "; try again then",
                           asked, result.body);
    } catch (const transport_error& e) {
      outcome = {.status = 0,
                 .request_sent = e.request_sent(),
                 .limit_met = e.code() == errc::too_large || e.code() == errc::invalid_argument};
      if (last || consumed || !may_repeat(policy, request.method, request.idempotent, outcome)) throw;
    }
    co_await sleep_for(asked ? std::max(*asked, milliseconds(1)) : backoff(policy, attempt, random_number()));
  }
}

client::client(client_options options) : client(std::make_shared<session_pool>(options.pool), options) {}

client::client(std::shared_ptr<session_pool> pool, client_options options)
    : impl_(std::make_unique<impl>(impl{std::move(options), std::move(pool)})) {
  if (!is_valid_header_value(impl_->options.user_agent))
    throw error(errc::invalid_argument, "the user agent holds a line break or another control byte");
}

client::~client() = default;
client::client(client&&) noexcept = default;
client& client::operator=(client&&) noexcept = default;

task<client_response> client::send(client_request request) {
  detail::exchange_result result = co_await impl_->attempts(request, {});
  co_return client_response{.status = result.head.status,
                            .headers = std::move(result.head.headers),
                            .url = std::move(result.head.url),
                            .body = std::move(result.body),
                            .attempts = result.head.attempts};
}

task<response_head> client::stream(client_request request, body_sink sink, stream_options options) {
  detail::exchange_mode mode;
  mode.sink = &sink;
  mode.stream = std::move(options);
  detail::exchange_result result = co_await impl_->attempts(request, std::move(mode));
  co_return std::move(result.head);
}

const client_options& client::options() const noexcept { return impl_->options; }
session_pool& client::pool() const noexcept { return *impl_->pool; }

void require_success(const client_response& answer, std::string_view what) {
  if (answer.status / 100 == 2) return;
  throw status_error(answer.status,
                     std::string(what) + ": " + shown_url(answer.url) + " answered " + std::to_string(answer.status),
                     retry_after(answer.headers, std::chrono::system_clock::now()), answer.body);
}

} // namespace weir::http
