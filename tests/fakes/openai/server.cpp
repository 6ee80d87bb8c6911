#include "server.hpp"

#include "dispatch.hpp"
#include "random.hpp"
#include "writer.hpp"

#include <fmt/format.h>

#include <thread>

namespace fake {
namespace {

namespace json = boost::json;

std::int64_t now_ms() {
  return std::chrono::duration_cast<millis>(std::chrono::system_clock::now().time_since_epoch()).count();
}

json::object describe(const connection& c, const request& r) {
  json::object headers;
  for (const auto* name : {"accept", "accept-encoding", "content-type", "content-length", "transfer-encoding", "expect",
                           "host", "user-agent", "range", "if-range", "idempotency-key", "openai-organization",
                           "openai-project", "x-stainless-retry-count", "cookie", "connection"})
    if (const auto value = r.header(name)) headers[name] = *value;
  // Secrets stay out of the journal; that one was sent, and how long it was, is enough to find a leak.
  if (const auto key = r.header("authorization"))
    headers["authorization"] = fmt::format("{} ({} bytes)", key->substr(0, key->find(' ')), key->size());
  json::object query;
  for (const auto& [name, value] : r.query) query[name] = value;
  return {{"at_ms", now_ms()}, {"connection", c.number()}, {"method", r.method},          {"path", r.path},
          {"query", query},    {"headers", headers},       {"body_bytes", r.body.size()}, {"bought", nullptr},
          {"status", nullptr}};
}

void describe_body(const request& r, json::object& note) {
  if (r.body.empty() || r.path.starts_with("/_fake/")) return;
  try {
    for (auto& [key, value] : arguments(r).describe()) note[key] = std::move(value);
  } catch (const api_error& e) {
    note["body_error"] = e.message;
  }
}

bool is_counted(const request& r) { return !r.path.starts_with("/_fake/") || r.path.starts_with("/_fake/blob/"); }

} // namespace

void server::run() {
  for (std::uint64_t number = 1;; ++number) {
    {
      std::unique_lock lock(mutex_);
      ended_.wait(lock, [&] { return threads_ < world_.opts.max_connections || world_.stopping; });
    }
    const int fd = listener_.accept();
    if (fd < 0) break;
    const std::lock_guard lock(mutex_);
    ++threads_;
    std::thread([this, fd, number] { serve(fd, number); }).detach();
  }
  std::unique_lock lock(mutex_);
  ended_.wait(lock, [&] { return threads_ == 0; });
}

void server::stop() {
  world_.stopping = true;
  world_.changed.notify_all();
  listener_.interrupt();
  const std::lock_guard lock(mutex_);
  for (const auto* c : live_) c->interrupt();
  ended_.notify_all();
}

void server::serve(int fd, std::uint64_t number) {
  {
    connection c(fd, number);
    {
      const std::lock_guard lock(mutex_);
      live_.insert(&c);
      if (world_.stopping) c.interrupt();
    }
    try {
      talk(c);
    } catch (const connection_lost&) {
    } catch (const std::exception& e) {
      fmt::print(stderr, "weir-fake-openai: connection {}: {}\n", number, e.what());
    }
    const std::lock_guard lock(mutex_);
    live_.erase(&c);
  }
  const std::lock_guard lock(mutex_);
  --threads_;
  ended_.notify_all();
}

void server::talk(connection& c) {
  request_reader reader(c, world_.opts.max_body_bytes);
  try {
    while (const auto r = reader.next())
      if (!handle(c, *r)) return;
  } catch (const malformed_request& e) {
    request none;
    none.keep_alive = false;
    call refused{world_, none, c, {}, {}};
    world_.log.open({{"at_ms", now_ms()}, {"connection", c.number()}, {"malformed", e.message}, {"status", e.status}});
    write_answer(refused, error_answer({e.status, e.message}), world_.new_id("req_", 32), 0);
    c.finish();
  }
}

bool server::handle(connection& c, const request& r) {
  const auto start = steady::now();
  const bool counted = is_counted(r);
  call one{world_, r, c, counted ? world_.faults.match(r.method, r.path) : effects{}, {}};
  const auto request_id = world_.new_id("req_", 32);
  std::uint64_t entry = 0;
  if (counted) {
    auto note = describe(c, r);
    describe_body(r, note);
    note["request_id"] = request_id;
    json::array names;
    for (const auto& name : one.fx.names) names.push_back(json::string(name));
    note["faults"] = std::move(names);
    entry = world_.log.open(std::move(note));
  }
  const auto amend = [&] {
    if (counted) world_.log.amend(entry, one.note);
  };
  try {
    auto a = dispatch(one);
    one.note["status"] = a ? json::value(a->status) : json::value(nullptr);
    amend(); // before the client can see the answer, so that it finds its own request in the journal
    if (!a) return false;
    const auto ms = std::chrono::duration_cast<millis>(steady::now() - start).count();
    const auto out = write_answer(one, std::move(*a), request_id, ms);
    one.note["sent_bytes"] = out.body_bytes;
    amend();
    if (!out.keep_alive && !out.reset) c.finish();
    return out.keep_alive;
  } catch (const connection_lost&) {
    one.note["lost"] = true;
    amend();
    throw;
  }
}

} // namespace fake
