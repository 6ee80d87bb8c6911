// Requests that run somebody's code: tools, resources, prompts, completion.
#include <weir/core/cancelled.hpp>
#include <weir/core/error.hpp>
#include <weir/core/stop.hpp>

#include <mcp/engine.hpp>

#include <utility>

namespace weir::mcp::detail {

namespace {

constexpr std::size_t max_completions = 100;

std::string cut(std::string_view text) {
  return text.size() <= 128 ? std::string(text) : std::string(text.substr(0, 125)) + "...";
}

/// Stops a call's progress on every way out, before its response is written.
struct finisher {
  call_context& context;
  ~finisher() { context.finish(); }
};

/// A provider's failure as the client gets it: what the caller did wrong is -32602, everything else -32603.
rpc_error from_provider(const error& failure) {
  bool callers_fault = failure.code() == errc::invalid_argument || failure.code() == errc::not_found ||
                       failure.code() == errc::unsupported;
  return rpc_error(callers_fault ? error_code::invalid_params : error_code::internal, failure.what());
}

rpc_error no_such_resource(const std::string& uri, version v) {
  return rpc_error(is_modern(v) ? error_code::invalid_params : error_code::legacy_resource_not_found,
                   "Resource not found", json::value(json::object{{"uri", uri}}));
}

std::map<std::string, std::string> string_map(const json::value* value, std::string_view what) {
  std::map<std::string, std::string> out;
  if (!value || value->is_null()) return out;
  if (!value->is_object())
    throw rpc_error(error_code::invalid_params, "Invalid params: \"" + std::string(what) + "\" must be an object");
  for (const auto& [key, text] : value->get_object()) {
    if (!text.is_string())
      throw rpc_error(error_code::invalid_params,
                      "Invalid params: \"" + std::string(what) + "\" must hold strings only");
    out.emplace(key, text.get_string());
  }
  return out;
}

json::object object_param(const json::object& params, std::string_view name) {
  const json::value* found = json::find(params, name);
  if (!found || !found->is_object())
    throw rpc_error(error_code::invalid_params, "Invalid params: \"" + std::string(name) + "\" must be an object");
  return found->get_object();
}

} // namespace

std::shared_ptr<const tool> engine::find_tool(std::string_view name) const noexcept {
  for (const auto& t : tools)
    if (t->name == name) return t;
  return nullptr;
}

std::shared_ptr<const prompt> engine::find_prompt(std::string_view name) const noexcept {
  for (const auto& p : prompts)
    if (p->name == name) return p;
  return nullptr;
}

task<tool_result> engine::run_tool(const tool& t, call_context& context, json::object arguments) const {
  constexpr const char* unexpected = "The tool failed unexpectedly; the server's log has the details.";
  std::string told;
  try {
    co_return co_await t.handler(context, std::move(arguments));
  } catch (const rpc_error&) {
    throw;
  } catch (const error& failure) {
    told = failure.what();
  } catch (const std::exception& failure) {
    log("tool " + t.name + " failed unexpectedly: " + failure.what());
    told = unexpected;
  } catch (const cancelled&) {
    // Cancelled from within (a pool that closed), not by the client: the call still gets its answer.
    if (this_task::is_cancelled()) throw;
    told = "The work was cancelled on the server's side before it was done.";
  } catch (const input_needed&) {
    throw;
  } catch (...) {
    log("tool " + t.name + " failed with something that is no std::exception");
    told = unexpected;
  }
  co_return tool_result::error(std::move(told));
}

task<std::string> engine::call_tool(message& m, opened& state, peer& from, const sink& out) {
  std::string name = string_param(m.params, "name");
  std::shared_ptr<const tool> found = find_tool(name);
  if (!found) throw rpc_error(error_code::invalid_params, "Unknown tool: " + cut(name));
  json::object arguments;
  if (json::value* given = m.params.if_contains("arguments"); given && !given->is_null()) {
    if (!given->is_object())
      throw rpc_error(error_code::invalid_params, "Invalid params: \"arguments\" must be an object");
    arguments = std::move(given->get_object());
  }

  if (found->asks_client) state.purpose = m.method + "\n" + name + "\n" + json::serialize(arguments);
  tool_result outcome;
  {
    call_context context(origin_of(m, state, from, out));
    finisher at_end{context};
    outcome = co_await run_tool(*found, context, std::move(arguments));
  }

  version v = state.protocol;
  bool structured =
      outcome.structured && v >= version::v2025_06_18 && (is_modern(v) || outcome.structured->is_object());
  json::array blocks;
  for (const content& piece : outcome.content) blocks.push_back(to_json(piece, v));
  if (blocks.empty() && outcome.structured)
    blocks.push_back(to_json(content(text_content{json::serialize(*outcome.structured)}), v));
  json::object result{{"content", std::move(blocks)}};
  if (structured) result.emplace("structuredContent", std::move(*outcome.structured));
  result.emplace("isError", outcome.is_error);
  co_return finish(result, v);
}

task<std::string> engine::list_resources(message& m, opened& state, peer& from, const sink& out) {
  std::string cursor;
  if (const json::value* given = json::find(m.params, "cursor"); given && !given->is_null()) {
    cursor = string_param(m.params, "cursor");
    if (cursor.empty() || !provider.list) refuse_cursor(m.params);
  }
  json::array entries;
  if (cursor.empty())
    for (const auto& fixed : resources)
      if (fixed->listed) entries.push_back(describe(fixed->what, state.protocol));

  json::object result;
  if (provider.list) {
    call_context context(origin_of(m, state, from, out));
    finisher at_end{context};
    try {
      resource_page page = co_await provider.list(context, std::move(cursor));
      for (const resource& r : page.resources) entries.push_back(describe(r, state.protocol));
      if (!page.next_cursor.empty()) result.emplace("nextCursor", std::move(page.next_cursor));
    } catch (const error& failure) {
      throw from_provider(failure);
    }
  }
  result.emplace("resources", std::move(entries));
  co_return finish(result, state.protocol, provider.list ? &provider.list_hint : &options.lists);
}

task<std::string> engine::read_resource(message& m, opened& state, peer& from, const sink& out) {
  std::string uri = string_param(m.params, "uri");
  std::shared_ptr<const fixed_resource> fixed;
  for (const auto& candidate : resources)
    if (candidate->what.uri == uri) fixed = candidate;
  const resource_reader& read = fixed ? fixed->read : provider.read;
  if (!read) throw no_such_resource(uri, state.protocol);
  state.purpose = m.method + "\n" + uri;

  std::vector<resource_contents> contents;
  {
    call_context context(origin_of(m, state, from, out));
    finisher at_end{context};
    try {
      contents = co_await read(context, uri);
    } catch (const error& failure) {
      if (failure.code() == errc::not_found) throw no_such_resource(uri, state.protocol);
      throw from_provider(failure);
    }
  }
  if (contents.empty()) throw no_such_resource(uri, state.protocol);
  json::array entries;
  for (const resource_contents& part : contents) entries.push_back(to_json(part));
  co_return finish({{"contents", std::move(entries)}}, state.protocol, fixed ? &fixed->hint : &provider.read_hint);
}

task<std::string> engine::get_prompt(message& m, opened& state, peer& from, const sink& out) {
  std::string name = string_param(m.params, "name");
  std::shared_ptr<const prompt> found = find_prompt(name);
  if (!found) throw rpc_error(error_code::invalid_params, "Unknown prompt: " + cut(name));
  auto arguments = string_map(json::find(m.params, "arguments"), "arguments");
  for (const prompt_argument& argument : found->arguments)
    if (argument.required && !arguments.contains(argument.name))
      throw rpc_error(error_code::invalid_params,
                      "Invalid params: prompt " + name + " needs the argument \"" + argument.name + "\"");
  state.purpose = m.method + "\n" + name;
  for (const auto& [key, text] : arguments) state.purpose += "\n" + key + "\n" + text;
  prompt_result result;
  {
    call_context context(origin_of(m, state, from, out));
    finisher at_end{context};
    try {
      result = co_await found->get(context, std::move(arguments));
    } catch (const error& failure) {
      throw from_provider(failure);
    }
  }
  co_return finish(to_json(result, state.protocol), state.protocol);
}

task<std::string> engine::complete(message& m, opened& state) {
  json::object reference = object_param(m.params, "ref");
  json::object argument = object_param(m.params, "argument");
  completion_request request;
  request.argument = string_param(argument, "name");
  request.value = string_param(argument, "value");
  if (const json::value* context = json::find(m.params, "context"); context && context->is_object())
    request.others = string_map(json::find(context->get_object(), "arguments"), "context.arguments");

  std::string kind = string_param(reference, "type");
  completer complete;
  if (kind == "ref/prompt") {
    if (auto found = find_prompt(string_param(reference, "name"))) complete = found->complete;
  } else if (kind == "ref/resource") {
    std::string uri = string_param(reference, "uri");
    for (const auto& t : templates)
      if (t->uri_template == uri) complete = t->complete;
  } else {
    throw rpc_error(error_code::invalid_params, "Invalid params: \"ref\" must be of type ref/prompt or ref/resource");
  }

  std::vector<std::string> values;
  if (complete) {
    try {
      values = co_await complete(std::move(request));
    } catch (const error& failure) {
      throw from_provider(failure);
    }
  }
  json::array first;
  for (std::size_t i = 0; i < values.size() && i < max_completions; ++i) first.push_back(json::value(values[i]));
  json::object completion{
      {"values", std::move(first)}, {"total", values.size()}, {"hasMore", values.size() > max_completions}};
  co_return finish({{"completion", std::move(completion)}}, state.protocol);
}

} // namespace weir::mcp::detail
