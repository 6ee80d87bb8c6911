#include "writer.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace fake {
namespace {

constexpr std::size_t block_bytes = 256 * 1024;

void spoil_base64(std::string& body, const std::string& how) {
  for (const std::string_view key : {"\"b64_json\":\"", "\"result\":\""}) {
    const auto at = body.find(key);
    if (at == body.npos) continue;
    const auto start = at + key.size(), end = body.find('"', start);
    if (end == body.npos || end - start < 16) continue;
    const auto middle = start + (end - start) / 8 * 4;
    if (how == "padding")
      body.replace(middle, 4, "A===");
    else if (how == "truncated")
      body.erase(end - 3, 3);
    else
      body.replace(middle, 4, "!*~?");
    return;
  }
}

/// Counts the bytes of a body, paces them, stops at the faults.
class body_sink {
 public:
  body_sink(call& c, bool chunked, std::uint64_t chunk) : c_(c), chunked_(chunked), chunk_(chunk) {
    rate_ = c.w.opts.rate_bytes_per_second;
    if (c.fx.rate) rate_ = *c.fx.rate;
    end_ = std::min(c.fx.cut_at.value_or(~std::uint64_t{0}), c.fx.reset_at.value_or(~std::uint64_t{0}));
  }

  /// Returns false once nothing more may be sent. `first` goes out together with the first bytes.
  bool put(std::string_view bytes) {
    while (!bytes.empty()) {
      if (sent_ >= end_) return false;
      if (c_.fx.stall_at && !stalled_ && sent_ >= *c_.fx.stall_at) {
        stalled_ = true;
        flush();
        c_.c.wait(millis(c_.fx.stall_ms));
      }
      std::uint64_t n = std::min<std::uint64_t>(bytes.size(), end_ - sent_);
      if (c_.fx.stall_at && !stalled_) n = std::min(n, *c_.fx.stall_at - sent_);
      if (chunked_) n = std::min(n, chunk_);
      if (rate_ > 0) n = std::min(n, std::max<std::uint64_t>(1, rate_ / 50));
      send(bytes.substr(0, n));
      bytes.remove_prefix(n);
    }
    return sent_ < end_;
  }
  void head(std::string text) { pending_ = std::move(text); }
  void flush() {
    if (!pending_.empty()) c_.c.write_all(pending_);
    pending_.clear();
  }
  bool limited() const { return end_ != ~std::uint64_t{0}; }
  std::uint64_t sent() const { return sent_; }

 private:
  void send(std::string_view bytes) {
    if (chunked_) {
      pending_ += fmt::format("{:x}\r\n", bytes.size());
      pending_.append(bytes).append("\r\n");
    } else if (!pending_.empty() && bytes.size() <= block_bytes) {
      pending_.append(bytes);
    } else {
      flush();
      c_.c.write_all(bytes);
    }
    flush();
    sent_ += bytes.size();
    if (rate_ == 0) return;
    const auto due = start_ + std::chrono::duration_cast<steady::duration>(std::chrono::duration<double>(
                                  static_cast<double>(sent_) / static_cast<double>(rate_)));
    const auto now = steady::now();
    if (due > now) c_.c.wait(std::chrono::ceil<millis>(due - now));
  }

  call& c_;
  bool chunked_, stalled_ = false;
  std::uint64_t chunk_, rate_ = 0, end_, sent_ = 0;
  std::string pending_;
  steady::time_point start_ = steady::now();
};

bool put_events(call& c, body_sink& out, const std::vector<timed_event>& events) {
  out.flush();
  for (const auto& e : events) {
    c.c.wait(e.pause);
    auto text = fmt::format("event: {}\ndata: {}\n\n", e.name, boost::json::serialize(e.data));
    if (!c.fx.bad_base64.empty()) spoil_base64(text, c.fx.bad_base64);
    if (!out.put(text)) return false;
  }
  return true;
}

bool put_stream(body_sink& out, const content& what) {
  std::vector<char> block(static_cast<std::size_t>(std::min<std::uint64_t>(block_bytes, what.size)));
  for (std::uint64_t at = 0; at < what.size;) {
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(block.size(), what.size - at));
    what.read(at, std::span(block).first(n));
    if (!out.put({block.data(), n})) return false;
    at += n;
  }
  return true;
}

} // namespace

written write_answer(call& c, answer a, const std::string& request_id, long processing_ms) {
  const auto& fx = c.fx;
  if (fx.reset_before_head) {
    c.c.reset();
    return {0, false, true};
  }
  if (a.make_body) a.body = a.make_body();
  if (!fx.bad_base64.empty()) spoil_base64(a.body, fx.bad_base64);
  if (fx.invalid_json) a.body.resize(a.body.size() / 2);

  const std::uint64_t size = a.stream ? a.stream->size : a.body.size();
  const bool events = !a.events.empty();
  const bool chunked = (events || fx.chunk_bytes) && !fx.no_length;
  const bool keep = c.r.keep_alive && !fx.no_length && fx.length_off == 0 && !fx.cut_at && !fx.reset_at;
  std::string head =
      fmt::format("HTTP/1.1 {} {}\r\nx-request-id: {}\r\nopenai-version: 2020-10-01\r\nopenai-processing-ms: {}\r\n",
                  a.status, reason_phrase(a.status), request_id, processing_ms);
  for (const auto& [name, value] : a.headers) head += fmt::format("{}: {}\r\n", name, value);
  if (chunked)
    head += "Transfer-Encoding: chunked\r\n";
  else if (!fx.no_length)
    head += fmt::format("Content-Length: {}\r\n",
                        std::max<std::int64_t>(0, static_cast<std::int64_t>(size) + fx.length_off));
  // A fault that breaks the connection later is not announced.
  if (!c.r.keep_alive || fx.no_length) head += "Connection: close\r\n";
  head += "\r\n";

  body_sink out(c, chunked, fx.chunk_bytes.value_or(block_bytes));
  out.head(std::move(head));
  const bool whole = events ? put_events(c, out, a.events) : a.stream ? put_stream(out, *a.stream) : out.put(a.body);
  out.flush();
  if (chunked && whole && !out.limited()) c.c.write_all("0\r\n\r\n");
  if (fx.reset_at && (!fx.cut_at || *fx.reset_at <= *fx.cut_at)) {
    c.c.reset();
    return {out.sent(), false, true};
  }
  return {out.sent(), keep, false};
}

} // namespace fake
