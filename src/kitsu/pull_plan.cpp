#include <weir/core/error.hpp>
#include <weir/core/gather.hpp>
#include <weir/json/suggest.hpp>
#include <weir/kitsu/find.hpp>
#include <weir/kitsu/pull.hpp>

#include <algorithm>
#include <cstdio>
#include <set>
#include <unordered_map>
#include <unordered_set>

namespace weir::kitsu {
namespace {

/// More than these are asked for by their project instead of by their ids, 80 to a request.
constexpr std::size_t max_by_id = 400;
constexpr std::size_t max_part_bytes = 48;
constexpr const char* task_fields = "entity_id,task_type_id,project_id";

using rows_by_id = std::unordered_map<std::string, json::object>;

void add(rows_by_id& to, json::array&& rows) {
  for (json::value& each : rows)
    if (json::object* row = each.if_object()) {
      std::string id = json::string_or(*row, "id");
      if (!id.empty()) to.emplace(std::move(id), std::move(*row));
    }
}

const json::object& row_of(const rows_by_id& rows, const std::string& id) {
  static const json::object none;
  const auto found = rows.find(id);
  return found == rows.end() ? none : found->second;
}

/// The values of `member`, each once.
std::vector<std::string> values_of(const rows_by_id& rows, std::string_view member) {
  std::set<std::string> found;
  for (const auto& [id, row] : rows)
    if (std::string value = json::string_or(row, member); is_id(value)) found.insert(std::move(value));
  return {found.begin(), found.end()};
}

/// Rows of `model` by id, or, where they are many and of one project, all of it.
task<rows_by_id> fetch_rows(client studio, std::string model, std::vector<std::string> ids, std::string project,
                            std::string fields) {
  rows_by_id found;
  if (ids.empty()) co_return found;
  query ask{{"fields", fields}};
  if (project.empty() || ids.size() <= max_by_id)
    ask.set("id", std::move(ids));
  else
    ask.set("project_id", project);
  add(found, co_await studio.fetch_all(model, std::move(ask)));
  co_return found;
}

/// What a name may keep of what the server says.
std::string part_of(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    if (plain)
      out += c;
    else if (!out.ends_with('_'))
      out += '_';
    if (out.size() == max_part_bytes) break;
  }
  while (out.ends_with('_') || out.ends_with('.')) out.pop_back();
  out.erase(0, std::min(out.find_first_not_of("_.-"), out.size()));
  return out;
}

struct everything {
  rows_by_id tasks, entities, parents, types, projects;
};

/// "Aurora_SQ01_SH0010_Animation_v003", without the id.
std::string name_of(const json::object& preview, const everything& known) {
  const json::object& task = row_of(known.tasks, json::string_or(preview, "task_id"));
  const json::object& entity = row_of(known.entities, json::string_or(task, "entity_id"));
  const json::object& parent = row_of(known.parents, json::string_or(entity, "parent_id"));
  std::string name;
  for (const json::object* each : {&row_of(known.projects, json::string_or(task, "project_id")), &parent, &entity,
                                   &row_of(known.types, json::string_or(task, "task_type_id"))}) {
    const std::string part = part_of(json::string_or(*each, "name"));
    if (!part.empty()) name += (name.empty() ? "" : "_") + part;
  }
  char revision[32];
  std::snprintf(revision, sizeof revision, "%sv%03lld", name.empty() ? "" : "_",
                static_cast<long long>(std::clamp<std::int64_t>(json::int_or(preview, "revision", 0), 0, 999'999)));
  return name + revision;
}

std::optional<left_out> why_not(const std::string& status) {
  if (status == "processing") return left_out::processing;
  if (status == "broken") return left_out::broken;
  if (status == "missing") return left_out::missing;
  return std::nullopt;
}

std::string sentence(left_out why) {
  switch (why) {
  case left_out::processing:
    return "the server is still working on it, or waits for its file; pull again later";
  case left_out::broken:
    return "the server could not read what was uploaded; it has to be published again";
  case left_out::missing:
    return "the server has lost its file; it has to be published again";
  case left_out::unknown:
    return "there is no such preview, or you may not see it";
  case left_out::refused:
    break;
  }
  return "its record makes no sense";
}

task<json::array> previews_of_tasks(client studio, const rows_by_id& tasks) {
  std::vector<std::string> ids;
  for (const auto& [id, row] : tasks) ids.push_back(id);
  if (ids.empty()) co_return json::array{};
  co_return co_await studio.fetch_all("preview-files", {{"task_id", ids}});
}

/// By its tasks: the project's own list of previews is for managers, and knows no order, so that its pages miss some.
task<json::array> previews_of_project(client studio, const std::string& project, rows_by_id& tasks) {
  add(tasks, co_await studio.fetch_all("tasks", {{"project_id", project}, {"fields", task_fields}}));
  co_return co_await previews_of_tasks(studio, tasks);
}

task<json::array> previews_of(client studio, const pull_selection& what, rows_by_id& tasks) {
  if (!what.project_id.empty()) co_return co_await previews_of_project(studio, what.project_id, tasks);
  if (!what.preview_ids.empty()) co_return co_await studio.fetch_all("preview-files", {{"id", what.preview_ids}});
  if (!what.task_id.empty()) {
    auto found = co_await studio.fetch_one("tasks", what.task_id);
    if (!found) throw error(errc::not_found, "there is no task with the id " + what.task_id);
    tasks.emplace(what.task_id, std::move(*found));
  } else {
    add(tasks, co_await studio.fetch_all("tasks", {{"entity_id", what.entity_id}}));
    if (tasks.empty() && !co_await studio.fetch_one("entities", what.entity_id))
      throw error(errc::not_found, "there is no shot or asset with the id " + what.entity_id);
  }
  co_return co_await previews_of_tasks(studio, tasks);
}

task<json::array> projects_by_id(client studio, std::vector<std::string> ids) {
  std::vector<task<std::optional<json::object>>> each;
  for (const std::string& id : ids) each.push_back(studio.fetch_one("projects", id, {{"relations", false}}));
  json::array found;
  for (auto& row : co_await gather(std::move(each), 4))
    if (row) found.push_back(std::move(*row));
  co_return found;
}

task<void> learn(client studio, const std::string& project, const rows_by_id& previews, everything& known) {
  if (known.tasks.empty())
    known.tasks = co_await fetch_rows(studio, "tasks", values_of(previews, "task_id"), project, task_fields);
  auto [entities, types, projects] =
      co_await gather(fetch_rows(studio, "entities", values_of(known.tasks, "entity_id"), project, "name,parent_id"),
                      studio.fetch_all("task-types"), projects_by_id(studio, values_of(known.tasks, "project_id")));
  known.entities = std::move(entities);
  add(known.types, std::move(types));
  add(known.projects, std::move(projects));
  known.parents = co_await fetch_rows(studio, "entities", values_of(known.entities, "parent_id"), "", "name");
}

void keep_latest(rows_by_id& previews) {
  std::unordered_map<std::string, std::int64_t> newest;
  for (const auto& [id, row] : previews) {
    std::int64_t& revision = newest[json::string_or(row, "task_id")];
    revision = std::max(revision, json::int_or(row, "revision", 0));
  }
  std::erase_if(previews, [&](const auto& each) {
    return json::int_or(each.second, "revision", 0) < newest[json::string_or(each.second, "task_id")];
  });
}

void check(const pull_selection& what) {
  const int given =
      !what.project_id.empty() + !what.entity_id.empty() + !what.task_id.empty() + !what.preview_ids.empty();
  if (given != 1)
    throw error(errc::invalid_argument,
                "choose what to pull: one project, one shot, one task, or previews by their ids");
  for (const std::string* id : {&what.project_id, &what.entity_id, &what.task_id})
    if (!id->empty() && !is_id(*id)) throw error(errc::invalid_argument, "\"" + json::printable(*id) + "\" is no id");
  for (const std::string& id : what.preview_ids)
    if (!is_id(id)) throw error(errc::invalid_argument, "\"" + json::printable(id) + "\" is no id of a preview");
}

/// One row as an item of the plan, or as one that is left out.
void put(pull_plan& plan, const std::string& id, const json::object& row, const everything& known,
         const pull_selection& what) {
  left_out_item other{.id = id, .name = name_of(row, known)};
  const std::string extension = json::string_or(row, "extension");
  const auto kind = kind_of_extension(extension);
  if (const auto why = why_not(json::string_or(row, "status"))) {
    other.why = *why;
    other.message = sentence(*why);
  } else if (!is_id(id)) {
    other.why = left_out::refused;
    other.message = "its id is none: \"" + json::printable(id) + "\"";
  } else if (!kind) {
    other.why = left_out::refused;
    other.message = "its extension \"" + json::printable(extension) + "\" is none that Kitsu keeps";
  } else {
    if (what.only && *what.only != *kind) return;
    const std::string ending = *kind == preview_kind::movie     ? "mp4"
                               : *kind == preview_kind::picture ? "png"
                                                                : extension_of("." + extension);
    plan.items.push_back(
        {.id = id,
         .name = other.name + "_" + id.substr(0, 8) + "." + ending,
         .kind = *kind,
         .extension = ending,
         .task_id = json::string_or(row, "task_id"),
         .revision = json::int_or(row, "revision", 0),
         .record_bytes = static_cast<std::uint64_t>(std::max<std::int64_t>(json::int_or(row, "file_size", 0), 0)),
         .updated_at = json::string_or(row, "updated_at")});
    return;
  }
  plan.others.push_back(std::move(other));
}

/// Two names that came out alike hold the whole id instead of its beginning.
void tell_apart(std::vector<pull_item>& items) {
  std::unordered_map<std::string, int> times;
  for (const pull_item& each : items) ++times[each.name];
  for (pull_item& each : items)
    if (times[each.name] > 1) each.name.replace(each.name.size() - each.extension.size() - 9, 8, each.id);
}

} // namespace

std::string_view to_string(left_out why) noexcept {
  switch (why) {
  case left_out::processing:
    return "processing";
  case left_out::broken:
    return "broken";
  case left_out::missing:
    return "missing";
  case left_out::unknown:
    return "unknown";
  case left_out::refused:
    return "refused";
  }
  return "unknown";
}

task<pull_plan> plan_pull(client studio, pull_selection what) {
  check(what);
  everything known;
  rows_by_id previews;
  add(previews, co_await previews_of(studio, what, known.tasks));
  pull_plan plan;
  for (const std::string& id : what.preview_ids)
    if (!previews.contains(id)) plan.others.push_back({id, "", left_out::unknown, sentence(left_out::unknown)});
  if (what.latest) keep_latest(previews);
  co_await learn(studio, what.project_id, previews, known);
  for (const auto& [id, row] : previews) put(plan, id, row, known, what);
  tell_apart(plan.items);
  const auto by_name = [](const auto& a, const auto& b) { return a.name != b.name ? a.name < b.name : a.id < b.id; };
  std::sort(plan.items.begin(), plan.items.end(), by_name);
  std::sort(plan.others.begin(), plan.others.end(), by_name);
  co_return plan;
}

} // namespace weir::kitsu
