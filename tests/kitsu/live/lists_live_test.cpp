#include "kitsu/live/zou.hpp"

#include <weir/core/gather.hpp>
#include <weir/core/run.hpp>
#include <weir/core/sleep.hpp>
#include <weir/core/task_group.hpp>
#include <weir/kitsu/session.hpp>

#include <gtest/gtest.h>
#include <unistd.h>

#include <functional>
#include <set>
#include <string>

namespace weir::kitsu {
namespace {

using test::zou;

void as_admin(std::function<task<void>(client&)> body) {
  const auto& server = zou::get();
  run(create_session(server.url(), server.email(), server.password(), std::move(body)));
}

std::string id_of(const json::value& row) { return zou::text_of(row.as_object(), "id"); }

std::set<std::string> ids_of(const json::array& rows) {
  std::set<std::string> ids;
  for (const json::value& row : rows) ids.insert(id_of(row));
  return ids;
}

TEST(lists_live, pages_of_any_size_give_the_same_list) {
  as_admin([](client& studio) -> task<void> {
    const query of{{"project_id", zou::get().project("Cinder")}};
    const auto whole = co_await studio.get("data/tasks", of);
    for (const std::size_t size : {77u, 500u, 5000u}) {
      const auto rows = co_await studio.fetch_all("tasks", of, {.page_size = size});
      EXPECT_EQ(rows.size(), 1998u) << size;
      EXPECT_EQ(ids_of(rows), ids_of(whole.as_array())) << size;
    }
    const auto first = co_await studio.fetch_first("tasks", of);
    EXPECT_TRUE(first);
    EXPECT_FALSE(co_await studio.fetch_first("tasks", {{"name", "no task is called that"}}));
  });
}

TEST(lists_live, long_lists_of_ids_are_divided) {
  as_admin([](client& studio) -> task<void> {
    const auto shots = co_await studio.fetch_all(path("projects", zou::get().project("Cinder"), "shots"));
    query_value::list some;
    for (std::size_t i = 0; i < 250; ++i) some.push_back(id_of(shots.at(i)));
    const auto before = studio.statistics().requests;
    const auto rows = co_await studio.fetch_all("entities", {{"id", some}});
    EXPECT_EQ(ids_of(rows), std::set<std::string>(some.begin(), some.end()));
    EXPECT_EQ(studio.statistics().requests - before, 4u) << "80 ids a request";
    try {
      co_await studio.get("data/entities", {{"id", some}});
      ADD_FAILURE() << "a request line of 10 KB was sent";
    } catch (const error& problem) {
      EXPECT_EQ(problem.code(), errc::invalid_argument);
    }
  });
}

TEST(lists_live, names_with_every_kind_of_character_are_found_and_only_they) {
  as_admin([](client& studio) -> task<void> {
    const std::string project = zou::get().project("Bastion");
    const std::string own = std::to_string(::getpid());
    const auto first = co_await studio.fetch_first(path("projects", project, "sequences"));
    std::vector<std::string> made;
    for (const std::string& name : {"Zoë & #1 100%? 龍 " + own, "a_b" + own, "axb" + own, "q\"'+=;" + own}) {
      const auto shot = co_await studio.post(path("data/projects", project, "shots"),
                                             {{"name", name}, {"sequence_id", zou::text_of(*first, "id")}});
      made.push_back(id_of(shot));
      const auto found = co_await studio.fetch_all("entities", {{"name", name}, {"project_id", project}});
      EXPECT_EQ(found.size(), 1u) << name;
      if (found.size() == 1) EXPECT_EQ(id_of(found.front()), made.back()) << name;
    }
    // The server takes "_" for any character: "a_b" would find "axb" as well.
    EXPECT_EQ((co_await studio.get("data/entities", {{"name", "a_b" + own}})).as_array().size(), 2u);
    for (const std::string& id : made) co_await studio.del(path("data/shots", id), {{"force", true}});
  });
}

TEST(lists_live, one_entry_absent_is_nothing_and_an_error_is_an_error) {
  as_admin([](client& studio) -> task<void> {
    const std::string shot = zou::get().text("shot_id");
    EXPECT_EQ(zou::text_of(*co_await studio.fetch_one("shots", shot), "id"), shot);
    EXPECT_FALSE(co_await studio.fetch_one("shots", "00000000-0000-4000-8000-000000000000"));
    const auto refused = [&](std::string model, std::string id) -> task<errc> {
      try {
        co_await studio.fetch_one(model, id);
      } catch (const error& problem) {
        co_return problem.code();
      }
      ADD_FAILURE() << model << " " << id;
      co_return errc::internal;
    };
    EXPECT_EQ(co_await refused("no-such-model", "00000000-0000-4000-8000-000000000000"), errc::not_found);
    for (const char* bad : {"", "a/b", "a?b", "..", "a b", "a#b"})
      EXPECT_EQ(co_await refused("shots", bad), errc::invalid_argument) << bad;
  });
}

TEST(lists_live, the_rows_of_the_bulk_route_are_those_of_the_others) {
  as_admin([](client& studio) -> task<void> {
    const std::string project = zou::get().project("Cinder");
    const auto shots = co_await studio.fetch_all(path("projects", project, "shots"));
    std::size_t tasks = 0;
    std::set<std::string> seen;
    co_await studio.shots_with_tasks(project, [&](json::object shot) -> task<void> {
      seen.insert(zou::text_of(shot, "id"));
      EXPECT_EQ(zou::text_of(shot, "project_name"), "Cinder");
      for (const json::value& each : shot.at("tasks").as_array()) {
        ++tasks;
        EXPECT_EQ(zou::text_of(each.as_object(), "entity_id"), zou::text_of(shot, "id"));
      }
      co_return;
    });
    EXPECT_EQ(seen, ids_of(shots));
    EXPECT_EQ(tasks, 1998u);
  });
}

TEST(lists_live, hundreds_of_calls_at_once_are_eight_at_a_time) {
  as_admin([](client& studio) -> task<void> {
    const std::string shot = zou::get().text("shot_id");
    std::vector<task<json::value>> calls;
    for (int n = 0; n < 500; ++n) calls.push_back(studio.get(path("data/shots", shot)));
    std::size_t most = 0, waiting = 0;
    co_await with_task_group([&](task_group& group) -> task<void> {
      auto all = group.spawn([&]() -> task<void> { co_await gather(std::move(calls)); });
      while (!all.done()) {
        most = std::max(most, studio.statistics().in_flight);
        waiting = std::max(waiting, studio.statistics().waiting);
        co_await sleep_for(std::chrono::milliseconds(2));
      }
    });
    EXPECT_EQ(most, 8u);
    EXPECT_GT(waiting, 400u);
  });
}

TEST(lists_live, what_is_done_with_a_streamed_shot_may_call_the_server) {
  const auto& server = zou::get();
  client_options options;
  options.max_calls = 1;
  run(create_session(server.url(), server.email(), server.password(),
                     [&](client& studio) -> task<void> {
                       std::size_t asked = 0;
                       const auto one = [&]() -> task<void> {
                         return studio.shots_with_tasks(server.project("Cinder"), [&](json::object shot) -> task<void> {
                           if (asked < 5) {
                             ++asked;
                             co_await studio.get(path("data/shots", zou::text_of(shot, "id")));
                           }
                         });
                       };
                       co_await gather(one(), one());
                       EXPECT_EQ(asked, 5u);
                     },
                     {.client = options}));
}

TEST(lists_live, refusals_are_told_apart) {
  const auto& server = zou::get();
  as_admin([&](client& studio) -> task<void> {
    const auto why = [](task<json::value> call) -> task<failure> {
      try {
        co_await std::move(call);
      } catch (const request_error& problem) {
        EXPECT_EQ(std::string(problem.what()).find("eyJ"), std::string::npos) << "a token";
        EXPECT_FALSE(problem.message().empty()) << problem.what();
        co_return problem.why();
      }
      ADD_FAILURE() << "no error";
      co_return failure::unreachable;
    };
    EXPECT_EQ(co_await why(studio.get("data/nothing")), failure::not_found);
    EXPECT_EQ(co_await why(studio.post("data/tasks/from-path")), failure::method_not_allowed);
    EXPECT_EQ(co_await why(studio.get("data/tasks", {{"entity_id", "no id"}})), failure::invalid);
    EXPECT_EQ(co_await why(studio.post("data/projects")), failure::invalid) << "without a name";

    client artist(server.url());
    const auto in =
        co_await artist.log_in("artist@example.com", zou::text_of(server.person("artist@example.com"), "password"));
    EXPECT_TRUE(in.done());
    EXPECT_EQ(co_await why(artist.post("data/projects", {{"name", "not mine"}})), failure::not_allowed);
    co_await artist.log_out();
    EXPECT_EQ(co_await why(artist.get("data/projects/open")), failure::not_authenticated);
  });
}

} // namespace
} // namespace weir::kitsu
