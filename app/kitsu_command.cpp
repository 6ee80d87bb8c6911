#include "display_text.hpp"
#include "kitsu.hpp"

#include <weir/core/run.hpp>
#include <weir/kitsu/configured_login.hpp>
#include <weir/kitsu/session.hpp>

#include <memory>

namespace weir::app {

namespace {

task<int> with_client(kitsu::configured_login_result login, kitsu::client_options options, const kitsu_body& body) {
  kitsu::client studio = co_await kitsu::open_client(std::move(login), std::move(options),
                                                     [](const std::string& problem) { tell("warning: " + problem); });
  co_return co_await kitsu::run_and_log_out(std::move(studio), body); // revokes only what open_client has logged in
}

} // namespace

int guarded(const command_line& line, const std::function<int()>& f) {
  if (line.compact) return f();
  try {
    return f();
  } catch (const error& failure) {
    const failure_class kind = classify(failure);
    tell("error (" + kind.type + "): " + harmless(failure.what()));
    return kind.code;
  }
}

int with_kitsu(const kitsu_body& body, const kitsu_tuning& tune) {
  kitsu::client_options options;
  if (tune) tune(options);
  return run(with_client(kitsu::configured_login(), std::move(options), body), by_hand());
}

void print_result(const command_line& line, json::object result) {
  envelope answer;
  answer.command = line.command;
  answer.result = std::move(result);
  print(answer, false);
}

CLI::App* add_kitsu_subcommand(CLI::App& group, command_line& line, const std::string& name, const std::string& title,
                               const std::string& examples, std::function<int()> act) {
  auto* command = group.add_subcommand(name, title);
  command->fallthrough();
  command->footer("Examples:\n" + examples);
  command->callback([name, act = std::move(act), &line] {
    line.command = "kitsu." + name;
    line.action = [act, &line] { return guarded(line, act); };
  });
  return command;
}

void add_kitsu_command(CLI::App& app, command_line& line) {
  auto* group = app.add_subcommand("kitsu", "Ask a Kitsu production tracker, and move its files");
  group->require_subcommand(1);
  group->fallthrough();
  group->footer(
      "The login comes from KITSU_HOST with KITSU_TOKEN (a bot's), else from KITSU_HOST with KITSU_EMAIL and\n"
      "KITSU_PASSWORD, else from \"weir kitsu login\". Tables are for people; --json gives an envelope.");
  add_kitsu_login_commands(*group, line);
  add_kitsu_list_commands(*group, line);
  add_kitsu_shots_command(*group, line);
  add_kitsu_tasks_command(*group, line);
  add_kitsu_get_command(*group, line);
  add_kitsu_pull_command(*group, line);
  add_kitsu_push_command(*group, line);
}

} // namespace weir::app
