// The four verbs, and the helpers above them.
#include "kitsu_account.hpp"

#include <weir/core/run.hpp>
#include <weir/kitsu/session.hpp>

#include <cstdio>
#include <vector>

namespace kitsu = weir::kitsu;
namespace json = weir::json;

namespace {

// [described]
struct task_row {
  std::string id;
  std::int64_t priority = 0;
  std::optional<std::string> due_date;

  static const json::description<task_row>& described() {
    static const json::description<task_row> d("A task.", [](auto& d) {
      d.field("id", &task_row::id, "Its id").required();
      d.field("priority", &task_row::priority, "0 to 3");
      d.field("due_date", &task_row::due_date, "When it is due");
    });
    return d;
  }
};
// [end]

weir::task<bool> requests(kitsu::client& client) {
  const auto project = co_await client.fetch_first("projects/open");
  const std::string project_id = json::string_or(*project, "id");
  const auto shots = co_await client.fetch_all(kitsu::path("projects", project_id, "shots"));
  const std::string shot_id = json::string_or(shots.at(0).get_object(), "id");
  const auto types = co_await client.fetch_all("task-types", {{"for_entity", "Shot"}});
  const std::string type_id = json::string_or(types.at(0).get_object(), "id");

  // [verbs]
  // GET
  const json::value projects = co_await client.get("data/projects");

  // POST: a task of a shot
  const json::value made = co_await client.post(
      "data/tasks", {{"project_id", project_id}, {"entity_id", shot_id}, {"task_type_id", type_id}, {"name", "extra"}});
  const std::string task_id = json::string_or(made.get_object(), "id");

  // PUT
  co_await client.put(kitsu::path("data/tasks", task_id), {{"priority", 1}});
  // [end]

  // [helpers]
  // Every entry of a list, however many pages it has
  const json::array assets = co_await client.fetch_all(kitsu::path("projects", project_id, "assets"));

  // One entry: absent is nullopt, an error is an error
  const std::optional<json::object> shot = co_await client.fetch_one("shots", shot_id);

  // As a described struct, with filters as the server parses them
  const std::vector<task_row> tasks =
      co_await client.fetch_all<task_row>("tasks", {{"entity_id", shot_id}, {"task_type_id", {type_id}}});
  // [end]

  // [delete]
  // DELETE: a task that has comments or previews goes with force
  co_await client.del(kitsu::path("data/tasks", task_id), {{"force", true}});
  // [end]

  const auto gone = co_await client.fetch_one("tasks", task_id);
  std::printf("%zu projects, %zu assets; the new task had priority %d and is %s\n", projects.get_array().size(),
              assets.size(), static_cast<int>(tasks.at(0).priority), gone ? "still there" : "gone");
  co_return shot&& tasks.size() == 1 && tasks[0].priority == 1 && !gone;
}

} // namespace

int main() {
  const account me = account_from_environment();
  return weir::run(kitsu::create_session(me.host, me.email, me.password, requests)) ? 0 : 1;
}
