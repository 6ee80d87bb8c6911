// One work against a Kitsu server, measured from after the login until before the logout:
//   weir-bench-kitsu WORK < {"host", "email", "password", ...}      prints {"wall", "cpu", "peak_mib", "done", ...}
#include <weir/core/gather.hpp>
#include <weir/core/run.hpp>
#include <weir/kitsu/session.hpp>

#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace {

using weir::task;
namespace kitsu = weir::kitsu;
namespace json = weir::json;

struct outcome {
  std::size_t done = 0;
  std::size_t broken = 0; ///< answered, but not as it should be
};

std::string text(const json::value& of, std::string_view name) {
  return std::string(std::string_view(of.at(name).as_string()));
}

/// The example of the Python client's own page: a request for every shot.
task<outcome> all_shots_one_by_one(kitsu::client& studio, const json::object&) {
  const auto projects = co_await studio.fetch_all("projects/open");
  std::vector<task<json::array>> lists;
  for (const auto& project : projects)
    lists.push_back(studio.fetch_all(kitsu::path("projects", text(project, "id"), "shots")));
  std::vector<json::value> shots;
  for (auto& list : co_await weir::gather(std::move(lists)))
    for (auto& shot : list) shots.push_back(std::move(shot));
  std::vector<task<json::value>> calls;
  for (const auto& shot : shots) calls.push_back(studio.get(kitsu::path("data/shots", text(shot, "id"), "tasks")));
  auto tasks = co_await weir::gather(std::move(calls));
  outcome got;
  for (std::size_t n = 0; n < shots.size(); ++n) {
    got.done += tasks[n].as_array().size();
    shots[n].as_object()["tasks"] = std::move(tasks[n]);
  }
  co_return got;
}

// What a pipeline that looks for open work needs to know of the rows. Everything else is not kept.

struct task_row {
  std::string id, task_type_id, task_status_id;
  std::int64_t priority = 0;
  std::optional<std::string> due_date;

  static const json::description<task_row>& described() {
    static const json::description<task_row> d("A task.", [](auto& d) {
      d.field("id", &task_row::id, "Its id").required();
      d.field("task_type_id", &task_row::task_type_id, "Which step").required();
      d.field("task_status_id", &task_row::task_status_id, "How far it is").required();
      d.field("priority", &task_row::priority, "0 to 3");
      d.field("due_date", &task_row::due_date, "When it is due");
    });
    return d;
  }
};

struct shot_row {
  std::string id, name;
  std::vector<task_row> tasks;

  static const json::description<shot_row>& described() {
    static const json::description<shot_row> d("A shot.", [](auto& d) {
      d.field("id", &shot_row::id, "Its id").required();
      d.field("name", &shot_row::name, "Its name").required();
    });
    return d;
  }
};

/// As all_shots_one_by_one, into structs.
task<outcome> all_shots_into_structs(kitsu::client& studio, const json::object&) {
  const auto projects = co_await studio.fetch_all("projects/open");
  std::vector<shot_row> shots;
  for (const auto& project : projects)
    for (auto& shot : co_await studio.get_list<shot_row>(kitsu::path("data/projects", text(project, "id"), "shots")))
      shots.push_back(std::move(shot));
  std::vector<task<std::vector<task_row>>> calls;
  for (const auto& shot : shots)
    calls.push_back(studio.get_list<task_row>(kitsu::path("data/shots", shot.id, "tasks")));
  auto tasks = co_await weir::gather(std::move(calls));
  outcome got;
  for (std::size_t n = 0; n < shots.size(); ++n) {
    got.done += tasks[n].size();
    shots[n].tasks = std::move(tasks[n]);
  }
  co_return got;
}

task<outcome> all_shots_at_once(kitsu::client& studio, const json::object&) {
  const auto projects = co_await studio.fetch_all("projects/open");
  std::vector<task<json::array>> lists;
  for (const auto& project : projects) lists.push_back(studio.shots_with_tasks(text(project, "id")));
  outcome got;
  for (const auto& list : co_await weir::gather(std::move(lists)))
    for (const auto& shot : list) got.done += shot.at("tasks").as_array().size();
  co_return got;
}

task<outcome> updates(kitsu::client& studio, const json::object& asked) {
  const auto priority = asked.at("priority");
  std::vector<task<json::object>> calls;
  for (const auto& id : asked.at("tasks").as_array())
    calls.push_back(studio.update("tasks", std::string_view(id.as_string()), {{"priority", priority}}));
  outcome got;
  for (const auto& row : co_await weir::gather(std::move(calls)))
    ++(row.at("priority") == priority ? got.done : got.broken);
  co_return got;
}

task<outcome> downloads(kitsu::client& studio, const json::object& asked) {
  const auto folder = weir::files::root::open(std::string(asked.at("folder").as_string()));
  std::vector<task<kitsu::download_outcome>> calls;
  for (const auto& one : asked.at("files").as_array())
    calls.push_back(studio.download(text(one, "path"), folder, text(one, "name")));
  co_return outcome{.done = (co_await weir::gather(std::move(calls))).size()};
}

task<outcome> uploads(kitsu::client& studio, const json::object& asked) {
  const std::string picture(asked.at("picture").as_string());
  std::vector<task<json::value>> calls;
  for (const auto& id : asked.at("previews").as_array())
    calls.push_back(studio.upload(kitsu::path("pictures/preview-files", std::string_view(id.as_string())), picture));
  outcome got;
  for (const auto& row : co_await weir::gather(std::move(calls)))
    ++(text(row, "status") == "ready" ? got.done : got.broken);
  co_return got;
}

double cpu_seconds(const rusage& used) {
  return static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

rusage used() {
  rusage now{};
  ::getrusage(RUSAGE_SELF, &now);
  return now;
}

/// The most that was resident. Not ru_maxrss: there the program that started this one counts as well.
double peak_mib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::stod(line.substr(6)) / 1024;
  return 0;
}

using work = task<outcome> (*)(kitsu::client&, const json::object&);
const std::map<std::string_view, work> works{{"one_by_one", all_shots_one_by_one},
                                             {"into_structs", all_shots_into_structs},
                                             {"at_once", all_shots_at_once},
                                             {"updates", updates},
                                             {"downloads", downloads},
                                             {"uploads", uploads}};

task<void> measure(work what, const json::object& asked) {
  const auto named = [&](std::string_view name) { return std::string(std::string_view(asked.at(name).as_string())); };
  co_await kitsu::create_session(
      named("host"), named("email"), named("password"), [&](kitsu::client& studio) -> task<void> {
        const auto before = used();
        const auto begin = std::chrono::steady_clock::now();
        const outcome got = co_await what(studio, asked);
        const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begin;
        const auto after = used();
        std::printf(R"({"wall": %.6f, "cpu": %.6f, "peak_mib": %.3f, "done": %zu, "broken": %zu})"
                    "\n",
                    wall.count(), cpu_seconds(after) - cpu_seconds(before), peak_mib(), got.done, got.broken);
      });
}

} // namespace

int main(int argc, char** argv) {
  const auto found = argc == 2 ? works.find(argv[1]) : works.end();
  if (found == works.end()) {
    std::fprintf(stderr, "usage: weir-bench-kitsu one_by_one|into_structs|at_once|updates|downloads|uploads < JSON\n");
    return 2;
  }
  const std::string input{std::istreambuf_iterator<char>(std::cin), {}};
  try {
    const json::value asked = json::parse(input);
    weir::run(measure(found->second, asked.as_object()));
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "%s\n", problem.what());
    return 1;
  }
}
