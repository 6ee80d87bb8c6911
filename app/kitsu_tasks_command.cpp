#include "kitsu.hpp"
#include "table.hpp"

#include <weir/core/gather.hpp>
#include <weir/json/suggest.hpp>
#include <weir/kitsu/find.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <tuple>

namespace weir::app {

namespace {

struct asked {
  std::string project, shot, status, type;
  bool mine = false;
};

using rows_by_id = std::map<std::string, json::object>;

rows_by_id by_id(json::array rows) {
  rows_by_id found;
  for (json::value& each : rows)
    if (auto* row = each.if_object()) {
      std::string id = text_of(*row, "id");
      found[std::move(id)] = std::move(*row);
    }
  return found;
}

/// The listing of tasks, with names in the place of ids.
class tasks {
 public:
  tasks(const command_line& line, const asked& given, kitsu::client studio)
      : line_(line), given_(given), studio_(std::move(studio)) {}

  task<int> run() {
    auto [types, states, projects] = co_await gather(studio_.fetch_all("task-types"), studio_.fetch_all("task-status"),
                                                     studio_.fetch_all("projects/open"));
    if (!given_.type.empty()) type_ = text_of(kitsu::pick(types, given_.type, "task type"), "id");
    if (!given_.status.empty()) status_ = text_of(kitsu::pick(states, given_.status, "task status"), "id");
    if (!given_.project.empty()) project_ = text_of(co_await kitsu::find_project(studio_, given_.project), "id");
    projects_ = by_id(std::move(projects));
    types_ = by_id(std::move(types));
    states_ = by_id(std::move(states));
    json::array rows = co_await (given_.mine ? of_me() : given_.shot.empty() ? of_project() : of_shot());
    std::vector<json::object> kept;
    for (json::value& each : rows)
      if (auto* row = each.if_object(); row && is_wanted(*row)) kept.push_back(with_names(std::move(*row)));
    print(std::move(kept));
    co_return exit_code::ok;
  }

 private:
  kitsu::query filtered(kitsu::query ask) const {
    if (!type_.empty()) ask.set("task_type_id", type_);
    if (!status_.empty()) ask.set("task_status_id", status_);
    return ask;
  }

  task<json::array> of_project() {
    auto [entities, rows] =
        co_await gather(studio_.fetch_all("entities", {{"project_id", project_}, {"fields", "name,parent_id"}}),
                        studio_.fetch_all("tasks", filtered({{"project_id", project_}})));
    entities_ = by_id(std::move(entities));
    co_return std::move(rows);
  }

  task<json::array> of_shot() {
    if (!kitsu::is_id(given_.shot))
      throw error(errc::invalid_argument, "\"" + json::printable(given_.shot) +
                                              "\" is no id of a shot; \"weir kitsu shots --project P\" lists them");
    auto [entity, rows] = co_await gather(studio_.fetch_one("entities", given_.shot),
                                          studio_.fetch_all("tasks", filtered({{"entity_id", given_.shot}})));
    if (!entity) throw error(errc::not_found, "there is no shot or asset with the id " + given_.shot);
    json::array known{*entity};
    if (const std::string above = text_of(*entity, "parent_id"); kitsu::is_id(above))
      if (auto parent = co_await studio_.fetch_one("entities", above)) known.push_back(std::move(*parent));
    entities_ = by_id(std::move(known));
    co_return std::move(rows);
  }

  task<json::array> of_me() {
    json::value rows = co_await studio_.get("data/user/tasks");
    if (!rows.is_array()) throw error(errc::remote, "GET data/user/tasks: the answer is no list");
    co_return std::move(rows.get_array());
  }

  bool is_wanted(const json::object& row) const {
    const auto fits = [&row](const char* member, const std::string& id) {
      return id.empty() || text_of(row, member) == id;
    };
    return fits("task_type_id", type_) && fits("task_status_id", status_) && fits("project_id", project_);
  }

  static void name(json::object& row, const char* as, const rows_by_id& rows, const std::string& id,
                   const char* member = "name") {
    if (!text_of(row, as).empty()) return; // the server has said it
    const auto found = rows.find(id);
    if (found != rows.end()) row[as] = text_of(found->second, member);
  }

  json::object with_names(json::object row) const {
    name(row, "project_name", projects_, text_of(row, "project_id"));
    name(row, "task_type_name", types_, text_of(row, "task_type_id"));
    name(row, "task_status_short_name", states_, text_of(row, "task_status_id"), "short_name");
    const std::string entity = text_of(row, "entity_id");
    name(row, "entity_name", entities_, entity);
    if (const auto found = entities_.find(entity); found != entities_.end())
      name(row, "sequence_name", entities_, text_of(found->second, "parent_id"));
    return row;
  }

  void print(std::vector<json::object> rows) const {
    std::stable_sort(rows.begin(), rows.end(), [](const json::object& a, const json::object& b) {
      const auto key = [](const json::object& o) {
        return std::make_tuple(text_of(o, "project_name"), text_of(o, "sequence_name"), text_of(o, "entity_name"),
                               text_of(o, "task_type_name"));
      };
      return key(a) < key(b);
    });
    if (line_.compact) {
      const auto count = rows.size();
      json::array out;
      for (json::object& each : rows) out.push_back(std::move(each));
      print_result(line_, {{"tasks", std::move(out)}, {"count", count}});
      return;
    }
    table shown({"PROJECT", "SEQUENCE", "ENTITY", "TYPE", "STATUS", "DUE", "ID"});
    for (const json::object& each : rows)
      shown.add({text_of(each, "project_name"), text_of(each, "sequence_name"), text_of(each, "entity_name"),
                 text_of(each, "task_type_name"), text_of(each, "task_status_short_name"),
                 text_of(each, "due_date").substr(0, 10), text_of(each, "id")});
    shown.print();
  }

  const command_line& line_;
  const asked& given_;
  kitsu::client studio_;
  std::string type_, status_, project_;
  rows_by_id projects_, types_, states_, entities_;
};

task<int> list_tasks(const command_line& line, const asked& given, kitsu::client studio) {
  tasks listing(line, given, std::move(studio));
  co_return co_await listing.run();
}

} // namespace

void add_kitsu_tasks_command(CLI::App& group, command_line& line) {
  auto given = std::make_shared<asked>();
  auto* tasks = add_kitsu_subcommand(
      group, line, "tasks", "List tasks: of a project, of a shot or asset, or mine",
      "  weir kitsu tasks --project Aurora --type Animation --status wfa\n"
      "  weir kitsu tasks --shot 0f3c8d1e-5b1a-4c53-9d0e-2f6a7b8c9d0e\n"
      "  weir kitsu tasks --mine --json",
      [given, &line] {
        if (given->project.empty() && given->shot.empty() && !given->mine)
          throw error(errc::invalid_argument, "choose whose tasks: --project P, --shot ID or --mine");
        return with_kitsu([given, &line](kitsu::client& studio) { return list_tasks(line, *given, studio); });
      });
  auto* project = tasks->add_option("--project", given->project, "Name or id");
  auto* shot = tasks->add_option("--shot", given->shot, "Id of a shot or another entity");
  auto* mine = tasks->add_flag("--mine", given->mine, "Those that are assigned to me; with --project, of that one");
  shot->excludes(project)->excludes(mine);
  tasks->add_option("--status", given->status, "Only with this status: name, short name or id");
  tasks->add_option("--type", given->type, "Only of this task type: name or id");
}

} // namespace weir::app
