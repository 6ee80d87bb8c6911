#include <weir/core/error.hpp>
#include <weir/core/sleep.hpp>
#include <weir/http/sse.hpp>

#include <algorithm>
#include <utility>

namespace weir::http {

namespace {

constexpr std::string_view line_ends("\r\n");

void check_field(std::string_view name, std::string_view value, std::string_view forbidden) {
  if (value.find_first_of(forbidden) != value.npos)
    throw error(errc::invalid_argument, "the " + std::string(name) + " of an event may not hold a line end or a NUL");
}

void append_data(std::string& out, std::string_view data) {
  for (;;) {
    const std::size_t end = std::min(data.find_first_of(line_ends), data.size());
    out.append("data: ").append(data.substr(0, end)).append("\n");
    if (end == data.size()) return;
    data.remove_prefix(data.substr(end).starts_with("\r\n") ? end + 2 : end + 1);
  }
}

} // namespace

std::string to_text(const sse_event& event) {
  check_field("type", event.event, line_ends);
  std::string out;
  out.reserve(event.data.size() + event.event.size() + 64);
  if (!event.event.empty()) out.append("event: ").append(event.event).append("\n");
  if (event.id) {
    check_field("id", *event.id, std::string_view("\r\n\0", 3));
    out.append("id: ").append(*event.id).append("\n");
  }
  if (event.retry) out.append("retry: ").append(std::to_string(event.retry->count())).append("\n");
  const bool only_retry = event.retry && event.data.empty() && event.event.empty() && !event.id;
  if (!only_retry) append_data(out, event.data);
  return out += '\n';
}

task<void> sse_writer::begin(headers extra) {
  extra.set("Content-Type", "text/event-stream");
  if (!extra.contains("Cache-Control")) extra.set("Cache-Control", "no-cache");
  extra.set("X-Accel-Buffering", "no");
  co_await to_.begin(200, std::move(extra));
}

task<void> sse_writer::write(std::string text) {
  const auto turn = co_await turn_.lock();
  co_await to_.write(text);
}

task<void> sse_writer::send(sse_event event) { co_await write(to_text(event)); }

task<void> sse_writer::comment(std::string_view text) {
  std::string line = ": ";
  line += text;
  std::replace_if(line.begin(), line.end(), [](char c) { return c == '\r' || c == '\n'; }, ' ');
  co_await write(std::move(line) + "\n\n");
}

task<void> sse_writer::keep_alive(std::chrono::milliseconds period) {
  for (;;) {
    co_await sleep_for(period);
    co_await comment("keep-alive");
  }
}

task<void> sse_writer::finish() {
  const auto turn = co_await turn_.lock();
  co_await to_.finish();
}

} // namespace weir::http
