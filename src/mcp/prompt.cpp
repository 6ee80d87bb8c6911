#include <weir/mcp/prompt.hpp>

#include <utility>

namespace weir::mcp {

json::object describe(const prompt& p, version v) {
  json::object out{{"name", p.name}};
  if (v >= version::v2025_06_18 && !p.title.empty()) out.emplace("title", p.title);
  if (!p.description.empty()) out.emplace("description", p.description);
  json::array arguments;
  for (const prompt_argument& argument : p.arguments) {
    json::object entry{{"name", argument.name}};
    if (v >= version::v2025_06_18 && !argument.title.empty()) entry.emplace("title", argument.title);
    if (!argument.description.empty()) entry.emplace("description", argument.description);
    entry.emplace("required", argument.required);
    arguments.push_back(std::move(entry));
  }
  if (!arguments.empty()) out.emplace("arguments", std::move(arguments));
  return out;
}

json::object to_json(const prompt_result& result, version v) {
  json::array messages;
  for (const prompt_message& message : result.messages)
    messages.push_back(json::object{{"role", message.from == role::user ? "user" : "assistant"},
                                    {"content", to_json(message.content, v)}});
  json::object out;
  if (!result.description.empty()) out.emplace("description", result.description);
  out.emplace("messages", std::move(messages));
  return out;
}

} // namespace weir::mcp
