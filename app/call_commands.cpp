#include "cli_call.hpp"
#include "command_line.hpp"
#include "envelope.hpp"
#include "text_argument.hpp"

#include <weir/core/run.hpp>

#include <cstdio>

namespace weir::app {

namespace {

/// A call by hand is what an assistant would call: names in the media folder, no paths.
class plain_call final : public studio::call {
 public:
  using call::call;
  void progress(double done, std::optional<double> total, std::string_view message) override {
    tell(std::string(message) + (total ? " (" + std::to_string(static_cast<int>(100 * done / *total)) + "%)" : ""));
  }
};

int call_tool(const command_line& line, const std::string& name, const std::string& text) {
  const studio::tool* tool = studio::find_tool(name);
  if (!tool) throw error(errc::invalid_argument, "there is no tool '" + name + "'; weir tools lists them");
  const json::value arguments = json::parse(text_argument(text));
  if (!arguments.is_object())
    throw error(errc::invalid_argument, "--json must be an object, for example '{\"limit\": 5}'");
  envelope answer;
  answer.command = name;
  try {
    run(studio::with_studio(studio::load_config(studio::process_environment, line.chosen),
                            [&](studio::studio& in) -> task<void> {
                              plain_call run(in);
                              auto outcome = co_await tool->run(run, arguments.get_object());
                              answer.result = std::move(outcome.result);
                            }));
  } catch (const error& failure) {
    answer = failed(name, failure);
    tell("error (" + answer.error_type + "): " + answer.error_message);
  }
  print(answer, line.indent());
  return answer.code;
}

json::object hints_of(const studio::tool& tool) {
  return {{"readOnlyHint", tool.hints.read_only},
          {"destructiveHint", tool.hints.destructive},
          {"idempotentHint", tool.hints.idempotent},
          {"openWorldHint", tool.hints.open_world}};
}

/// The tools as a server with these settings lists them.
std::vector<const studio::tool*> listed_tools(const command_line& line) {
  const studio::config settings = studio::load_config(studio::process_environment, line.chosen);
  std::vector<const studio::tool*> list;
  for (const auto& tool : studio::all_tools())
    if (!tool.is_offered || tool.is_offered(settings)) list.push_back(&tool);
  return list;
}

/// What a person types after "weir".
std::string command_of(const studio::tool& tool) {
  if (tool.verb.empty()) return "call " + tool.name;
  return tool.group.empty() ? tool.verb : tool.group + " " + tool.verb;
}

int list_tools(const command_line& line, bool as_json) {
  const auto tools = listed_tools(line);
  if (as_json) {
    envelope answer;
    answer.command = "tools";
    json::array list;
    for (const studio::tool* tool : tools)
      list.push_back(json::object{{"name", tool->name},
                                  {"command", command_of(*tool)},
                                  {"title", tool->title},
                                  {"description", tool->description},
                                  {"inputSchema", json::schema(*tool->arguments, tool->title)},
                                  {"outputSchema", json::schema(*tool->results, "")},
                                  {"annotations", hints_of(*tool)}});
    answer.result["tools"] = std::move(list);
    print(answer, line.indent());
    return exit_code::ok;
  }
  for (const studio::tool* tool : tools) {
    std::printf("%-26s weir %s\n", tool->name.c_str(), command_of(*tool).c_str());
    std::printf("  %s\n", tool->description.c_str());
    for (const auto& field : tool->arguments->fields)
      std::printf("    %s%s: %s\n", field.name.c_str(), field.required ? " (required)" : "", field.doc.c_str());
    std::printf("\n");
  }
  return exit_code::ok;
}

} // namespace

void add_call_commands(CLI::App& app, command_line& line) {
  auto* call = app.add_subcommand("call", "Call one tool as an assistant does");
  call->fallthrough();
  auto name = std::make_shared<std::string>(), text = std::make_shared<std::string>("{}");
  call->add_option("tool", *name, "Name of the tool; weir tools lists them")->required();
  call->add_option("--json", *text, "Arguments as a JSON object, @file, or - for standard input");
  call->callback([=, &line] {
    line.command = "call";
    line.action = [=, &line] { return call_tool(line, *name, *text); };
  });

  auto* tools = app.add_subcommand("tools", "List the tools and their arguments");
  tools->fallthrough();
  tools->callback([&line] {
    line.command = "tools";
    line.action = [&line] { return list_tools(line, line.compact); };
  });
}

} // namespace weir::app
