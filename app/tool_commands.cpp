#include "command_line.hpp"
#include "execute.hpp"
#include "text_argument.hpp"

#include <weir/core/run.hpp>

#include <map>
#include <memory>

namespace weir::app {

namespace {

/// The arguments of one tool as CLI11 collects them, still as text.
struct tool_arguments {
  const studio::tool* tool;
  std::map<std::string, std::vector<std::string>> given;
  std::map<std::string, bool> flags;
  std::vector<std::string> inputs; ///< of a command that takes several
  output_choice output;
  wait_choice waiting;
  int count = 1;
  int concurrency = 4;
};

bool orders_a_job(const studio::tool& tool) {
  return tool.name == "create_video" || tool.name == "remix_video" || tool.name == "create_image";
}
bool saves_a_file(const studio::tool& tool) {
  return orders_a_job(tool) || tool.name == "download_video" || tool.name == "download_image" ||
         tool.name == "generate_image" || tool.name == "edit_image" || tool.name == "prepare_reference_image";
}
/// The field of which a command takes several, or nullptr.
const json::field_info* repeated_field(const studio::tool& tool) {
  const bool several = tool.name == "generate_image" || tool.name == "prepare_reference_image";
  return several ? &tool.arguments->fields.front() : nullptr;
}

std::string help_of(const json::field_info& field) {
  std::string text = field.doc;
  if (!field.one_of.empty()) {
    text += ": ";
    for (std::size_t i = 0; i < field.one_of.size(); ++i) text += (i ? ", " : "") + field.one_of[i];
  } else if (!field.known.empty()) {
    text += ", for example ";
    for (std::size_t i = 0; i < field.known.size() && i < 4; ++i) text += (i ? ", " : "") + field.known[i];
  }
  if (field.default_value && !field.default_value->is_null() && field.kind != json::field_kind::boolean)
    text += " [" +
            (field.default_value->is_string() ? std::string(field.default_value->get_string())
                                              : json::serialize(*field.default_value)) +
            "]";
  return text;
}

void add_field(CLI::App& command, tool_arguments& to, const json::field_info& field) {
  const json::field_info* repeated = repeated_field(*to.tool);
  if (repeated == &field) {
    command.add_option(field.name, to.inputs, help_of(field) + " (one or several)")->required()->expected(1, 1000);
    return;
  }
  if (field.kind == json::field_kind::boolean) {
    command.add_flag("--" + field.flag, to.flags[field.name], help_of(field));
    return;
  }
  auto& values = to.given[field.name];
  auto* option = command.add_option(field.positional ? field.name : "--" + field.flag, values, help_of(field));
  if (field.required) option->required();
  if (field.is_list())
    option->expected(1, field.positional ? 1000 : 1)->allow_extra_args(field.positional);
  else
    option->expected(1);
  if (field.is_list() && !field.positional) option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void add_waiting(CLI::App& command, tool_arguments& to) {
  command.add_flag("--wait", to.waiting.wait, "Wait until it has ended");
  command.add_flag("--download", to.waiting.download, "Save the result; waits for it");
  command.add_option("--timeout", to.waiting.timeout_text, "Longest wait: 90s, 30m, 2h")->capture_default_str();
  if (to.tool->group == "video")
    command.add_option("--variant", to.waiting.variant, "What to save: video, thumbnail, spritesheet");
}

json::object arguments_of(const tool_arguments& from) {
  json::object arguments;
  for (const auto& field : from.tool->arguments->fields) {
    if (const auto flag = from.flags.find(field.name); flag != from.flags.end()) {
      if (flag->second) arguments[field.name] = true;
      continue;
    }
    const auto given = from.given.find(field.name);
    if (given == from.given.end() || given->second.empty()) continue;
    if (field.is_list()) {
      json::array list;
      for (const auto& text : given->second) {
        auto value = json::value_from_text(field, text);
        if (value.is_array())
          for (auto& item : value.get_array()) list.push_back(std::move(item));
        else
          list.push_back(std::move(value));
      }
      arguments[field.name] = std::move(list);
    } else if (field.name == "prompt") {
      arguments[field.name] = text_argument(given->second.front());
    } else {
      arguments[field.name] = json::value_from_text(field, given->second.front());
    }
  }
  return arguments;
}

std::vector<invocation> invocations_of(const tool_arguments& from) {
  const json::object arguments = arguments_of(from);
  const json::field_info* repeated = repeated_field(*from.tool);
  if (!repeated) return {{from.tool, arguments, {}}};
  std::vector<invocation> all;
  const bool several = from.inputs.size() * static_cast<std::size_t>(from.count) > 1;
  for (const auto& input : from.inputs)
    for (int copy = 0; copy < from.count; ++copy) {
      invocation one{from.tool, arguments, {}};
      const std::string text = repeated->name == "prompt" ? text_argument(input) : input;
      one.arguments[repeated->name] = text;
      if (several) one.label = {{"index", all.size()}, {repeated->name == "prompt" ? "prompt" : "file", text}};
      all.push_back(std::move(one));
    }
  return all;
}

int perform(const tool_arguments& given, const command_line& line) {
  tool_arguments asked = given;
  asked.waiting.timeout = parse_duration(asked.waiting.timeout_text, "--timeout");
  if (!asked.output.path.empty() && orders_a_job(*asked.tool)) asked.waiting.download = true;
  if (asked.waiting.download) asked.waiting.wait = true;
  const auto all = invocations_of(asked);
  asked.output.must_be_folder = all.size() > 1;
  int code = 0;
  run(studio::with_studio(
      studio::load_config(studio::process_environment, line.chosen), [&](studio::studio& in) -> task<void> {
        std::vector<task<envelope>> works;
        for (const auto& one : all) works.push_back(execute(in, one, asked.output, asked.waiting));
        code = co_await run_all(std::move(works), static_cast<std::size_t>(asked.concurrency), line.indent());
      }));
  return code;
}

CLI::App& group_of(CLI::App& app, const std::string& name) {
  for (CLI::App* found : app.get_subcommands([&](CLI::App* below) { return below->get_name() == name; })) return *found;
  auto* group = app.add_subcommand(name, name == "video" ? "Create, fetch and manage videos"
                                                         : "Generate, edit, fetch and prepare pictures");
  group->require_subcommand(1);
  group->fallthrough();
  return *group;
}

} // namespace

void add_tool_commands(CLI::App& app, command_line& line) {
  for (const studio::tool& tool : studio::all_tools()) {
    if (tool.group.empty()) continue;
    auto* command = group_of(app, tool.group).add_subcommand(tool.verb, tool.title);
    command->fallthrough();
    command->footer(tool.description);
    auto arguments = std::make_shared<tool_arguments>();
    arguments->tool = &tool;
    for (const auto& field : tool.arguments->fields)
      if (!field.hidden_in_cli) add_field(*command, *arguments, field);
    if (orders_a_job(tool)) {
      if (tool.group == "image") arguments->waiting.timeout_text = "10m";
      add_waiting(*command, *arguments);
    }
    if (saves_a_file(tool)) {
      command->add_option("-o,--output", arguments->output.path,
                          "File or folder for the result (a folder ends with a slash or exists)");
      command->add_flag("--overwrite", arguments->output.overwrite, "Replace a file that has the name");
    }
    if (tool.name == "generate_image")
      command->add_option("--count", arguments->count, "Pictures per prompt")->check(CLI::Range(1, 16));
    if (repeated_field(tool))
      command->add_option("--concurrency", arguments->concurrency, "At once")
          ->check(CLI::Range(1, 16))
          ->capture_default_str();
    command->callback([arguments, &line, &tool] {
      line.command = tool.group + "." + tool.verb;
      line.action = [arguments, &line] { return perform(*arguments, line); };
    });
  }
}

void add_wait_commands(CLI::App& app, command_line& line) {
  struct asked {
    std::vector<std::string> ids;
    output_choice output;
    wait_choice waiting;
  };
  const auto add = [&line](CLI::App& parent, std::string name) {
    auto* command = parent.add_subcommand("wait", "Wait for videos and pictures");
    command->fallthrough();
    auto given = std::make_shared<asked>();
    command->add_option("ids", given->ids, "Job ids")->required()->expected(1, 1000);
    command->add_flag("--download", given->waiting.download, "Save the results");
    command->add_option("-o,--output", given->output.path, "File or folder for the results; saves them");
    command->add_flag("--overwrite", given->output.overwrite, "Replace a file that has the name");
    command->add_option("--variant", given->waiting.variant, "Of videos: video, thumbnail, spritesheet");
    command->add_option("--timeout", given->waiting.timeout_text, "Longest wait: 90s, 30m, 2h")->capture_default_str();
    command->callback([given, name, &line] {
      line.command = name;
      line.action = [given, name, &line] {
        given->waiting.timeout = parse_duration(given->waiting.timeout_text, "--timeout");
        if (!given->output.path.empty()) given->waiting.download = true;
        std::vector<std::string> ids;
        for (const auto& id : given->ids)
          if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
        given->output.must_be_folder = ids.size() > 1;
        int code = 0;
        run(studio::with_studio(studio::load_config(studio::process_environment, line.chosen),
                                [&](studio::studio& in) -> task<void> {
                                  std::vector<task<envelope>> works;
                                  for (const auto& id : ids)
                                    works.push_back(wait_for_job(in, name, id, given->output, given->waiting));
                                  code = co_await run_all(std::move(works), 0, line.indent());
                                }));
        return code;
      };
    });
  };
  add(app, "wait");
  add(group_of(app, "video"), "video.wait");
  add(group_of(app, "image"), "image.wait");
}

} // namespace weir::app
