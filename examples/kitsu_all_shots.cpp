// All shots of all open projects with their tasks: by a request for each shot, and by one for all.
#include "kitsu_account.hpp"

#include <weir/core/gather.hpp>
#include <weir/core/run.hpp>
#include <weir/kitsu/session.hpp>

#include <chrono>
#include <cstdio>

namespace kitsu = weir::kitsu;
namespace json = weir::json;

namespace {

std::string id_of(const json::value& row) { return json::string_or(row.get_object(), "id"); }

// [for_each_shot]
weir::task<json::array> get_all_shots_with_tasks(kitsu::client& client) {
  const json::array projects = co_await client.fetch_all("projects/open");

  // All shots of every project at the same time
  std::vector<weir::task<json::array>> lists;
  for (const json::value& project : projects)
    lists.push_back(client.fetch_all(kitsu::path("projects", id_of(project), "shots")));

  json::array all_shots;
  for (json::array& shots : co_await weir::gather(std::move(lists)))
    for (json::value& shot : shots) all_shots.push_back(std::move(shot));

  // The tasks of every shot: however many there are, eight requests are under way at once
  std::vector<weir::task<json::value>> tasks;
  for (const json::value& shot : all_shots)
    tasks.push_back(client.get(kitsu::path("data/shots", id_of(shot), "tasks")));

  std::size_t index = 0;
  for (json::value& list : co_await weir::gather(std::move(tasks)))
    all_shots[index++].get_object()["tasks"] = std::move(list);
  co_return all_shots;
}
// [end]

// [bulk]
weir::task<std::size_t> count_late_shots(kitsu::client& client) {
  std::size_t late = 0;
  co_await client.shots_with_tasks("", [&](json::object shot) -> weir::task<void> {
    const json::array& tasks = shot.at("tasks").get_array(); // one shot at a time is in memory
    for (const json::value& task : tasks)
      if (json::int_or(task.get_object(), "retake_count", 0) > 2) {
        ++late;
        break;
      }
    co_return;
  });
  co_return late;
}
// [end]

weir::task<bool> compare(kitsu::client& client) {
  using clock = std::chrono::steady_clock;
  const auto seconds_since = [](clock::time_point then) {
    return std::chrono::duration<double>(clock::now() - then).count();
  };
  const auto begin = clock::now();
  const json::array one_by_one = co_await get_all_shots_with_tasks(client);
  const double first = seconds_since(begin);
  const auto again = clock::now();
  // [collected]
  const json::array shots = co_await client.shots_with_tasks(""); // of all open projects
  // [end]
  const double second = seconds_since(again);
  std::printf("%zu shots: a request for each %.2f s, one for all %.2f s\n", one_by_one.size(), first, second);
  co_await count_late_shots(client);
  co_return one_by_one.size() == shots.size();
}

} // namespace

int main() {
  const account me = account_from_environment();
  return weir::run(kitsu::create_session(me.host, me.email, me.password, compare)) ? 0 : 1;
}
