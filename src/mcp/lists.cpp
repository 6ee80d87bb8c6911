// The opening of a conversation, and the lists that are written once per revision.
#include <weir/core/error.hpp>

#include <mcp/engine.hpp>

#include <algorithm>
#include <utility>

namespace weir::mcp::detail {

namespace {

constexpr std::size_t max_subscriptions = 1000;

void put(json::object& out, std::string_view key, const std::string& value) {
  if (!value.empty()) out.emplace(key, value);
}

std::size_t count_characters(std::string_view utf8) noexcept {
  return static_cast<std::size_t>(
      std::count_if(utf8.begin(), utf8.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

/// What a client says about itself in clientInfo. Anything odd is left out: it is for logs only.
implementation read_client(const json::value* value) {
  implementation out;
  if (!value || !value->is_object()) return out;
  const json::object& object = value->get_object();
  out.name = json::string_or(object, "name").substr(0, 256);
  out.version = json::string_or(object, "version").substr(0, 256);
  out.title = json::string_or(object, "title").substr(0, 256);
  return out;
}

} // namespace

engine::engine(server_options given) : options(std::move(given)) {
  if (options.info.name.empty() || options.info.version.empty())
    throw error(errc::invalid_argument, "an MCP server needs a name and a version");
  if (count_characters(options.instructions) > 2000)
    throw error(errc::invalid_argument, "the server's instructions are longer than 2,000 characters; clients cut them");
  // Every result says who answered; the details are in server/discover.
  modern_tail_ = "\"resultType\":\"complete\",\"_meta\":{\"" + std::string(meta_key::server_info) +
                 "\":" + json::serialize(self(version::v2024_11_05)) + "}}";
}

json::object engine::self(version v) const {
  json::object out{{"name", options.info.name}, {"version", options.info.version}};
  if (v >= version::v2025_06_18) put(out, "title", options.info.title);
  if (v >= version::v2025_11_25) {
    put(out, "description", options.info.description);
    put(out, "websiteUrl", options.info.website_url);
  }
  return out;
}

json::object engine::capabilities(version v, bool can_push) const {
  auto list = [&](bool changes) {
    json::object out;
    if (changes && can_push) out.emplace("listChanged", true);
    return out;
  };
  json::object out;
  if (options.logging) out.emplace("logging", json::object());
  if (v >= version::v2025_03_26) out.emplace("completions", json::object());
  out.emplace("prompts", list(options.prompts_change));
  json::object resources_entry = list(options.resources_change);
  if (can_push) resources_entry.emplace("subscribe", true);
  out.emplace("resources", std::move(resources_entry));
  out.emplace("tools", list(options.tools_change));
  return out;
}

std::string engine::finish(const json::object& result, version v, const cache_hint* hint) const {
  std::string out = json::serialize(result);
  if (!is_modern(v)) return out;
  out.pop_back();
  if (!result.empty()) out += ',';
  if (hint) {
    out += "\"ttlMs\":" + std::to_string(std::max<std::int64_t>(0, hint->ttl.count()));
    out += hint->is_public ? ",\"cacheScope\":\"public\"," : ",\"cacheScope\":\"private\",";
  }
  return out + modern_tail_;
}

std::string engine::discover() const {
  json::array versions;
  for (version v : all_versions)
    if (is_modern(v)) versions.push_back(json::value(to_string(v)));
  json::object out{{"supportedVersions", std::move(versions)}, {"capabilities", capabilities(newest_modern, true)}};
  put(out, "instructions", options.instructions);
  std::string text = finish(out, newest_modern, &options.lists);
  text.resize(text.size() - modern_tail_.size());
  return text + "\"resultType\":\"complete\",\"_meta\":{\"" + std::string(meta_key::server_info) +
         "\":" + json::serialize(self(newest_modern)) + "}}";
}

std::string engine::initialize(message& m, peer& from) const {
  std::string wanted = string_param(m.params, "protocolVersion");
  auto known = parse_version(wanted);
  version chosen = known && !is_modern(*known) ? *known : newest_legacy;

  auto facts = std::make_shared<client_facts>();
  facts->info = read_client(json::find(m.params, "clientInfo"));
  if (json::value* found = m.params.if_contains("capabilities"); found && found->is_object())
    facts->capabilities = std::move(found->get_object());
  from.client = std::move(facts);
  from.negotiated = chosen;

  json::object out{{"protocolVersion", to_string(chosen)},
                   {"capabilities", capabilities(chosen, static_cast<bool>(from.push))},
                   {"serverInfo", self(chosen)}};
  put(out, "instructions", options.instructions);
  return json::serialize(out);
}

std::string engine::set_level(message& m, peer& from) const {
  auto level = parse_log_level(string_param(m.params, "level"));
  if (!level) throw rpc_error(error_code::invalid_params, "Invalid params: \"level\" is no log level");
  from.least_level = *level;
  return "{}";
}

std::string engine::subscribe(message& m, peer& from, bool on) const {
  std::string uri = string_param(m.params, "uri");
  if (!from.push)
    throw rpc_error(error_code::method_not_found, "Method not found: this connection cannot carry resource updates");
  if (!on) {
    from.subscribed.erase(uri);
    return "{}";
  }
  if (from.subscribed.size() >= max_subscriptions && !from.subscribed.contains(uri))
    throw rpc_error(error_code::invalid_params, "Invalid params: too many subscriptions; unsubscribe from some first");
  from.subscribed.insert(std::move(uri));
  return "{}";
}

void engine::lists_edited() {
  for (auto* lists : {&tool_lists_, &prompt_lists_, &template_lists_})
    for (std::string& text : *lists) text.clear();
}

const std::string& engine::tool_list(version v) {
  std::string& text = tool_lists_[static_cast<std::size_t>(v)];
  if (!text.empty()) return text;
  json::array entries;
  for (const auto& t : tools) entries.push_back(describe(*t, v));
  return text = finish({{"tools", std::move(entries)}}, v, &options.lists);
}

const std::string& engine::prompt_list(version v) {
  std::string& text = prompt_lists_[static_cast<std::size_t>(v)];
  if (!text.empty()) return text;
  json::array entries;
  for (const auto& p : prompts) entries.push_back(describe(*p, v));
  return text = finish({{"prompts", std::move(entries)}}, v, &options.lists);
}

const std::string& engine::template_list(version v) {
  std::string& text = template_lists_[static_cast<std::size_t>(v)];
  if (!text.empty()) return text;
  json::array entries;
  for (const auto& t : templates) entries.push_back(describe(*t, v));
  return text = finish({{"resourceTemplates", std::move(entries)}}, v, &options.lists);
}

call_context::origin engine::origin_of(message& m, opened& state, const peer& from, const sink& out) {
  call_context::origin origin;
  origin.protocol = state.protocol;
  origin.client = from.client;
  bool may_log = options.logging;
  origin.least_level = from.least_level;
  if (is_modern(state.protocol)) {
    auto facts = std::make_shared<client_facts>();
    facts->info = read_client(json::find(*state.meta, meta_key::client_info));
    if (json::value* found = state.meta->if_contains(meta_key::client_capabilities))
      facts->capabilities = std::move(found->get_object());
    origin.client = std::move(facts);
    auto level = parse_log_level(json::string_or(*state.meta, meta_key::log_level));
    may_log = may_log && level;
    if (level) origin.least_level = *level;
  }
  if (may_log && out)
    origin.on_log = [&out](log_level level, std::string_view logger, const json::value& data) {
      json::object params{{"level", to_string(level)}};
      if (!logger.empty()) params.emplace("logger", logger);
      params.emplace("data", data);
      out(notification("notifications/message", params), false);
    };

  const json::value* token = state.meta ? json::find(*state.meta, "progressToken") : nullptr;
  if (token && out && (token->is_string() || json::as_integer(*token))) {
    bool with_text = state.protocol >= version::v2025_03_26;
    origin.on_progress = [&out, token, with_text](const progress_update& update) {
      auto number = [](double d) { // 50 rather than 50.0
        auto whole = json::as_integer(json::value(d));
        return whole ? json::value(*whole) : json::value(d);
      };
      json::object params{{"progressToken", *token}, {"progress", number(update.progress)}};
      if (update.total) params.emplace("total", number(*update.total));
      if (with_text && !update.message.empty()) params.emplace("message", update.message);
      out(notification("notifications/progress", params), false);
    };
  }
  if (!state.purpose.empty()) {
    origin.may_end_with_questions = is_modern(state.protocol);
    if (origin.may_end_with_questions)
      read_answers(m, origin, state.purpose);
    else if (out)
      origin.ask_now = [this, &out](input_request request) { return ask_client(std::move(request), out); };
  }
  return origin;
}

} // namespace weir::mcp::detail
