#include "kitsu.hpp"
#include "table.hpp"

#include <weir/core/gather.hpp>
#include <weir/kitsu/find.hpp>

#include <algorithm>
#include <memory>

namespace weir::app {

namespace {

/// The names behind ids.
std::string name_in(const json::array& rows, const std::string& id) {
  for (const json::value& each : rows)
    if (const auto* row = each.if_object(); row && text_of(*row, "id") == id) return text_of(*row, "name");
  return id;
}

void sort_by_name(json::array& rows) {
  std::stable_sort(rows.begin(), rows.end(), [](const json::value& a, const json::value& b) {
    const auto key = [](const json::value& v) { return v.is_object() ? text_of(v.get_object(), "name") : ""; };
    return key(a) < key(b);
  });
}

int print_rows(const command_line& line, const std::string& name, json::array rows, const table& shown) {
  if (line.compact) {
    const auto count = rows.size();
    print_result(line, {{name, std::move(rows)}, {"count", count}});
  } else {
    shown.print();
  }
  return exit_code::ok;
}

task<int> list_projects(const command_line& line, kitsu::client studio, bool all) {
  auto [rows, states] =
      co_await gather(studio.fetch_all(all ? "projects" : "projects/open"), studio.fetch_all("project-status"));
  sort_by_name(rows);
  table shown({"NAME", "STATUS", "KIND", "FPS", "RESOLUTION", "START", "END", "ID"});
  for (const json::value& each : rows)
    if (const auto* row = each.if_object())
      shown.add({text_of(*row, "name"), name_in(states, text_of(*row, "project_status_id")),
                 text_of(*row, "production_type"), text_of(*row, "fps"), text_of(*row, "resolution"),
                 text_of(*row, "start_date"), text_of(*row, "end_date"), text_of(*row, "id")});
  co_return print_rows(line, "projects", std::move(rows), shown);
}

task<int> list_assets(const command_line& line, kitsu::client studio, std::string project, std::string type) {
  const json::object found = co_await kitsu::find_project(studio, project);
  auto [rows, types] = co_await gather(studio.fetch_all(kitsu::path("projects", text_of(found, "id"), "assets")),
                                       studio.fetch_all("asset-types"));
  if (!type.empty()) {
    const std::string id = text_of(kitsu::pick(types, type, "asset type"), "id");
    json::array kept;
    for (json::value& each : rows)
      if (each.is_object() && text_of(each.get_object(), "entity_type_id") == id) kept.push_back(std::move(each));
    rows = std::move(kept);
  }
  sort_by_name(rows);
  table shown({"NAME", "TYPE", "DESCRIPTION", "CANCELED", "ID"});
  for (json::value& each : rows) {
    json::object* row = each.if_object();
    if (!row) continue;
    std::string kind = name_in(types, text_of(*row, "entity_type_id"));
    shown.add({text_of(*row, "name"), kind, text_of(*row, "description"),
               json::bool_or(*row, "canceled", false) ? "yes" : "", text_of(*row, "id")});
    (*row)["asset_type_name"] = std::move(kind);
  }
  co_return print_rows(line, "assets", std::move(rows), shown);
}

} // namespace

void add_kitsu_list_commands(CLI::App& group, command_line& line) {
  auto all = std::make_shared<bool>(false);
  auto* projects = add_kitsu_subcommand(
      group, line, "projects", "List the projects", "  weir kitsu projects\n  weir kitsu projects --all --json",
      [all, &line] {
        return with_kitsu([all, &line](kitsu::client& studio) { return list_projects(line, studio, *all); });
      });
  projects->add_flag("--all", *all, "Closed ones as well");

  struct asked {
    std::string project, type;
  };
  auto given = std::make_shared<asked>();
  auto* assets = add_kitsu_subcommand(group, line, "assets", "List the assets of a project",
                                      "  weir kitsu assets --project Aurora\n"
                                      "  weir kitsu assets --project Aurora --type Character --json",
                                      [given, &line] {
                                        return with_kitsu([given, &line](kitsu::client& studio) {
                                          return list_assets(line, studio, given->project, given->type);
                                        });
                                      });
  assets->add_option("--project", given->project, "Name or id")->required();
  assets->add_option("--type", given->type, "Name or id of an asset type");
}

} // namespace weir::app
