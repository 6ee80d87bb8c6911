// News for clients: streams of subscriptions/listen (modern), and pushes to legacy clients on pipes.
#include <mcp/engine.hpp>

#include <algorithm>
#include <utility>

namespace weir::mcp::detail {

namespace {

constexpr std::size_t max_uris = 1000;

bool flag(const json::object& filter, std::string_view name) {
  const json::value* found = json::find(filter, name);
  if (!found) return false;
  if (!found->is_bool())
    throw rpc_error(error_code::invalid_params, "Invalid params: \"" + std::string(name) + "\" must be true or false");
  return found->get_bool();
}

/// A notification that names its subscription. `id` is JSON text.
std::string tagged(std::string_view method, std::string_view id, const json::object& rest) {
  std::string out = R"({"jsonrpc":"2.0","method":")" + std::string(method) + R"(","params":{"_meta":{")";
  out += std::string(meta_key::subscription_id) + "\":" + std::string(id) + "}";
  if (!rest.empty())
    out += "," + json::serialize(rest).substr(1, std::string::npos);
  else
    out += "}";
  return out + "}";
}

} // namespace

task<std::string> engine::listen(message& m, const sink& out) {
  const json::value* given = json::find(m.params, "notifications");
  if (!given || !given->is_object())
    throw rpc_error(error_code::invalid_params, "Invalid params: \"notifications\" must be an object");
  const json::object& filter = given->get_object();

  listener me;
  me.id = m.id;
  me.out = &out;
  me.wants.tools = flag(filter, "toolsListChanged") && options.tools_change;
  me.wants.prompts = flag(filter, "promptsListChanged") && options.prompts_change;
  me.wants.resources = flag(filter, "resourcesListChanged") && options.resources_change;
  json::array uris;
  if (const json::value* list = json::find(filter, "resourceSubscriptions")) {
    if (!list->is_array() || list->get_array().size() > max_uris)
      throw rpc_error(error_code::invalid_params,
                      "Invalid params: \"resourceSubscriptions\" must be an array of at most 1000 URIs");
    for (const json::value& uri : list->get_array()) {
      if (!uri.is_string())
        throw rpc_error(error_code::invalid_params, "Invalid params: \"resourceSubscriptions\" must hold strings");
      me.uris.emplace(uri.get_string());
      uris.push_back(uri);
    }
  }

  json::object honoured;
  if (me.wants.tools) honoured.emplace("toolsListChanged", true);
  if (me.wants.prompts) honoured.emplace("promptsListChanged", true);
  if (me.wants.resources) honoured.emplace("resourcesListChanged", true);
  if (!uris.empty()) honoured.emplace("resourceSubscriptions", std::move(uris));
  out(tagged("notifications/subscriptions/acknowledged", me.id, {{"notifications", std::move(honoured)}}), true);

  struct registration {
    std::vector<listener*>& all;
    listener* one;
    ~registration() { std::erase(all, one); }
  };
  listeners_.push_back(&me);
  registration entry{listeners_, &me};
  co_await closing.wait();

  co_return listen_end(me.id);
}

std::string engine::listen_end(std::string_view id) const {
  return "{\"resultType\":\"complete\",\"_meta\":{\"" + std::string(meta_key::subscription_id) +
         "\":" + std::string(id) + ",\"" + std::string(meta_key::server_info) +
         "\":" + json::serialize(self(newest_modern)) + "}}";
}

void engine::announce(std::string_view method, bool subscription_filter::* wanted) {
  for (listener* one : listeners_)
    if (one->wants.*wanted) (*one->out)(tagged(method, one->id, {}), false);
  for (peer* one : peers)
    if (one->negotiated && one->push) one->push(notification(method, {}));
}

void engine::announce_update(std::string_view uri) {
  constexpr std::string_view method = "notifications/resources/updated";
  json::object params{{"uri", uri}};
  for (listener* one : listeners_)
    if (one->uris.contains(uri)) (*one->out)(tagged(method, one->id, params), false);
  for (peer* one : peers)
    if (one->push && one->subscribed.contains(uri)) one->push(notification(method, params));
}

} // namespace weir::mcp::detail
