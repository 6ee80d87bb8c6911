#include "kitsu/own_folder.hpp"
#include "kitsu/scripted_studio.hpp"

#include <weir/core/cancelled.hpp>
#include <weir/core/event.hpp>
#include <weir/core/race.hpp>
#include <weir/core/run.hpp>
#include <weir/kitsu/pull.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

namespace weir::kitsu {
namespace {

using test::content_of;
using test::id_of;
using test::own_folder;
using test::scripted_studio;

const std::string project = id_of(1), task_id = id_of(2), shot = id_of(3), sequence = id_of(4), type = id_of(5);

json::object preview(int number, const std::string& extension, std::int64_t size, const std::string& status = "ready",
                     int revision = 1, const std::string& task = task_id) {
  return {{"id", "0000000" + std::to_string(number) + id_of(number).substr(8)},
          {"extension", extension},
          {"file_size", size},
          {"status", status},
          {"revision", revision},
          {"task_id", task},
          {"updated_at", "2026-01-02T03:04:05"}};
}

std::string id_in(const json::object& row) { return json::string_or(row, "id"); }

/// A project with one shot and one task.
struct Pull : testing::Test {
  Pull() {
    names("Aurora", "SQ01", "SH0010", "Animation");
    studio.on("GET /data/projects/" + project, json::object{{"id", project}, {"name", "Aurora"}});
  }

  void names(const std::string& project_name, const std::string& sequence_name, const std::string& shot_name,
             const std::string& type_name) {
    studio.on("GET /data/tasks",
              json::array{
                  json::object{{"id", task_id}, {"entity_id", shot}, {"task_type_id", type}, {"project_id", project}}});
    studio.on("GET /data/entities",
              json::array{json::object{{"id", shot}, {"name", shot_name}, {"parent_id", sequence}},
                          json::object{{"id", sequence}, {"name", sequence_name}, {"parent_id", nullptr}}});
    studio.on("GET /data/task-types", json::array{json::object{{"id", type}, {"name", type_name}}});
    studio.on("GET /data/projects/" + project, json::object{{"id", project}, {"name", project_name}});
  }

  void previews(json::array rows) { studio.on("GET /data/preview-files", std::move(rows)); }

  pull_plan plan(pull_selection what = {.project_id = project}) {
    return weir::run([](Pull& self, pull_selection chosen) -> task<pull_plan> {
      co_return co_await plan_pull(self.studio.client(), std::move(chosen));
    }(*this, std::move(what)));
  }
  pull_report pull_now(pull_options options = {}) {
    return weir::run([](Pull& self, pull_options how) -> task<pull_report> {
      client web = self.studio.client();
      auto what = co_await plan_pull(web, {.project_id = project});
      co_return co_await pull(web, std::move(what), files::root::open(self.folder.path()), std::move(how));
    }(*this, std::move(options)));
  }

  /// Three previews with their files.
  void one_of_each() {
    previews({preview(1, "png", 4), preview(2, "mp4", 999), preview(3, "zip", 6)});
    studio.file("/pictures/originals/preview-files/" + id_in(preview(1, "", 0)) + ".png", "pict");
    studio.file("/movies/originals/preview-files/" + id_in(preview(2, "", 0)) + ".mp4", "a movie");
    studio.file("/pictures/originals/preview-files/" + id_in(preview(3, "", 0)) + ".zip", "packed");
  }
  std::size_t fetched() const {
    return studio.asked("GET /pictures/originals") + studio.asked("GET /movies/originals");
  }

  own_folder folder;
  scripted_studio studio;
};

TEST_F(Pull, NamesFilesAfterWhatTheyShow) {
  previews({preview(1, "PNG", 4, "ready", 12), preview(2, "mp4", 5), preview(3, "exr", 6)});
  const auto found = plan().items;
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].name, "Aurora_SQ01_SH0010_Animation_v001_00000002.mp4");
  EXPECT_EQ(found[0].kind, preview_kind::movie);
  EXPECT_EQ(found[1].name, "Aurora_SQ01_SH0010_Animation_v001_00000003.exr");
  EXPECT_EQ(found[1].kind, preview_kind::file);
  EXPECT_EQ(found[2].name, "Aurora_SQ01_SH0010_Animation_v012_00000001.png");
  EXPECT_EQ(found[2].record_bytes, 4u);
  EXPECT_TRUE(plan().others.empty());
}

TEST_F(Pull, TakesNoPathFromTheServer) {
  names("../../etc", "/abs", ".. \x1b[31m\n", std::string(300, 'x') + "/é");
  previews({preview(1, "png", 4), preview(2, "../png", 4), preview(3, "sh", 4), preview(4, "", 4)});
  const auto found = plan();
  ASSERT_EQ(found.items.size(), 1u);
  EXPECT_EQ(found.items[0].name, "etc_abs_31m_" + std::string(48, 'x') + "_v001_00000001.png");
  ASSERT_EQ(found.others.size(), 3u);
  for (const auto& each : found.others) EXPECT_EQ(each.why, left_out::refused) << each.message;
}

TEST_F(Pull, TellsApartWhatTheServerHasNot) {
  previews({preview(1, "mp4", 0, "processing"), preview(2, "mp4", 0, "broken"), preview(3, "png", 0, "missing")});
  const auto found = plan();
  EXPECT_TRUE(found.items.empty());
  ASSERT_EQ(found.others.size(), 3u);
  std::vector<left_out> why;
  for (const auto& each : found.others) why.push_back(each.why);
  std::sort(why.begin(), why.end());
  EXPECT_EQ(why, (std::vector{left_out::processing, left_out::broken, left_out::missing}));
}

TEST_F(Pull, ChoosesTheLatestAndTheKind) {
  previews({preview(1, "png", 4, "ready", 1), preview(2, "png", 4, "ready", 3), preview(3, "mp4", 4, "ready", 3),
            preview(4, "png", 4, "ready", 2), preview(5, "png", 4, "ready", 1, id_of(99))});
  const auto latest = plan({.project_id = project, .latest = true});
  std::vector<std::string> ids;
  for (const auto& each : latest.items) ids.push_back(each.id.substr(0, 8));
  std::sort(ids.begin(), ids.end());
  EXPECT_EQ(ids, (std::vector<std::string>{"00000002", "00000003", "00000005"}));
  const auto movies = plan({.project_id = project, .only = preview_kind::movie});
  ASSERT_EQ(movies.items.size(), 1u);
  EXPECT_EQ(movies.items[0].id.substr(0, 8), "00000003");
}

TEST_F(Pull, TellsAlikeNamesApart) {
  auto first = preview(1, "png", 4), second = preview(1, "png", 4);
  second["id"] = "00000001-ffff-4000-8000-000000000001";
  previews({first, second});
  const auto found = plan().items;
  ASSERT_EQ(found.size(), 2u);
  EXPECT_NE(found[0].name, found[1].name);
  for (const auto& each : found) EXPECT_NE(each.name.find(each.id + ".png"), std::string::npos) << each.name;
}

TEST_F(Pull, NeedsOneSelection) {
  EXPECT_THROW(plan({}), error);
  EXPECT_THROW(plan({.project_id = project, .task_id = task_id}), error);
  EXPECT_THROW(plan({.task_id = "../x"}), error);
  EXPECT_THROW(plan({.preview_ids = {"no id"}}), error);
  EXPECT_EQ(studio.requests().size(), 0u);
  previews({});
  const auto found = plan({.preview_ids = {id_of(77)}});
  ASSERT_EQ(found.others.size(), 1u);
  EXPECT_EQ(found.others[0].why, left_out::unknown);
}

TEST_F(Pull, DownloadsOnceAndNeverAgain) {
  one_of_each();
  std::size_t told = 0;
  pull_progress last;
  const auto first = pull_now({.mode = 0640,
                               .on_progress = [&](const pull_progress& now) { last = now; },
                               .on_file = [&](const pulled&) { ++told; }});
  EXPECT_EQ(first.count(pull_state::downloaded), 3u);
  EXPECT_TRUE(first.complete());
  EXPECT_EQ(first.bytes_received, 17u);
  EXPECT_EQ(told, 3u);
  EXPECT_EQ(last.files_done, 3u);
  EXPECT_EQ(last.bytes_done, 17u);
  EXPECT_EQ(last.bytes_total, 17u);
  EXPECT_EQ(content_of(folder / "Aurora_SQ01_SH0010_Animation_v001_00000002.mp4"), "a movie");
  EXPECT_EQ(test::mode_of(folder / "Aurora_SQ01_SH0010_Animation_v001_00000001.png"), 0640u);
  EXPECT_EQ(fetched(), 3u);

  const auto second = pull_now();
  EXPECT_EQ(second.count(pull_state::skipped), 3u);
  EXPECT_EQ(second.bytes_received, 0u);
  EXPECT_EQ(second.files[0].sha256, first.files[0].sha256);
  EXPECT_EQ(fetched(), 3u);
}

TEST_F(Pull, WithoutItsNotesOnlyMoviesAreFetchedAgain) {
  one_of_each();
  pull_now();
  std::filesystem::remove(folder / ".weir/kitsu-pull.jsonl");
  const auto again = pull_now();
  EXPECT_EQ(again.count(pull_state::skipped), 2u);
  EXPECT_EQ(again.count(pull_state::downloaded), 1u);
  EXPECT_EQ(studio.asked("GET /movies/originals"), 2u);
  EXPECT_EQ(pull_now().count(pull_state::skipped), 3u);
}

TEST_F(Pull, PassesOverNotesThatACrashHasCut) {
  one_of_each();
  pull_now();
  std::string notes = content_of(folder / ".weir/kitsu-pull.jsonl");
  const std::size_t movie = notes.find("a movie");
  EXPECT_EQ(movie, notes.npos);
  test::write_to(folder / ".weir/kitsu-pull.jsonl", "[1]\nnonsense\n{\"id\":5}\n" + notes + "{\"id\":\"cut");
  EXPECT_EQ(pull_now().count(pull_state::skipped), 3u);
  std::filesystem::remove(folder / "Aurora_SQ01_SH0010_Animation_v001_00000002.mp4");
  EXPECT_EQ(pull_now().count(pull_state::downloaded), 1u); // and its note stands on a line of its own
  EXPECT_EQ(pull_now().count(pull_state::skipped), 3u);
}

TEST_F(Pull, FetchesAgainWhatIsCutOrHasChanged) {
  one_of_each();
  pull_now();
  test::write_to(folder / "Aurora_SQ01_SH0010_Animation_v001_00000002.mp4", "a mov");
  const auto mended = pull_now();
  EXPECT_EQ(mended.count(pull_state::skipped), 2u);
  EXPECT_EQ(content_of(folder / "Aurora_SQ01_SH0010_Animation_v001_00000002.mp4"), "a movie");
  previews({preview(1, "png", 4), preview(2, "mp4", 1000), preview(3, "zip", 6)}); // encoded anew
  EXPECT_EQ(pull_now().count(pull_state::downloaded), 1u);
}

TEST_F(Pull, GoesOnWhereOneFails) {
  one_of_each();
  studio.on("GET /movies/originals/preview-files/" + id_in(preview(2, "", 0)) + ".mp4",
            scripted_studio::json_answer(404, R"({"error":true,"message":"lost"})"));
  const auto report = pull_now();
  EXPECT_FALSE(report.complete());
  EXPECT_EQ(report.count(pull_state::downloaded), 2u);
  ASSERT_EQ(report.count(pull_state::failed), 1u);
  for (const auto& each : report.files) {
    if (each.state == pull_state::failed) {
      EXPECT_NE(each.problem.find("404"), std::string::npos) << each.problem;
    }
  }
  EXPECT_FALSE(std::filesystem::exists(folder / "Aurora_SQ01_SH0010_Animation_v001_00000002.mp4"));
}

TEST_F(Pull, StopsWhereAllMustFail) {
  one_of_each();
  for (const std::string& route : {"pictures/originals/preview-files/" + id_in(preview(1, "", 0)) + ".png",
                                   "movies/originals/preview-files/" + id_in(preview(2, "", 0)) + ".mp4",
                                   "pictures/originals/preview-files/" + id_in(preview(3, "", 0)) + ".zip"})
    studio.on("GET /" + route, scripted_studio::json_answer(401, R"({"msg":"revoked"})"));
  const auto report = pull_now({.max_jobs = 1});
  EXPECT_EQ(report.count(pull_state::failed), 3u);
  EXPECT_EQ(fetched(), 1u);
  EXPECT_TRUE(report.files[2].problem.starts_with("not tried")) << report.files[2].problem;
}

TEST_F(Pull, PublishesNoFileOfAnotherLength) {
  previews({preview(3, "zip", 7)});
  studio.file("/pictures/originals/preview-files/" + id_in(preview(3, "", 0)) + ".zip", "packed");
  const auto report = pull_now();
  EXPECT_EQ(report.count(pull_state::failed), 1u);
  EXPECT_FALSE(std::filesystem::exists(folder / "Aurora_SQ01_SH0010_Animation_v001_00000003.zip"));
}

TEST_F(Pull, CancelledKeepsWhatIsWhole) {
  one_of_each();
  std::atomic<bool> waits{false};
  studio.on("GET /pictures/originals/preview-files/" + id_in(preview(3, "", 0)) + ".zip",
            [&](const std::string&, test::wire& line) {
              line.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npac");
              waits = true;
              line.wait_for_close(60'000);
            });
  weir::run([&]() -> task<void> {
    client web = studio.client();
    auto what = co_await plan_pull(web, {.project_id = project});
    event two_are_there;
    std::size_t there = 0;
    pull_options how{.on_file = [&](const pulled&) {
      if (++there == 2) two_are_there.set();
    }};
    co_await race(pull(web, std::move(what), files::root::open(folder.path()), std::move(how)),
                  [](event& there_now) -> task<void> { co_await there_now.wait(); }(two_are_there));
  }());
  EXPECT_EQ(content_of(folder / "Aurora_SQ01_SH0010_Animation_v001_00000002.mp4"), "a movie");
  EXPECT_FALSE(std::filesystem::exists(folder / "Aurora_SQ01_SH0010_Animation_v001_00000003.zip"));
  studio.file("/pictures/originals/preview-files/" + id_in(preview(3, "", 0)) + ".zip", "packed");
  const auto rest = pull_now();
  EXPECT_EQ(rest.count(pull_state::skipped), 2u);
  EXPECT_EQ(content_of(folder / "Aurora_SQ01_SH0010_Animation_v001_00000003.zip"), "packed");
}

TEST(PreviewKind, IsTheExtensions) {
  EXPECT_EQ(kind_of_extension("JPEG"), preview_kind::picture);
  EXPECT_EQ(kind_of_extension("mov"), preview_kind::movie);
  EXPECT_EQ(kind_of_extension("exr"), preview_kind::file);
  EXPECT_FALSE(kind_of_extension("exe"));
  EXPECT_FALSE(kind_of_extension(""));
  EXPECT_EQ(extension_of("a/b.c/Shot.MP4"), "mp4");
  EXPECT_EQ(extension_of("a.b/none"), "");
  EXPECT_EQ(original_of(id_of(1), preview_kind::picture, "jpg").text(),
            "pictures/originals/preview-files/" + id_of(1) + ".png");
  EXPECT_EQ(original_of(id_of(1), preview_kind::movie, "mov").text(),
            "movies/originals/preview-files/" + id_of(1) + ".mp4");
}

} // namespace
} // namespace weir::kitsu
