#include "kitsu/own_folder.hpp"
#include "kitsu/scripted_studio.hpp"

#include <weir/core/run.hpp>
#include <weir/kitsu/push.hpp>

#include <gtest/gtest.h>

#include <atomic>

namespace weir::kitsu {
namespace {

using namespace std::chrono_literals;
using test::id_of;
using test::own_folder;
using test::scripted_studio;
using test::wire;

const std::string task_id = id_of(1), comment = id_of(2), record_id = id_of(3), todo = id_of(4), wfa = id_of(5);
const std::string comment_route = "POST /actions/tasks/" + task_id + "/comment";
const std::string add_route = "POST /actions/tasks/" + task_id + "/comments/" + comment + "/add-preview";
const std::string upload_route = "POST /pictures/preview-files/" + record_id;
const std::string record_route = "GET /data/preview-files/" + record_id;

json::object record(const std::string& status, bool has_file = true) {
  json::object row{{"id", record_id}, {"status", status}, {"revision", 7}, {"original_name", nullptr}};
  if (has_file) row["original_name"] = "clip";
  return row;
}

struct Push : testing::Test {
  Push() {
    test::write_to(folder / "clip.mp4", "a movie's bytes");
    studio.on("GET /data/tasks/" + task_id, json::object{{"id", task_id}, {"task_status_id", todo}});
    studio.on("GET /data/task-status",
              json::array{json::object{{"id", todo}, {"name", "Todo"}, {"short_name", "todo"}},
                          json::object{{"id", wfa}, {"name", "Waiting For Approval"}, {"short_name", "wfa"}}});
    studio.on(comment_route, [this](const std::string& head, wire& line) {
      sent_comment = line.read_body_of(head);
      line.answer(201, json::serialize(json::object{{"id", comment}}), "Content-Type: application/json\r\n");
    });
    studio.on(add_route, [this](const std::string& head, wire& line) {
      sent_preview = line.read_body_of(head);
      line.answer(201, json::serialize(record("processing", false)), "Content-Type: application/json\r\n");
    });
    on_upload("ready");
  }

  void on_upload(const std::string& status) {
    studio.on(upload_route, [this, status](const std::string& head, wire& line) {
      sent_file = line.read_body_of(head);
      line.answer(201, json::serialize(record(status)), "Content-Type: application/json\r\n");
    });
  }

  push_report push(push_options options = {}, const std::string& name = "clip.mp4", const std::string& to = task_id) {
    return weir::run([](Push& self, std::string file, std::string task_of, push_options how) -> task<push_report> {
      co_return co_await push_preview(self.studio.client(), self.folder / file, std::move(task_of), std::move(how));
    }(*this, name, to, std::move(options)));
  }
  /// The error of a push that ends half-way.
  push_error half(push_options options = {}) {
    try {
      push(std::move(options));
    } catch (const push_error& problem) {
      return problem;
    }
    ADD_FAILURE() << "it went well";
    return push_error(errc::internal, "", {});
  }
  std::size_t changes() const { return studio.asked("POST") + studio.asked("PUT"); }

  own_folder folder;
  scripted_studio studio;
  std::string sent_comment, sent_preview, sent_file;
};

TEST_F(Push, CommentsAddsUploads) {
  std::vector<push_step> told;
  std::uint64_t sent = 0;
  const auto report = push({.comment = "look",
                            .status = "wfa",
                            .revision = 7,
                            .on_progress = [&](std::uint64_t done, std::uint64_t) { sent = done; },
                            .on_step = [&](push_step step) { told.push_back(step); }});
  EXPECT_EQ(report.done, (std::vector{push_step::checked, push_step::commented, push_step::preview_added,
                                      push_step::uploaded, push_step::ready}));
  EXPECT_EQ(told, report.done);
  EXPECT_EQ(report.comment_id, comment);
  EXPECT_EQ(report.preview_id, record_id);
  EXPECT_EQ(report.revision, 7);
  EXPECT_EQ(report.status, "ready");
  EXPECT_EQ(json::parse(sent_comment), (json::value{{"task_status_id", wfa}, {"comment", "look"}}));
  EXPECT_EQ(json::parse(sent_preview), (json::value{{"revision", 7}}));
  EXPECT_NE(sent_file.find("name=\"file\"; filename=\"clip.mp4\""), std::string::npos) << sent_file;
  EXPECT_NE(sent_file.find("a movie's bytes"), std::string::npos);
  EXPECT_GT(sent, 0u);
}

TEST_F(Push, KeepsTheStatusWhereNoneIsGiven) {
  push();
  EXPECT_EQ(json::parse(sent_comment), (json::value{{"task_status_id", todo}, {"comment", ""}}));
  EXPECT_EQ(studio.asked("GET /data/task-status"), 0u);
}

TEST_F(Push, ChecksTheFileBeforeAnythingIsAsked) {
  test::write_to(folder / "run.exe", "x");
  test::write_to(folder / "none", "x");
  test::write_to(folder / "empty.png", "");
  std::filesystem::create_directory(folder / "folder.png");
  for (const char* name : {"run.exe", "none", "empty.png", "folder.png", "missing.png"})
    EXPECT_THROW(push({}, name), error) << name;
  EXPECT_EQ(studio.requests().size(), 0u);
}

TEST_F(Push, ChecksTaskAndStatusBeforeAnythingIsChanged) {
  EXPECT_THROW(push({.status = "wff"}), error);
  EXPECT_THROW(push({}, "clip.mp4", id_of(99)), error);
  EXPECT_THROW(push({}, "clip.mp4", "../x"), error);
  EXPECT_EQ(changes(), 0u);
}

TEST_F(Push, ARefusedCommentHasChangedNothing) {
  studio.on(comment_route, scripted_studio::json_answer(403, R"({"error":true,"message":"not yours"})"));
  try {
    push();
    FAIL();
  } catch (const push_error&) {
    FAIL() << "nothing is half-way";
  } catch (const request_error& problem) {
    EXPECT_EQ(problem.why(), failure::not_allowed);
  }
  EXPECT_EQ(changes(), 1u);
}

TEST_F(Push, SaysThatTheCommentIsThereAndThePreviewIsNot) {
  studio.on(add_route, scripted_studio::json_answer(400, R"({"error":true,"message":"revision taken"})"));
  const push_error problem = half();
  EXPECT_EQ(problem.so_far().done, (std::vector{push_step::checked, push_step::commented}));
  EXPECT_EQ(problem.so_far().comment_id, comment);
  const std::string text = problem.what();
  EXPECT_TRUE(text.starts_with("the comment is there, and the preview is not: ")) << text;
  EXPECT_NE(text.find("revision taken"), text.npos) << text;
  EXPECT_EQ(studio.asked("POST /pictures"), 0u);
}

TEST_F(Push, ABrokenFileIsNoSuccess) {
  on_upload("broken");
  const push_error problem = half();
  EXPECT_EQ(problem.code(), errc::corrupt);
  EXPECT_TRUE(problem.so_far().has(push_step::uploaded));
  EXPECT_FALSE(problem.so_far().has(push_step::ready));
}

TEST_F(Push, WaitsWhileTheServerWorks) {
  on_upload("processing");
  std::atomic<int> looks{0};
  studio.on(record_route, [&](const std::string&, wire& line) {
    line.answer(200, json::serialize(record(++looks < 2 ? "processing" : "ready")),
                "Content-Type: application/json\r\n");
  });
  const auto report = push();
  EXPECT_EQ(report.status, "ready");
  EXPECT_EQ(looks, 2);
}

TEST_F(Push, WaitsNoLongerThanItMay) {
  on_upload("processing");
  studio.on(record_route, json::value(record("processing")));
  const push_error problem = half({.longest_wait = 50ms});
  EXPECT_EQ(problem.code(), errc::timeout);
  EXPECT_NE(std::string(problem.what()).find("weir kitsu get data/preview-files/" + record_id), std::string::npos);
  const auto unawaited = push({.wait = false});
  EXPECT_EQ(unawaited.status, "processing");
  EXPECT_FALSE(unawaited.has(push_step::ready));
}

TEST_F(Push, AnAnswerThatIsLostIsLookedUp) {
  studio.on(upload_route, [](const std::string& head, wire& line) {
    line.read_body_of(head);
    line.answer(504, "<html><title>Gateway Time-out</title></html>", "Content-Type: text/html\r\n");
  });
  studio.on(record_route, json::value(record("ready")));
  EXPECT_EQ(push().status, "ready");
  EXPECT_EQ(studio.asked("POST /pictures"), 1u);
}

TEST_F(Push, SaysThatThePreviewHasNoFile) {
  studio.on(upload_route, [](const std::string& head, wire& line) {
    line.read_body_of(head);
    line.answer(500, R"({"error":true,"message":"cannot identify image"})", "Content-Type: application/json\r\n");
  });
  studio.on(record_route, json::value(record("processing", false)));
  const push_error problem = half();
  const std::string text = problem.what();
  EXPECT_TRUE(text.starts_with("the comment is there with a preview that has no file: ")) << text;
  EXPECT_NE(text.find("cannot identify image"), text.npos) << text;
  EXPECT_NE(text.find("--to pictures/preview-files/" + record_id), text.npos) << text;
  EXPECT_EQ(problem.so_far().done, (std::vector{push_step::checked, push_step::commented, push_step::preview_added}));
  EXPECT_EQ(studio.asked("POST /pictures"), 1u);
}

} // namespace
} // namespace weir::kitsu
