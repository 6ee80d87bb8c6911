#include "kitsu/live/zou.hpp"

#include <weir/core/run.hpp>
#include <weir/kitsu/session.hpp>

#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <string>

namespace weir::kitsu {
namespace {

using test::zou;

login_outcome log_in(std::string email, std::string password) {
  return run([](std::string email, std::string password) -> task<login_outcome> {
    client studio(zou::get().api_url());
    co_return co_await studio.log_in(std::move(email), std::move(password));
  }(std::move(email), std::move(password)));
}

TEST(zou_live, every_account_comes_out_as_what_it_is) {
  const auto& server = zou::get();
  EXPECT_EQ(log_in(server.email(), server.password()).status, login_status::done);
  EXPECT_EQ(log_in(server.email(), "not it").status, login_status::wrong_password);
  for (const auto& [email, expected] : {std::pair{"totp@example.com", login_status::code_wanted},
                                        std::pair{"disabled@example.com", login_status::disabled},
                                        std::pair{"default@example.com", login_status::default_password},
                                        std::pair{"artist@example.com", login_status::done}})
    EXPECT_EQ(log_in(email, zou::text_of(server.person(email), "password")).status, expected) << email;
}

TEST(zou_live, a_production_is_counted_on_three_ways) {
  const auto& server = zou::get();
  run(create_session(server.api_url(), server.email(), server.password(), [&](client& studio) -> task<void> {
    const std::string project = server.project("Cinder");
    const auto tasks = co_await studio.fetch_all("tasks", {{"project_id", project}}, {.page_size = 100});
    EXPECT_EQ(tasks.size(), 1998u);
    std::set<std::string> ids;
    for (const auto& row : tasks) ids.insert(zou::text_of(row.as_object(), "id"));
    EXPECT_EQ(ids.size(), tasks.size());
    EXPECT_EQ((co_await studio.fetch_all(path("projects", project, "shots"))).size(), 666u);
    std::size_t of_shots = 0;
    for (const auto& shot : co_await studio.shots_with_tasks(project)) of_shots += shot.at("tasks").as_array().size();
    EXPECT_EQ(of_shots, tasks.size());
  }));
}

TEST(zou_live, an_expired_token_is_renewed_once_for_many_calls) {
  const auto& server = zou::get();
  const auto& person = server.person("manager@example.com");
  run([](const zou& server, const json::object& person) -> task<void> {
    client studio(server.api_url(), tokens{.access = zou::text_of(person, "expired_token"),
                                           .refresh = zou::text_of(person, "refresh_token")});
    std::vector<task<json::value>> calls;
    for (int n = 0; n < 40; ++n) calls.push_back(studio.get(path("data/shots", server.text("shot_id"))));
    const auto answers = co_await gather(std::move(calls));
    EXPECT_EQ(answers.size(), 40u);
    EXPECT_EQ(studio.statistics().refreshes, 1u);
  }(server, person));
}

TEST(zou_live, files_come_whole_with_their_digest) {
  const auto& server = zou::get();
  char name[] = "/tmp/weir-zou-live-XXXXXX";
  ASSERT_TRUE(::mkdtemp(name));
  const std::filesystem::path folder = name;
  run(create_session(server.url(), server.email(), server.password(), [&](client& studio) -> task<void> {
    const auto to = files::root::open(folder.string());
    for (const char* kind : {"picture", "movie", "archive"}) {
      const auto one = server.previews(kind).front();
      const auto outcome = co_await studio.download(zou::text_of(one, "path"), to, kind);
      EXPECT_EQ(outcome.file.sha256, zou::text_of(one, "sha256")) << kind;
      EXPECT_EQ(std::filesystem::file_size(folder / kind), static_cast<std::uintmax_t>(one.at("size").as_int64()));
    }
  }));
  std::filesystem::remove_all(folder);
}

} // namespace
} // namespace weir::kitsu
