#include "kitsu.hpp"

#include <weir/kitsu/query.hpp>

#include <cstdio>
#include <memory>

namespace weir::app {

namespace {

struct asked {
  std::string where;
  std::vector<std::string> parameters;
  bool all = false;
};

kitsu::query query_of(const asked& given) {
  kitsu::query out;
  for (const std::string& each : given.parameters) {
    const std::size_t equals = each.find('=');
    if (equals == each.npos || equals == 0)
      throw error(errc::invalid_argument, "--param \"" + each + "\": write name=value");
    out.add(each.substr(0, equals), each.substr(equals + 1));
  }
  return out;
}

task<int> get(const command_line& line, const asked& given, kitsu::client studio) {
  json::value answer;
  if (given.all) {
    std::string_view model = given.where;
    while (model.starts_with('/')) model.remove_prefix(1);
    if (model.starts_with("data/")) model.remove_prefix(5);
    answer = co_await studio.fetch_all(kitsu::path(model), query_of(given));
  } else {
    answer = co_await studio.get(given.where, query_of(given));
  }
  const std::string text = (line.indent() ? json::serialize_pretty(answer, {.ascii_only = false})
                                          : json::serialize(answer, {.ascii_only = true})) +
                           "\n";
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
  co_return exit_code::ok;
}

} // namespace

void add_kitsu_get_command(CLI::App& group, command_line& line) {
  auto given = std::make_shared<asked>();
  auto* command = add_kitsu_subcommand(
      group, line, "get", "Print what a route of the API answers, as JSON",
      "  weir kitsu get data/task-types\n"
      "  weir kitsu get data/tasks --all --param project_id=ID --param fields=name,due_date\n"
      "  weir kitsu get status --json",
      [given, &line] {
        return with_kitsu([given, &line](kitsu::client& studio) { return get(line, *given, studio); });
      });
  command->add_option("path", given->where, "Route below the API's address: data/projects/open")->required();
  command->add_option("--param", given->parameters, "A parameter, name=value; may be repeated")
      ->allow_extra_args(false);
  command->add_flag("--all", given->all, "All pages of a list below data/");
}

} // namespace weir::app
