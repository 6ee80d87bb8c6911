#include "http/connection.hpp"

#include <weir/core/error.hpp>

#include <array>
#include <charconv>
#include <cstddef>
#include <utility>

namespace weir::http::detail {

namespace {

// Up to here copying the body behind the head is cheaper than a second piece in the system call.
constexpr std::size_t max_joined_bytes = 16 * 1024;
// What a client has to take within `write_timeout`.
constexpr std::size_t min_progress_bytes = 64 * 1024;

std::size_t total(const std::array<std::string_view, 3>& pieces) noexcept {
  return pieces[0].size() + pieces[1].size() + pieces[2].size();
}

void drop_front(std::array<std::string_view, 3>& pieces, std::size_t bytes) noexcept {
  for (std::string_view& piece : pieces) {
    const std::size_t n = std::min(bytes, piece.size());
    piece.remove_prefix(n);
    bytes -= n;
  }
}

std::optional<std::uint64_t> parse_length(std::string_view text) noexcept {
  std::uint64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

} // namespace

void connection::throw_gone() {
  write_failed_ = true;
  close_after_ = true;
  writing_ = true;
  throw error(errc::unavailable, "the client has closed the connection");
}

// What `send` and `begin` have in common.
void connection::begin_answer(int status, const headers& fields) {
  if (status < 200 || status > 599)
    throw error(errc::invalid_argument, "an answer has a status from 200 to 599, not " + std::to_string(status));
  if (stage_ != stage::unanswered) throw error(errc::internal, "this request has been answered already");
  if (fields.has_token("Connection", "close") || core_.stopping) close_after_ = true;
}

head_options connection::options_for_head(framing body, std::uint64_t length) const noexcept {
  head_options options{body, length};
  if (close_after_)
    options.connection = persistence::close;
  else if (is_http_1_0_)
    options.connection = persistence::keep_alive;
  return options;
}

task<void> connection::send(response answer) {
  begin_answer(answer.status, answer.headers);
  const bool bodiless = is_bodiless(answer.status);
  std::string& head = core_.head;
  head.clear();
  append_head(head, answer.status, answer.headers,
              options_for_head(bodiless ? framing::none : framing::length, answer.body.size()));
  std::string_view body;
  if (!bodiless && !is_head_) body = answer.body;
  if (body.size() <= max_joined_bytes) {
    head += body;
    body = {};
  }
  stage_ = stage::answered;
  co_await send_all({head, body, {}});
}

task<void> connection::begin(int status, headers fields) {
  begin_answer(status, fields);
  framing_ = is_http_1_0_ ? framing::until_close : framing::chunked;
  if (const auto announced = fields.get("Content-Length")) {
    const auto length = parse_length(*announced);
    if (!length) throw error(errc::invalid_argument, "the Content-Length of an answer is no number");
    framing_ = framing::length;
    left_to_send_ = *length;
  }
  if (is_bodiless(status)) framing_ = framing::none;
  if (framing_ == framing::until_close) close_after_ = true;
  core_.head.clear();
  append_head(core_.head, status, fields, options_for_head(framing_, left_to_send_));
  stage_ = stage::streaming;
  co_await send_all({core_.head, {}, {}});
}

task<void> connection::write(std::string_view piece) {
  if (stage_ != stage::streaming) throw error(errc::internal, "an answer is written between begin and finish");
  if (piece.empty()) co_return;
  if (framing_ == framing::length) {
    if (piece.size() > left_to_send_) throw error(errc::internal, "an answer is longer than its Content-Length");
    left_to_send_ -= piece.size();
  }
  if (is_head_ || framing_ == framing::none) co_return;
  if (framing_ != framing::chunked) {
    co_await send_all({piece, {}, {}});
    co_return;
  }
  std::array<char, 18> size_line;
  char* end = std::to_chars(size_line.data(), size_line.data() + 16, piece.size(), 16).ptr;
  *end++ = '\r';
  *end++ = '\n';
  co_await send_all(
      {std::string_view(size_line.data(), static_cast<std::size_t>(end - size_line.data())), piece, "\r\n"});
}

task<void> connection::finish() {
  if (stage_ != stage::streaming) throw error(errc::internal, "an answer is finished once, after begin");
  if (framing_ == framing::length && left_to_send_ != 0 && !is_head_)
    throw error(errc::internal, "an answer is shorter than its Content-Length");
  if (framing_ == framing::chunked && !is_head_) co_await send_all({"0\r\n\r\n", {}, {}});
  stage_ = stage::answered;
}

// Most answers go out here at once; the rest is kept and sent as the client reads.
task<void> connection::send_all(pieces what) {
  if (write_failed_ || (writing_ && !has_waiter())) throw_gone();
  if (has_waiter()) throw error(errc::internal, "two tasks write to one answer at the same time");
  const auto sent = try_write(what);
  if (sent.what == outcome::done) co_return;
  if (sent.what == outcome::closed) throw_gone();
  writing_ = true;
  drop_front(what, sent.bytes);
  // The shared head buffer is somebody else's after the first wait.
  std::string kept_head;
  if (what[0].data() >= core_.head.data() && what[0].data() < core_.head.data() + core_.head.size()) {
    kept_head.assign(what[0]);
    what[0] = kept_head;
  }
  co_await flush(what);
  writing_ = false;
}

task<void> connection::flush(pieces left) {
  struct no_deadline_after {
    connection& self;
    ~no_deadline_after() { self.no_deadline(); }
  } after{*this};
  set_deadline(clock::now() + core_.options.write_timeout);
  std::size_t in_window = unacknowledged(); // what the client could have taken since the deadline was set
  while (total(left) > 0) {
    co_await writable();
    if (expired()) {
      // The system wakes writers only when a good part of its buffer is free, which can take a slow but honest reader
      // longer than the deadline: so what counts is what the client took.
      const std::size_t waiting = unacknowledged();
      if (in_window < waiting + min_progress_bytes) {
        abort();
        write_failed_ = true;
        close_after_ = true;
        throw error(errc::timeout, "the client did not read its answer in time");
      }
      forget_expiry();
      set_deadline(clock::now() + core_.options.write_timeout);
      in_window = waiting;
    }
    const auto sent = try_write(left);
    if (sent.what == outcome::closed) throw_gone();
    drop_front(left, sent.bytes);
    in_window += sent.bytes;
  }
}

} // namespace weir::http::detail
