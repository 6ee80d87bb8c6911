#include "http/connection.hpp"

#include <weir/core/error.hpp>
#include <weir/core/stop.hpp>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <utility>

namespace weir::http::detail {

namespace {
// A client that keeps the loop busy lets others run after so many requests or reads without a wait.
constexpr int max_turns_without_wait = 32;
constexpr std::size_t max_idle_body_bytes = 16 * 1024;
} // namespace

connection::connection(server_core& core, unique_fd socket, std::string peer, bool surplus)
    : stream(std::move(socket)), core_(core), peer_(std::move(peer)), surplus_(surplus), parser_(core.limits) {
  core_.connections.push_back(*this);
  ++core_.open;
}

connection::~connection() {
  --core_.open;
  core_.one_gone.set();
}

void connection::on_hang_up() noexcept {
  if (handling_ && cancel_on_disconnect_) handle_.cancel();
}

void connection::cancel_on_disconnect(bool on) {
  cancel_on_disconnect_ = on;
  if (on && hung_up()) handle_.cancel();
}

task<void> connection::run() {
  struct break_off {
    connection& self;
    // What was cut off must not look like a whole answer to a client that reads to the end of the connection.
    ~break_off() {
      if (self.writing_ || self.stage_ == stage::streaming) self.abort();
    }
  } at_end{*this};
  co_await yield_now(); // the spawner has to hand over the handle first
  if (surplus_)
    co_await refuse(503);
  else
    co_await serve_requests();
  if (must_linger_) co_await linger();
}

task<void> connection::serve_requests() {
  for (int turns = 1;; ++turns) {
    if (!co_await read_request()) co_return;
    co_await answer_request();
    if (close_after_) co_return;
    if (request_.body.capacity() > max_idle_body_bytes) request_.body = std::string();
    if (turns % max_turns_without_wait == 0) co_await yield_now();
  }
}

void connection::feed(std::string_view bytes) {
  if (!pending_.empty()) {
    pending_.append(bytes);
    return feed_pending();
  }
  bytes.remove_prefix(parser_.feed(bytes, request_));
  pending_.assign(bytes);
}

void connection::feed_pending() {
  pending_begin_ += parser_.feed(std::string_view(pending_).substr(pending_begin_), request_);
  if (pending_begin_ < pending_.size() / 2) return;
  pending_.erase(0, pending_begin_);
  pending_begin_ = 0;
  if (pending_.empty()) pending_ = std::string();
}

// The line end that some clients send behind a body is no request yet.
bool connection::has_started() const noexcept {
  const std::string_view left = std::string_view(pending_).substr(pending_begin_);
  return parser_.has_head() || !(left.empty() || left == "\r" || left == "\r\n");
}

task<bool> connection::read_request() {
  enum class waiting_for { nothing, request, head, body };
  auto waiting = waiting_for::nothing;
  bool continued = false;
  stage_ = stage::unanswered;
  is_head_ = false;
  parser_.reset();
  if (!pending_.empty()) feed_pending();
  for (;;) {
    if (parser_.refused_with() != 0) {
      no_deadline();
      co_await refuse(parser_.refused_with());
      co_return false;
    }
    if (parser_.complete()) break;
    if (parser_.has_head() && parser_.expects_continue() && !continued && request_.body.empty()) {
      continued = true;
      if (try_write(std::array<std::string_view, 1>{"HTTP/1.1 100 Continue\r\n\r\n"}).what != outcome::done)
        co_return false;
    }
    const auto got = try_read(*core_.read_buffer);
    if (got.what == outcome::closed) co_return false;
    if (got.what == outcome::done) {
      feed({core_.read_buffer->data(), got.bytes});
      continue;
    }
    auto next = waiting_for::request;
    if (parser_.has_head())
      next = waiting_for::body;
    else if (has_started())
      next = waiting_for::head;
    if (next == waiting_for::request && core_.stopping) co_return false;
    if (std::exchange(waiting, next) != next) {
      // Set once per stage and never renewed by what arrives: a client that drips gets no more time than any other.
      const auto& o = core_.options;
      set_deadline(clock::now() + (next == waiting_for::request ? o.idle_timeout
                                   : next == waiting_for::head  ? o.header_timeout
                                                                : o.body_timeout));
    }
    co_await readable();
    if (!expired()) continue;
    forget_expiry();
    if (waiting != waiting_for::request) co_await refuse(408);
    co_return false;
  }
  no_deadline();
  request_.peer = peer_;
  is_head_ = request_.method == "HEAD";
  is_http_1_0_ = parser_.is_http_1_0();
  close_after_ = !request_.keep_alive;
  co_return true;
}

task<void> connection::answer_request() {
  const router::match match = core_.routes.find(request_.method, request_.path);
  if (!match.found) {
    co_await answer_plainly(match.status, match.allow);
    co_return;
  }
  std::exception_ptr failure;
  responder respond(*this);
  handling_ = true;
  try {
    co_await (*match.found)(request_, respond);
    if (stage_ == stage::streaming) co_await finish();
    if (stage_ == stage::unanswered) throw error(errc::internal, "the handler returned without an answer");
  } catch (const cancelled&) {
    // Ours to pass on only if this connection is what was cancelled; else the handler let out a part of its own.
    if (this_task::is_cancelled()) throw;
    failure = std::current_exception();
  } catch (...) {
    failure = std::current_exception();
  }
  handling_ = false;
  cancel_on_disconnect_ = false;
  if (!failure) co_return;
  if (!write_failed_) report(failure);
  if (stage_ == stage::unanswered && !writing_)
    co_await answer_plainly(500);
  else
    close_after_ = true;
}

void connection::report(const std::exception_ptr& failure) noexcept {
  if (core_.options.on_error) return core_.options.on_error(request_, failure);
  std::string text = "cancelled";
  try {
    std::rethrow_exception(failure);
  } catch (const std::exception& e) {
    text = e.what();
  } catch (const cancelled&) {
  } catch (...) {
    text = "an exception of a foreign type";
  }
  std::fprintf(stderr, "weir: the handler of %s %s failed: %s\n", request_.method.c_str(), request_.path.c_str(),
               text.c_str());
}

// Answers in the server's own name. A client that has gone is no error here.
task<void> connection::answer_plainly(int status, std::string allow) {
  response answer{.status = status};
  if (status != 204) {
    answer.body = std::to_string(status) + ' ' + std::string(reason_phrase(status)) + '\n';
    answer.headers.add("Content-Type", "text/plain; charset=utf-8");
  }
  if (!allow.empty()) answer.headers.add("Allow", allow);
  if (status == 503) answer.headers.add("Retry-After", "1");
  try {
    co_await send(std::move(answer));
  } catch (const error&) {
    close_after_ = true;
  }
}

// Where the bytes that follow cannot be trusted or will not be read.
task<void> connection::refuse(int status) {
  close_after_ = true;
  must_linger_ = true;
  co_await answer_plainly(status);
}

// Closing with unread bytes resets the connection, and a reset can overtake the refusal on its way to the client: so
// the end is announced, and what still comes is dropped until the client closes too.
task<void> connection::linger() {
  if (broken()) co_return;
  shut_down_writing();
  pending_ = std::string();
  set_deadline(clock::now() + core_.options.linger_timeout);
  for (int turns = 1; !expired(); ++turns) {
    const auto got = try_read(*core_.read_buffer);
    if (got.what == outcome::closed) co_return;
    if (got.what == outcome::would_block)
      co_await readable();
    else if (turns % max_turns_without_wait == 0)
      co_await yield_now();
  }
}

} // namespace weir::http::detail
