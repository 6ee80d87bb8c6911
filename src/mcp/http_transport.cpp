#include <weir/core/error.hpp>
#include <weir/core/task_group.hpp>
#include <weir/core/timer.hpp>
#include <weir/mcp/http_transport.hpp>

#include <mcp/engine.hpp>
#include <mcp/http_rules.hpp>
#include <mcp/legacy_clients.hpp>

#include <deque>
#include <unordered_map>
#include <utility>

namespace weir::mcp {

using namespace detail;

namespace {

/// Messages that may wait for a client that reads slowly; beyond it progress is dropped.
constexpr std::size_t max_queued = 256;

/// The remote host without its port.
std::string host_of(const std::string& peer) { return peer.substr(0, peer.rfind(':')); }

/// One request that needs waiting: its worker, its notifications and its answer.
struct exchange {
  std::deque<std::string> queue;
  event wake;
  bool worker_ended = false;
  bool tick = false; ///< time to begin a stream, or to keep one alive
  std::optional<reply> result;
  bool begun = false;
  bool client_gone = false;
  bool ends_with_client = false;
};

} // namespace

struct http_transport::impl {
  impl(server& of, http_options with) : to(of), options(std::move(with)) {}

  server& to;
  http_options options;
  /// Legacy requests that run, by client and id.
  std::unordered_multimap<std::string, task_handle> running;

  legacy_clients clients{to.engine()};

  detail::engine& engine() { return to.engine(); }

  http::headers plain_fields(const http::request& request) const {
    http::headers fields{{"Content-Type", "application/json"}};
    add_cors(request, fields);
    return fields;
  }

  void add_cors(const http::request& request, http::headers& fields) const {
    if (options.allowed_origins.empty()) return;
    fields.add("Vary", "Origin");
    auto origin = request.headers.get("Origin");
    if (!origin || !is_listed_origin(*origin, options)) return;
    fields.add("Access-Control-Allow-Origin", *origin);
    fields.add("Access-Control-Expose-Headers", "Mcp-Session-Id");
  }

  task<void> send_json(http::request& request, http::responder& respond, int status, std::string body) const {
    http::response answer{status, plain_fields(request), std::move(body)};
    co_await respond.send(std::move(answer));
  }

  task<void> refuse(http::request& request, http::responder& respond, int status, int code, std::string text) const {
    co_await send_json(request, respond, status, error_response("null", code, text));
  }

  task<void> handle(http::request& request, http::responder& respond);
  task<void> stream(http::request& request, http::responder& respond, std::string session, version v);
  task<void> preflight(http::request& request, http::responder& respond) const;
  task<void> take(http::request& request, http::responder& respond, incoming in, accepted accept);
  task<void> take_request(http::request& request, http::responder& respond, message m, accepted accept);
  task<void> run(http::request& request, http::responder& respond, message m, opened state, peer& from, accepted accept,
                 bool modern);
  task<void> pump(http::request& request, http::responder& respond, exchange& x, accepted accept);
  task<void> write_events(http::request& request, http::responder& respond, exchange& x, bool keep_alive);
  void cancel(const http::request& request, const message& m);
  std::string client_key(const http::request& request) const;
  std::optional<version> legacy_version(const http::request& request, std::string_view method) const;
};

std::string http_transport::impl::client_key(const http::request& request) const {
  auto session = request.headers.get("Mcp-Session-Id");
  return session ? "session " + std::string(*session) : "host " + host_of(request.peer);
}

/// The revision of a legacy request: its header, else its session, else 2025-03-26 as the protocol says.
/// Returns nothing for a header that names no legacy revision. `initialize` negotiates in its body.
std::optional<version> http_transport::impl::legacy_version(const http::request& request,
                                                            std::string_view method) const {
  if (method == "initialize") return version::v2025_03_26;
  if (auto header = request.headers.get("MCP-Protocol-Version")) {
    auto v = parse_version(*header);
    if (!v || is_modern(*v)) return std::nullopt;
    return v;
  }
  if (auto session = request.headers.get("Mcp-Session-Id"))
    if (auto v = read_session_id(*session)) return v;
  return version::v2025_03_26;
}

task<void> http_transport::impl::preflight(http::request& request, http::responder& respond) const {
  http::headers fields{{"Allow", "POST, OPTIONS"}};
  add_cors(request, fields);
  if (fields.contains("Access-Control-Allow-Origin")) {
    fields.add("Access-Control-Allow-Methods", "POST");
    fields.add("Access-Control-Allow-Headers", "Content-Type, Accept, Authorization, MCP-Protocol-Version, Mcp-Method, "
                                               "Mcp-Name, Mcp-Session-Id, Last-Event-ID");
    fields.add("Access-Control-Max-Age", "600");
  }
  http::response answer{204, std::move(fields), {}};
  co_await respond.send(std::move(answer));
}

task<void> http_transport::impl::handle(http::request& request, http::responder& respond) {
  if (auto wrong = refused_caller(request.headers, options)) {
    co_await refuse(request, respond, 403, error_code::invalid_request, "Forbidden: " + *wrong);
    co_return;
  }
  if (request.method == "OPTIONS") {
    co_await preflight(request, respond);
    co_return;
  }
  auto session = request.headers.get("Mcp-Session-Id");
  if (request.method == "GET" && session && read_accept(request.headers).events)
    if (auto v = read_session_id(*session)) {
      co_await stream(request, respond, std::string(*session), *v);
      co_return;
    }
  if (request.method != "POST") {
    http::headers fields = plain_fields(request);
    fields.add("Allow", "POST, OPTIONS");
    http::response answer{
        405, std::move(fields),
        error_response("null", error_code::invalid_request, "Method not allowed: this endpoint takes POST only")};
    co_await respond.send(std::move(answer));
    co_return;
  }
  if (!says_json(request.headers)) {
    co_await refuse(request, respond, 415, error_code::invalid_request,
                    "Unsupported media type: Content-Type must be application/json");
    co_return;
  }
  accepted accept = read_accept(request.headers);
  if ((!accept.json && !accept.events) || (options.strict_accept && !(accept.json && accept.events))) {
    co_await refuse(request, respond, 406, error_code::invalid_request,
                    "Not acceptable: Accept must list application/json and text/event-stream");
    co_return;
  }
  std::string_view body = request.body;
  if (body.starts_with("\xEF\xBB\xBF")) body.remove_prefix(3);
  co_await take(request, respond, read_message(body), accept);
}

task<void> http_transport::impl::take(http::request& request, http::responder& respond, incoming in, accepted accept) {
  message& first = in.messages.front();
  if (!in.is_batch && first.kind == message_kind::request) {
    co_await take_request(request, respond, std::move(first), accept);
    co_return;
  }
  if (!in.is_batch && first.kind == message_kind::invalid) {
    reply refused = engine::refuse(first);
    co_await send_json(request, respond, refused.status, std::move(refused.body));
    co_return;
  }

  auto header = request.headers.get("MCP-Protocol-Version");
  if (header && !parse_version(*header)) {
    co_await refuse(request, respond, 400, error_code::invalid_request,
                    "Unsupported protocol version in the header MCP-Protocol-Version");
    co_return;
  }
  for (message& m : in.messages) {
    if (m.kind == message_kind::notification && m.method == "notifications/cancelled") cancel(request, m);
    if (m.kind == message_kind::response) engine().deliver(m);
  }

  std::optional<reply> done;
  if (in.is_batch) {
    // Without a header the revision is known only from a session id: batches exist in 2025-03-26 alone.
    peer from;
    auto session = request.headers.get("Mcp-Session-Id");
    if (header)
      from.negotiated = parse_version(*header);
    else if (session)
      from.negotiated = read_session_id(*session);
    done = co_await engine().answer_all(std::move(in), from, false, {});
  }
  if (done) {
    co_await send_json(request, respond, done->status, std::move(done->body));
  } else {
    http::response answer{202, {}, {}};
    add_cors(request, answer.headers);
    co_await respond.send(std::move(answer));
  }
}

task<void> http_transport::impl::take_request(http::request& request, http::responder& respond, message m,
                                              accepted accept) {
  auto header = request.headers.get("MCP-Protocol-Version");
  auto header_version = header ? parse_version(*header) : std::nullopt;
  method kind = find_method(m.method);
  bool modern = has_modern_meta(m) || kind == method::discover || kind == method::listen ||
                (kind != method::initialize && header_version && is_modern(*header_version));
  peer from;
  if (modern) {
    const tool* called = nullptr;
    if (kind == method::call_tool) called = to.find_tool(json::string_or(m.params, "name"));
    if (auto wrong = header_mismatch(m, request.headers, called)) {
      co_await send_json(request, respond, 400,
                         error_response(m.id, error_code::header_mismatch, "Header mismatch: " + *wrong));
      co_return;
    }
  } else {
    from.negotiated = legacy_version(request, m.method);
    if (!from.negotiated) {
      co_await send_json(request, respond, 400,
                         error_response(m.id, error_code::invalid_request,
                                        "Unsupported protocol version in the header MCP-Protocol-Version"));
      co_return;
    }
    auto session = request.headers.get("Mcp-Session-Id");
    if (session && kind != method::initialize && !read_session_id(*session)) {
      co_await send_json(request, respond, 404,
                         error_response(m.id, error_code::invalid_request,
                                        "Unknown session: send \"initialize\" again, without Mcp-Session-Id"));
      co_return;
    }
  }

  // Only what outlives the request needs a place of its own.
  std::shared_ptr<legacy_clients::entry> remembered;
  bool lasts = kind == method::subscribe || kind == method::unsubscribe || kind == method::set_level;
  if (auto session = request.headers.get("Mcp-Session-Id"); session && !modern && kind != method::initialize)
    remembered =
        lasts ? clients.find_or_make(std::string(*session), *from.negotiated) : clients.find(std::string(*session));
  if (kind == method::initialize) from.push = [](const std::string&) {}; // its session can have a stream
  if (remembered) from.least_level = remembered->peer.least_level;
  opened state;
  auto now = engine().answer_now(m, remembered && lasts ? remembered->peer : from, modern, state);
  if (!now) {
    co_await run(request, respond, std::move(m), state, from, accept, modern);
    co_return;
  }
  http::response answer{now->status, plain_fields(request), std::move(now->body)};
  if (kind == method::initialize && from.client)
    answer.headers.add("Mcp-Session-Id", make_session_id(*from.negotiated));
  if (!accept.json && answer.status == 200) {
    answer.headers.set("Content-Type", "text/event-stream");
    answer.body = "event: message\ndata: " + answer.body + "\n\n";
  }
  co_await respond.send(std::move(answer));
}

task<void> http_transport::impl::run(http::request& request, http::responder& respond, message m, opened state,
                                     peer& from, accepted accept, bool modern) {
  std::string id = m.id;
  bool listens = modern && m.method == "subscriptions/listen";
  if (listens && !accept.events) {
    co_await send_json(request, respond, 406,
                       error_response(id, error_code::invalid_request,
                                      "Not acceptable: subscriptions/listen answers with text/event-stream"));
    co_return;
  }
  if (modern) respond.cancel_on_disconnect(true);

  exchange x;
  co_await with_task_group([&](task_group& group) -> task<void> {
    task_handle worker = group.spawn([&]() -> task<void> {
      struct ending {
        exchange& x;
        ~ending() {
          x.worker_ended = true;
          x.wake.set();
        }
      } at_end{x};
      sink out;
      if (accept.events)
        out = [&x](std::string text, bool needed) {
          if (x.client_gone || (!needed && x.queue.size() >= max_queued)) return;
          x.queue.push_back(std::move(text));
          x.wake.set();
        };
      x.result = co_await engine().answer(std::move(m), state, from, std::move(out));
    });
    if (x.worker_ended && x.queue.empty()) co_return; // it never had to wait

    // A legacy call is cancelled by a notification on another connection.
    struct registration {
      impl* self = nullptr;
      std::unordered_multimap<std::string, task_handle>::iterator entry;
      ~registration() {
        if (self) self->running.erase(entry);
      }
    } registered;
    if (!modern) {
      registered.entry = running.emplace(client_key(request) + "\n" + id, worker);
      registered.self = this;
    }
    // A subscription would hold up the end of the server: it is ended properly.
    auto end_listening = [&] {
      if (listens) worker.cancel();
    };
    std::stop_callback on_drain(respond.draining(), end_listening);
    co_await pump(request, respond, x, accept);
  });

  if (!x.result && listens) x.result = reply{result_response(id, engine().listen_end(id))};
  if (x.client_gone) co_return;
  if (!x.begun && x.result && accept.json) {
    co_await send_json(request, respond, x.result->status, std::move(x.result->body));
  } else if (x.result) {
    x.queue.push_back(std::move(x.result->body));
    co_await write_events(request, respond, x, false);
    if (!x.client_gone) co_await respond.finish();
  } else if (x.begun) {
    co_await respond.finish(); // cancelled: no response
  } else {
    http::response answer{202, {}, {}};
    co_await respond.send(std::move(answer));
  }
}

/// The stream of a legacy session: list changes and updates of resources, until the client or the server goes.
task<void> http_transport::impl::stream(http::request& request, http::responder& respond, std::string session,
                                        version v) {
  auto client = clients.find_or_make(session, v);
  if (client->deliver) {
    co_await refuse(request, respond, 409, error_code::invalid_request, "Conflict: this session has a stream already");
    co_return;
  }
  exchange x;
  x.tick = true; // the head leaves at once
  x.ends_with_client = true;
  client->deliver = [&x](std::string text) {
    if (x.queue.size() >= max_queued) return;
    x.queue.push_back(std::move(text));
    x.wake.set();
  };
  struct ending {
    legacy_clients::entry& client;
    ~ending() { client.deliver = nullptr; }
  } at_end{*client};
  auto end = [&x] {
    x.worker_ended = true;
    x.wake.set();
  };
  std::stop_callback on_drain(respond.draining(), end);
  respond.cancel_on_disconnect(true);
  co_await pump(request, respond, x, {true, true});
  if (x.begun && !x.client_gone) co_await respond.finish();
}

/// Carries notifications to the client until the worker has ended.
task<void> http_transport::impl::pump(http::request& request, http::responder& respond, exchange& x, accepted accept) {
  timer ticker([&x] {
    x.tick = true;
    x.wake.set();
  });
  if (accept.events) ticker.arm(clock::now() + options.stream_after);
  while (!x.worker_ended || !x.queue.empty()) {
    if (!x.queue.empty() || x.tick) {
      bool tick = std::exchange(x.tick, false);
      co_await write_events(request, respond, x, tick);
      ticker.arm(clock::now() + options.keep_alive);
      continue;
    }
    x.wake.reset();
    co_await x.wake.wait();
  }
}

task<void> http_transport::impl::write_events(http::request& request, http::responder& respond, exchange& x,
                                              bool keep_alive) {
  try {
    if (!x.begun && !x.client_gone) {
      x.begun = true;
      http::headers fields{
          {"Content-Type", "text/event-stream"}, {"Cache-Control", "no-cache"}, {"X-Accel-Buffering", "no"}};
      add_cors(request, fields);
      co_await respond.begin(200, std::move(fields));
    }
    std::string bytes = keep_alive && x.queue.empty() ? ": still working\n\n" : "";
    for (const std::string& text : x.queue) bytes += "event: message\ndata: " + text + "\n\n";
    x.queue.clear();
    if (!x.client_gone) co_await respond.write(bytes);
  } catch (const error&) {
    // The client has gone, or does not read. A legacy call runs on all the same; a modern one is cancelled by then.
    x.client_gone = true;
    if (x.ends_with_client) x.worker_ended = true;
    x.queue.clear();
  }
}

void http_transport::impl::cancel(const http::request& request, const message& m) {
  const json::value* id = json::find(m.params, "requestId");
  if (!id) return;
  std::string key = client_key(request) + "\n" + id_text(*id);
  if (running.count(key) == 1) running.find(key)->second.cancel();
}

http_transport::http_transport(server& to, http_options options)
    : impl_(std::make_unique<impl>(to, std::move(options))) {}
http_transport::~http_transport() = default;

void http_transport::attach(http::server& where) {
  where.route("*", impl_->options.path,
              [this](http::request& request, http::responder& respond) { return handle(request, respond); });
}

task<void> http_transport::handle(http::request& request, http::responder& respond) {
  return impl_->handle(request, respond);
}

} // namespace weir::mcp
