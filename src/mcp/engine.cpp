#include <weir/core/error.hpp>
#include <weir/core/gather.hpp>

#include <mcp/engine.hpp>

#include <cstdio>
#include <utility>

namespace weir::mcp::detail {

namespace {

struct method_name {
  std::string_view name;
  method kind;
};

constexpr method_name method_names[] = {
    {"tools/call", method::call_tool},
    {"tools/list", method::list_tools},
    {"server/discover", method::discover},
    {"initialize", method::initialize},
    {"ping", method::ping},
    {"resources/read", method::read_resource},
    {"resources/list", method::list_resources},
    {"resources/templates/list", method::list_templates},
    {"resources/subscribe", method::subscribe},
    {"resources/unsubscribe", method::unsubscribe},
    {"prompts/list", method::list_prompts},
    {"prompts/get", method::get_prompt},
    {"completion/complete", method::complete},
    {"logging/setLevel", method::set_level},
    {"subscriptions/listen", method::listen},
};

bool is_modern_only(method kind) noexcept { return kind == method::discover || kind == method::listen; }

/// Gone from the protocol with 2026-07-28.
bool is_legacy_only(method kind) noexcept {
  return kind == method::initialize || kind == method::ping || kind == method::set_level || kind == method::subscribe ||
         kind == method::unsubscribe;
}

/// Names in errors are the client's own words: short, so that an error stays small.
std::string cut(std::string_view text) {
  return text.size() <= 128 ? std::string(text) : std::string(text.substr(0, 125)) + "...";
}

json::array modern_versions() {
  json::array out;
  for (version v : all_versions)
    if (is_modern(v)) out.push_back(json::value(to_string(v)));
  return out;
}

rpc_error malformed(const std::string& what) {
  return rpc_error(error_code::invalid_params, "Invalid params: " + what, 400);
}

} // namespace

method find_method(std::string_view name) noexcept {
  for (const method_name& entry : method_names)
    if (entry.name == name) return entry.kind;
  return method::unknown;
}

bool has_modern_meta(const message& m) noexcept {
  const json::value* meta = json::find(m.params, "_meta");
  if (!meta || !meta->is_object()) return false;
  const json::object& object = meta->get_object();
  return object.contains(meta_key::protocol_version) || object.contains(meta_key::client_capabilities);
}

std::string string_param(const json::object& params, std::string_view name) {
  const json::value* found = json::find(params, name);
  if (!found || !found->is_string())
    throw rpc_error(error_code::invalid_params, "Invalid params: \"" + std::string(name) + "\" must be a string");
  return std::string(found->get_string());
}

void refuse_cursor(const json::object& params) {
  const json::value* cursor = json::find(params, "cursor");
  if (cursor && !cursor->is_null())
    throw rpc_error(error_code::invalid_params, "Invalid params: unknown cursor; this list has one page");
}

void engine::log(std::string_view line) const {
  if (options.log) return options.log(line);
  std::string text = "weir mcp: " + std::string(line) + "\n";
  std::fwrite(text.data(), 1, text.size(), stderr);
}

opened engine::open(message& m, const peer& from, bool modern_hint) const {
  opened state;
  method kind = find_method(m.method);
  bool modern = modern_hint || is_modern_only(kind) || has_modern_meta(m);
  if (json::value* meta = m.params.if_contains("_meta")) {
    if (!meta->is_object()) throw malformed("\"_meta\" must be an object");
    state.meta = &meta->get_object();
  }
  if (modern) {
    open_modern(m, state);
    if (kind == method::unknown || is_legacy_only(kind))
      throw rpc_error(error_code::method_not_found, "Method not found: " + cut(m.method), 404);
    return state;
  }
  if (kind == method::unknown) throw rpc_error(error_code::method_not_found, "Method not found: " + cut(m.method));
  if (!from.negotiated && kind != method::initialize && kind != method::ping)
    throw rpc_error(error_code::invalid_params,
                    "Invalid params: no protocol version. Send \"initialize\" first, or put \"" +
                        std::string(meta_key::protocol_version) + "\" into the request's _meta");
  state.protocol = from.negotiated.value_or(newest_legacy);
  return state;
}

void engine::open_modern(message&, opened& state) const {
  const json::value* stated = state.meta ? json::find(*state.meta, meta_key::protocol_version) : nullptr;
  if (!stated || !stated->is_string())
    throw malformed("_meta must hold \"" + std::string(meta_key::protocol_version) + "\" as a string");
  std::string_view text = stated->get_string();
  auto known = parse_version(text);
  if (!known || !is_modern(*known))
    throw rpc_error(error_code::unsupported_version, "Unsupported protocol version",
                    json::value(json::object{{"supported", modern_versions()}, {"requested", *stated}}), 400);
  const json::value* abilities = json::find(*state.meta, meta_key::client_capabilities);
  if (!abilities || !abilities->is_object())
    throw malformed("_meta must hold \"" + std::string(meta_key::client_capabilities) + "\" as an object");
  if (const json::value* level = json::find(*state.meta, meta_key::log_level))
    if (!level->is_string() || !parse_log_level(level->get_string()))
      throw malformed("\"" + std::string(meta_key::log_level) + "\" is no log level");
  state.protocol = *known;
}

/// Runs `f`, which gives the text of a result, and makes a response of whatever happens.
template <class F>
reply engine::guarded(std::string_view id, F&& f) const {
  try {
    return f();
  } catch (const rpc_error& failure) {
    return {error_response(id, failure), failure.http_status()};
  } catch (const error& failure) {
    return {error_response(id, error_code::internal, failure.what())};
  } catch (const std::exception& failure) {
    log(std::string("a request failed unexpectedly: ") + failure.what());
    return {error_response(id, error_code::internal, "Internal error; the server's log has the details")};
  }
}

std::optional<reply> engine::answer_now(message& m, peer& from, bool modern_hint, opened& state) {
  bool waits = false;
  reply now = guarded(m.id, [&]() -> reply {
    state = open(m, from, modern_hint);
    auto text = result_now(find_method(m.method), m, state, from);
    if (!text) {
      waits = true;
      return {};
    }
    return {result_response(m.id, *text)};
  });
  if (waits) return std::nullopt;
  return now;
}

std::optional<std::string> engine::result_now(method kind, message& m, opened& state, peer& from) {
  switch (kind) {
  case method::discover:
    return discover();
  case method::initialize:
    return initialize(m, from);
  case method::ping:
    return "{}";
  case method::set_level:
    return set_level(m, from);
  case method::list_tools:
    refuse_cursor(m.params);
    return tool_list(state.protocol);
  case method::list_prompts:
    refuse_cursor(m.params);
    return prompt_list(state.protocol);
  case method::list_templates:
    refuse_cursor(m.params);
    return template_list(state.protocol);
  case method::subscribe:
    return subscribe(m, from, true);
  case method::unsubscribe:
    return subscribe(m, from, false);
  default:
    return std::nullopt;
  }
}

task<std::string> engine::result(method kind, message& m, opened& state, peer& from, const sink& out) {
  switch (kind) {
  case method::call_tool:
    return call_tool(m, state, from, out);
  case method::list_resources:
    return list_resources(m, state, from, out);
  case method::read_resource:
    return read_resource(m, state, from, out);
  case method::get_prompt:
    return get_prompt(m, state, from, out);
  case method::complete:
    return complete(m, state);
  default:
    return listen(m, out);
  }
}

task<reply> engine::answer(message m, opened state, peer& from, sink out) {
  // The message may have moved since it was opened.
  if (json::value* meta = m.params.if_contains("_meta")) state.meta = &meta->get_object();
  std::exception_ptr failure;
  std::string text;
  try {
    text = co_await result(find_method(m.method), m, state, from, out);
  } catch (const std::exception&) {
    failure = std::current_exception();
  } catch (const input_needed& needed) {
    text = input_required(needed, state.purpose);
  }
  co_return guarded(m.id, [&]() -> reply {
    if (failure) std::rethrow_exception(failure);
    return {result_response(m.id, text)};
  });
}

reply engine::refuse(const message& m) { return {error_response(m.id, m.error_code, m.error_text), 400}; }

message engine::refused_batch() {
  message m;
  m.error_code = error_code::invalid_request;
  m.error_text = "Invalid request: batches exist in protocol 2025-03-26 only; send one message at a time";
  return m;
}

task<std::optional<reply>> engine::answer_all(incoming in, peer& from, bool modern_hint, sink out) {
  bool batch = in.is_batch;
  if (batch && from.negotiated != version::v2025_03_26) co_return refuse(refused_batch());

  std::vector<std::string> bodies;
  std::vector<task<reply>> waiting;
  int status = 200;
  for (message& m : in.messages) {
    opened state;
    if (m.kind == message_kind::invalid) {
      reply refused = refuse(m);
      bodies.push_back(std::move(refused.body));
      status = refused.status;
      continue;
    }
    if (m.kind != message_kind::request) continue;
    if (batch && m.method == "initialize") {
      bodies.push_back(error_response(m.id, error_code::invalid_request, "Invalid request: initialize in a batch"));
    } else if (auto now = answer_now(m, from, modern_hint, state)) {
      bodies.push_back(std::move(now->body));
      status = now->status;
    } else {
      waiting.push_back(answer(std::move(m), state, from, out));
    }
  }
  for (reply& done : co_await gather(std::move(waiting))) {
    bodies.push_back(std::move(done.body));
    status = done.status;
  }
  if (bodies.empty()) co_return std::nullopt;
  if (!batch) co_return reply{std::move(bodies.front()), status};
  std::string joined = "[";
  for (std::string& body : bodies) joined += (joined.size() > 1 ? "," : "") + body;
  co_return reply{joined + "]"};
}

} // namespace weir::mcp::detail
