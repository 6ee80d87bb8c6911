#include "http/exchange.hpp"

#include "http/url.hpp"

#include <weir/core/task_group.hpp>

#include <algorithm>
#include <array>

namespace weir::http::detail {
namespace {

// What may be said to another origin than the one the caller named: nothing that could be a secret.
constexpr std::array<std::string_view, 14> harmless = {
    "Accept", "Accept-Charset", "Accept-Encoding", "Accept-Language", "Cache-Control",     "Pragma",
    "Range",  "If-Range",       "If-Match",        "If-None-Match",   "If-Modified-Since", "If-Unmodified-Since",
    "DNT",    "User-Agent"};

void check_request(const client_request& request) {
  if (!is_valid_header_name(request.method))
    throw error(errc::invalid_argument, "the method of the request is not a word such as GET or POST");
  for (const char* ours : {"Content-Length", "Transfer-Encoding", "Connection"})
    if (request.headers.contains(ours))
      throw error(errc::invalid_argument,
                  std::string("leave the header \"") + ours + "\" out: the client writes it itself, from the body");
}

bool is_redirect(int status) noexcept {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/// The request as it changes from hop to hop. Until the first redirect it is the caller's own.
class journey {
 public:
  journey(const client_request& request)
      : method_(&request.method), url_(&request.url), fields_(&request.headers), body_(&request.body),
        repeatable_(is_repeatable(request.method, request.idempotent)), redirects_left_(request.max_redirects) {}
  journey(const journey&) = delete;
  journey& operator=(const journey&) = delete;

  const std::string& method() const noexcept { return *method_; }
  const std::string& url() const noexcept { return *url_; }
  const headers& fields() const noexcept { return *fields_; }
  const http::body& body() const noexcept { return *body_; }
  bool repeatable() const noexcept { return repeatable_; }

  /// Goes on to where `head` points. Fails: where a rule of client_request::max_redirects forbids it.
  void follow(const response_head& head, const std::string& location) {
    const auto refuse = [&](const std::string& why) {
      throw status_error(head.status, *method_ + " " + shown_url(*url_) + ": " + why);
    };
    if (redirects_left_-- <= 0) refuse("too many redirects");
    std::string target = resolve_location(*url_, location);
    const parsed_url from = parse_url(*url_);
    const parsed_url to = parse_url(target);
    if (from.secure && !to.secure) refuse("redirected from https to " + shown_url(target) + ", which is not encrypted");
    const bool becomes_get = head.status == 303 ? *method_ != "HEAD" : head.status < 303 && *method_ == "POST";
    if (becomes_get) {
      own_method_ = "GET";
      method_ = &own_method_;
      body_ = &none_;
      headers without = *fields_;
      without.remove("Content-Type");
      own_fields_ = std::move(without);
      fields_ = &own_fields_;
      repeatable_ = true;
    }
    if (from.origin != to.origin) {
      if (body_->has_value())
        refuse("redirected with its body to another server, " + shown_url(target) + "; ask that one directly");
      headers kept;
      for (const headers::field& f : *fields_)
        if (std::any_of(harmless.begin(), harmless.end(),
                        [&](std::string_view name) { return equals_ignoring_case(name, f.name); }))
          kept.add(f.name, f.value);
      own_fields_ = std::move(kept);
      fields_ = &own_fields_;
    }
    own_url_ = std::move(target);
    url_ = &own_url_;
  }

 private:
  const std::string* method_;
  const std::string* url_;
  const headers* fields_;
  const http::body* body_;
  bool repeatable_;
  int redirects_left_;
  std::string own_method_, own_url_;
  headers own_fields_;
  const http::body none_;
};

task<void> pump(transfer& t, const exchange_mode& mode) {
  std::vector<std::byte> piece;
  for (;;) {
    co_await t.piece_ready();
    if (t.buffered_bytes() > 0) {
      t.take(piece);
      co_await (*mode.sink)(piece);
    } else if (t.done()) {
      break;
    }
  }
}

/// Fails: always, with what the answer of `t` says.
task<void> refuse(transfer& t, const std::string& method) {
  std::vector<std::byte> piece;
  std::string body;
  while (body.size() < max_error_body_bytes) {
    co_await t.piece_ready();
    if (t.buffered_bytes() == 0 && t.done()) break; // also where it broke off: the status is known
    t.take(piece);
    body.append(reinterpret_cast<const char*>(piece.data()), piece.size());
  }
  const response_head& head = t.head();
  throw status_error(head.status, method + " " + shown_url(head.url) + ": answered " + std::to_string(head.status),
                     retry_after(head.headers, std::chrono::system_clock::now()), body);
}

/// One hop from its head to its end. Returns false where the answer is a redirect that is to be followed.
task<bool> receive(transfer& t, const exchange_mode& mode, bool may_follow, exchange_result& result) {
  co_await t.head_received();
  if (!t.head_complete()) t.rethrow_failure();
  response_head& head = t.head();
  head.attempts = mode.attempt;
  if (may_follow && is_redirect(head.status) && head.headers.contains("Location")) {
    // A short body is waited for, so that the connection can be kept.
    if (!mode.sink && head.content_length && *head.content_length <= 64 * 1024) co_await t.ended();
    result.head = std::move(head);
    co_return false;
  }
  if (mode.discard && mode.discard(head)) {
    result.head = std::move(head);
    result.discarded = true;
    co_return true;
  }
  if (mode.sink) {
    if (mode.stream.on_head) mode.stream.on_head(head);
    if (mode.stream.only_success && head.status / 100 != 2) co_await refuse(t, t.method());
    co_await pump(t, mode);
  } else {
    co_await t.ended();
  }
  t.rethrow_failure();
  result.head = std::move(head);
  result.body = std::move(t.collected());
  co_return true;
}

/// As receive, while the body of the request is read from files.
task<bool> fed(transfer& t, const exchange_mode& mode, bool may_follow, exchange_result& result) {
  co_return co_await with_task_group([&](task_group& group) -> task<bool> {
    group.spawn(t.feed());
    const bool arrived = co_await receive(t, mode, may_follow, result);
    group.cancel();
    co_return arrived;
  });
}

task<bool> one_hop(std::shared_ptr<multi> engine, hop& work, const exchange_mode& mode, bool may_follow,
                   exchange_result& result) {
  const parsed_url where = engine->server_of(work.url);
  work.secure = where.secure;
  const place mine = co_await engine->acquire(where.origin, where.is_address);
  transfer t(engine, mine.at(), work);
  t.start();
  if (t.needs_feeding()) co_return co_await fed(t, mode, may_follow, result);
  co_return co_await receive(t, mode, may_follow, result);
}

} // namespace

task<exchange_result> exchange(std::shared_ptr<multi> engine, const client_request& request,
                               const client_options& defaults, exchange_mode mode) {
  check_request(request);
  journey way(request);
  exchange_result result;
  for (;;) {
    const std::uint64_t default_limit = mode.sink ? 0 : defaults.max_response_bytes;
    hop work{.method = way.method(),
             .url = way.url(),
             .fields = way.fields(),
             .body = way.body(),
             .timeouts = request.timeouts.value_or(defaults.timeouts),
             .user_agent = defaults.user_agent,
             .max_body_bytes = request.max_response_bytes.value_or(default_limit),
             .repeatable = way.repeatable(),
             .accept_compressed = request.accept_compressed.value_or(!mode.sink),
             .collect = !mode.sink,
             .on_progress = request.on_upload_progress ? &request.on_upload_progress : nullptr,
             .max_buffer_bytes = std::max<std::size_t>(mode.stream.max_buffer_bytes, 16 * 1024),
             .piece_bytes = std::clamp<std::size_t>(mode.stream.piece_bytes, 1,
                                                    std::max<std::size_t>(mode.stream.max_buffer_bytes, 1))};
    const bool may_follow = request.max_redirects > 0;
    if (co_await one_hop(engine, work, mode, may_follow, result)) co_return result;
    const std::string location(*result.head.headers.get("Location"));
    way.follow(result.head, location);
  }
}

} // namespace weir::http::detail
