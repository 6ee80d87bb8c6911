// Many updates at the same time.
#include "kitsu_account.hpp"

#include <weir/core/gather.hpp>
#include <weir/core/run.hpp>
#include <weir/kitsu/session.hpp>

#include <cstdio>

namespace kitsu = weir::kitsu;
namespace json = weir::json;

namespace {

// [batch]
weir::task<void> set_all_shots_to_running(std::string project_id, kitsu::client& client) {
  const json::array shots = co_await client.fetch_all(kitsu::path("projects", project_id, "shots"));

  std::vector<weir::task<json::object>> updates;
  for (const json::value& shot : shots)
    updates.push_back(client.update("entities", json::string_or(shot.get_object(), "id"), {{"status", "running"}}));
  co_await weir::gather(std::move(updates));
}
// [end]

// A status that the server does not know is refused here: it would be stored, and break every listing of its project.
weir::task<bool> a_wrong_status_is_refused(std::string shot_id, kitsu::client& client) {
  try {
    co_await client.update("shots", shot_id, {{"status", "active"}});
  } catch (const weir::error& problem) {
    std::printf("refused: %s\n", problem.what());
    co_return problem.code() == weir::errc::invalid_argument;
  }
  co_return false;
}

/// The project with the fewest shots: an example should not take long.
weir::task<bool> update(kitsu::client& client) {
  std::string smallest;
  json::array shots;
  for (const json::value& project : co_await client.fetch_all("projects/open")) {
    const std::string id = json::string_or(project.get_object(), "id");
    json::array its = co_await client.fetch_all(kitsu::path("projects", id, "shots"));
    if (its.empty() || (!smallest.empty() && its.size() >= shots.size())) continue;
    smallest = id;
    shots = std::move(its);
  }
  co_await set_all_shots_to_running(smallest, client);
  for (const json::value& shot : co_await client.fetch_all(kitsu::path("projects", smallest, "shots")))
    if (json::string_or(shot.get_object(), "status") != "running") co_return false;
  std::printf("%zu shots are running\n", shots.size());
  co_return co_await a_wrong_status_is_refused(json::string_or(shots.at(0).get_object(), "id"), client);
}

} // namespace

int main() {
  const account me = account_from_environment();
  return weir::run(kitsu::create_session(me.host, me.email, me.password, update)) ? 0 : 1;
}
