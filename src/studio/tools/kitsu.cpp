#include "studio/tools/support.hpp"
#include "studio/tools/tools.hpp"

#include <weir/core/error.hpp>
#include <weir/core/gather.hpp>
#include <weir/kitsu/find.hpp>
#include <weir/kitsu/preview_kind.hpp>

#include <algorithm>
#include <map>

namespace weir::studio::tools {

namespace {

constexpr const char* project_note = "The project: its name or its id";

/// The strings, numbers and nulls of a row that a model can use, in this order; what the server does not say is left
/// out.
json::object some_of(const json::object& row, std::initializer_list<const char*> members) {
  json::object out;
  for (const char* name : members)
    if (const json::value* v = json::find(row, name); v && !v->is_null()) out[name] = *v;
  return out;
}

std::map<std::string, std::string> names_by_id(const json::array& rows) {
  std::map<std::string, std::string> names;
  for (const json::value& row : rows)
    if (row.is_object()) names[json::string_or(row.get_object(), "id")] = json::string_or(row.get_object(), "name");
  return names;
}

/// Gives tasks the names of what they refer to.
struct task_words {
  std::map<std::string, std::string> types, statuses;

  static task<task_words> fetch(kitsu::client& studio) {
    auto [types, statuses] = co_await gather(studio.fetch_all("task-types"), studio.fetch_all("task-status"));
    co_return task_words{names_by_id(types), names_by_id(statuses)};
  }
  json::object describe(const json::object& row) const {
    json::object out = some_of(row, {"id"});
    const auto add = [&](const char* name, const char* key, const std::map<std::string, std::string>& names) {
      const auto found = names.find(json::string_or(row, key));
      if (found != names.end()) out[name] = found->second;
    };
    add("type", "task_type_id", types);
    add("status", "task_status_id", statuses);
    for (auto& [name, v] : some_of(row, {"entity_id", "entity_name", "project_name", "due_date", "priority",
                                         "retake_count", "assignees", "last_preview_file_id"}))
      out[name] = v;
    return out;
  }
};

struct projects_arguments {
  bool all = false;

  static const json::description<projects_arguments>& described() {
    static const json::description<projects_arguments> d(
        "", [](auto& d) { d.field("all", &projects_arguments::all, "Closed projects too"); });
    return d;
  }
};

struct projects_result {
  json::value projects;

  static const json::description<projects_result>& described() {
    static const json::description<projects_result> d("Projects.", [](auto& d) {
      d.field("projects", &projects_result::projects, "Each with id, name and what else is set").required();
    });
    return d;
  }
};

task<tool_outcome> list_projects(call& run, projects_arguments asked) {
  kitsu::client studio = co_await run.in().kitsu();
  json::array out;
  for (const json::value& row : co_await studio.fetch_all(asked.all ? "projects" : "projects/open"))
    if (row.is_object())
      out.push_back(some_of(row.get_object(), {"id", "name", "code", "description", "production_type", "fps", "ratio",
                                               "resolution", "start_date", "end_date"}));
  co_return tool_outcome{{{"projects", std::move(out)}}, {}, {}};
}

struct shots_arguments {
  std::string project;
  std::optional<std::string> sequence;
  bool with_tasks = false;
  int limit = 100, offset = 0;

  static const json::description<shots_arguments>& described() {
    static const json::description<shots_arguments> d("", [](auto& d) {
      d.field("project", &shots_arguments::project, project_note).required().length(1, 200);
      d.field("sequence", &shots_arguments::sequence, "Only shots of the sequence with this name").length(1, 200);
      d.field("with_tasks", &shots_arguments::with_tasks, "Each with its tasks");
      d.field("limit", &shots_arguments::limit, "How many at most").range(1, 2000);
      d.field("offset", &shots_arguments::offset, "How many to leave out at the beginning").at_least(0);
    });
    return d;
  }
};

struct shots_result {
  json::object project;
  std::int64_t total = 0;
  json::value shots;

  static const json::description<shots_result>& described() {
    static const json::description<shots_result> d("Shots.", [](auto& d) {
      d.field("project", &shots_result::project, "Its id and name").required();
      d.field("total", &shots_result::total, "How many there are, listed or not").required();
      d.field("shots", &shots_result::shots, "Each with id, name, sequence and what else is set").required();
    });
    return d;
  }
};

task<tool_outcome> list_shots(call& run, shots_arguments asked) {
  kitsu::client studio = co_await run.in().kitsu();
  const json::object project = co_await kitsu::find_project(studio, asked.project);
  task_words words;
  if (asked.with_tasks) words = co_await task_words::fetch(studio);
  json::array out;
  std::int64_t total = 0;
  // One request, row by row: of thousands of shots only those that are asked for are kept.
  co_await studio.shots_with_tasks(json::string_or(project, "id"), [&](json::object shot) -> task<void> {
    if (asked.sequence && json::string_or(shot, "sequence_name") != *asked.sequence) co_return;
    if (++total <= asked.offset || total > asked.offset + asked.limit) co_return;
    json::object row = some_of(shot, {"id", "name", "sequence_name", "episode_name", "description", "nb_frames",
                                      "frame_in", "frame_out", "preview_file_id"});
    if (asked.with_tasks) {
      json::array tasks;
      if (const json::value* list = json::find(shot, "tasks"); list && list->is_array())
        for (const json::value& each : list->get_array())
          if (each.is_object()) tasks.push_back(words.describe(each.get_object()));
      row["tasks"] = std::move(tasks);
    }
    out.push_back(std::move(row));
  });
  const std::string text = std::to_string(out.size()) + " of " + std::to_string(total) + " shots.";
  co_return tool_outcome{
      {{"project", some_of(project, {"id", "name"})}, {"total", total}, {"shots", std::move(out)}}, {}, text};
}

struct tasks_arguments {
  std::optional<std::string> project, shot_id, status, type;
  bool mine = false;
  int limit = 100;

  static const json::description<tasks_arguments>& described() {
    static const json::description<tasks_arguments> d("", [](auto& d) {
      d.field("project", &tasks_arguments::project, project_note).length(1, 200);
      d.field("shot_id", &tasks_arguments::shot_id, "Only tasks of this shot, asset or other entity").length(1, 100);
      d.field("mine", &tasks_arguments::mine, "Only open tasks of the user who is logged in");
      d.field("status", &tasks_arguments::status, "Only with this status: its name or short name").length(1, 200);
      d.field("type", &tasks_arguments::type, "Only of this task type").length(1, 200);
      d.field("limit", &tasks_arguments::limit, "How many at most").range(1, 2000);
    });
    return d;
  }
};

struct tasks_result {
  std::int64_t total = 0;
  json::value tasks;

  static const json::description<tasks_result>& described() {
    static const json::description<tasks_result> d("Tasks.", [](auto& d) {
      d.field("total", &tasks_result::total, "How many there are, listed or not").required();
      d.field("tasks", &tasks_result::tasks, "Each with id, type, status and what else is set").required();
    });
    return d;
  }
};

task<json::array> tasks_of(kitsu::client& studio, const tasks_arguments& asked, kitsu::query filter) {
  if (asked.mine) {
    json::value mine = co_await studio.get("data/user/tasks");
    co_return mine.is_array() ? std::move(mine.get_array()) : json::array{};
  }
  if (asked.shot_id) filter.set("entity_id", *asked.shot_id);
  if (asked.project) {
    const json::object project = co_await kitsu::find_project(studio, *asked.project);
    filter.set("project_id", json::string_or(project, "id"));
  }
  co_return co_await studio.fetch_all("tasks", std::move(filter));
}

task<tool_outcome> list_tasks(call& run, tasks_arguments asked) {
  if (!asked.mine && !asked.project && !asked.shot_id)
    throw error(errc::invalid_argument, "say whose tasks: project, shot_id or mine");
  kitsu::client studio = co_await run.in().kitsu();
  auto [types, statuses] = co_await gather(studio.fetch_all("task-types"), studio.fetch_all("task-status"));
  const task_words words{names_by_id(types), names_by_id(statuses)};
  kitsu::query filter;
  if (asked.status)
    filter.set("task_status_id", json::string_or(kitsu::pick(statuses, *asked.status, "task status"), "id"));
  if (asked.type) filter.set("task_type_id", json::string_or(kitsu::pick(types, *asked.type, "task type"), "id"));

  json::array out;
  std::int64_t total = 0;
  for (const json::value& each : co_await tasks_of(studio, asked, filter)) {
    if (!each.is_object()) continue;
    const auto wanted = [&](const char* key) {
      const kitsu::query_value* v = filter.find(key);
      return !v || json::string_or(each.get_object(), key) == *v->as_text();
    };
    if (!wanted("task_status_id") || !wanted("task_type_id")) continue; // the user's own are not filtered there
    if (++total <= asked.limit) out.push_back(words.describe(each.get_object()));
  }
  const std::string text = std::to_string(out.size()) + " of " + std::to_string(total) + " tasks.";
  co_return tool_outcome{{{"total", total}, {"tasks", std::move(out)}}, {}, text};
}

struct preview_arguments {
  std::string preview_id;
  std::optional<std::string> filename;

  static const json::description<preview_arguments>& described() {
    static const json::description<preview_arguments> d("", [](auto& d) {
      d.field("preview_id", &preview_arguments::preview_id, "The id of the preview file").required().length(1, 100);
      d.field("filename", &preview_arguments::filename, output_note).min_length(1);
    });
    return d;
  }
};

struct preview_result {
  std::string filename, kind;
  std::int64_t bytes = 0;
  std::string sha256;

  static const json::description<preview_result>& described() {
    static const json::description<preview_result> d("A saved preview.", [](auto& d) {
      d.field("filename", &preview_result::filename, "The file that was made").required();
      d.field("kind", &preview_result::kind, "picture or movie").required();
      d.field("bytes", &preview_result::bytes, "Length of the file in bytes").required();
      d.field("sha256", &preview_result::sha256, "Digest of the file").required();
    });
    return d;
  }
};

task<tool_outcome> download_preview(call& run, preview_arguments asked) {
  kitsu::client studio = co_await run.in().kitsu();
  const auto record = co_await studio.fetch_one("preview-files", asked.preview_id);
  if (!record) throw error(errc::not_found, "there is no preview '" + asked.preview_id + "'");
  const std::string status = json::string_or(*record, "status");
  if (status != "ready")
    throw error(status == "processing" ? errc::unavailable : errc::job_failed,
                "the preview '" + asked.preview_id + "' is " + status +
                    (status == "processing" ? ": the server still works on it; try again later" : ""));
  const std::string extension = json::string_or(*record, "extension");
  const auto kind = kitsu::kind_of_extension(extension);
  if (!kind || *kind == kitsu::preview_kind::file)
    throw error(errc::unsupported, "the preview '" + asked.preview_id + "' is a " + extension +
                                       " file, no picture or movie: fetch it with weir kitsu pull");
  const bool movie = *kind == kitsu::preview_kind::movie;
  const media_kind folder = movie ? media_kind::video : media_kind::image;

  auto turn = co_await run.in().downloads().acquire();
  destination where = co_await run.output(folder, asked.filename.value_or(""));
  if (where.name.empty()) where.name = "kitsu_" + asked.preview_id + (movie ? ".mp4" : ".png");
  if (const std::string given = kitsu::extension_of(where.name); given != (movie ? "mp4" : "png"))
    throw error(errc::invalid_argument, std::string("filename: the preview is ") + (movie ? "an MP4" : "a PNG") +
                                            " file; end the name with " + (movie ? ".mp4" : ".png"));
  kitsu::download_options options;
  options.publish.on_conflict = where.on_conflict;
  options.on_progress = [&run](std::uint64_t done, std::uint64_t total) {
    run.progress(static_cast<double>(done), total ? std::optional(static_cast<double>(total)) : std::nullopt, "bytes");
  };
  const auto got = co_await studio.download(kitsu::original_of(asked.preview_id, *kind, extension), where.root,
                                            where.name, std::move(options));
  const produced_file file{folder, got.file.name, movie ? "video/mp4" : "image/png", got.file.bytes, got.file.sha256};
  preview_result result{file.name, std::string(to_string(*kind)), static_cast<std::int64_t>(file.bytes), file.sha256};
  co_return tool_outcome{preview_result::described().to_json(result), {file}, "Saved " + file.name + "."};
}

} // namespace

std::vector<tool> kitsu_tools() {
  const auto configured = [](const config& settings) { return settings.kitsu; };
  std::vector<tool> all{
      make_tool<projects_arguments, projects_result>(
          {.name = "kitsu_list_projects",
           .title = "List the projects in Kitsu",
           .description = "Lists the open projects of the Kitsu production tracker.",
           .hints = {.read_only = true, .open_world = true}},
          list_projects),
      make_tool<shots_arguments, shots_result>(
          {.name = "kitsu_list_shots",
           .title = "List the shots of a project in Kitsu",
           .description = "Lists shots of a project in Kitsu in the server's order, with their tasks where asked. Use "
                          "limit and offset for long lists.",
           .hints = {.read_only = true, .open_world = true}},
          list_shots),
      make_tool<tasks_arguments, tasks_result>(
          {.name = "kitsu_list_tasks",
           .title = "List tasks in Kitsu",
           .description =
               "Lists tasks of a project, of a shot, or of the user who is logged in, with the names of type "
               "and status.",
           .hints = {.read_only = true, .open_world = true}},
          list_tasks),
      make_tool<preview_arguments, preview_result>(
          {.name = "kitsu_download_preview",
           .title = "Save a preview from Kitsu",
           .description = "Saves the original of a preview (a picture or a movie) in the media folder, where the other "
                          "tools find it. The id is a task's last_preview_file_id, or a shot's preview_file_id.",
           .hints = {.open_world = true}},
          download_preview),
  };
  for (tool& each : all) each.is_offered = configured;
  return all;
}

} // namespace weir::studio::tools
