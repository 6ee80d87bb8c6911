#include "fakes/fault_proxy/proxy.hpp"
#include "kitsu/live/zou.hpp"
#include "kitsu/own_folder.hpp"

#include <weir/core/gather.hpp>
#include <weir/core/run.hpp>
#include <weir/core/sleep.hpp>
#include <weir/core/task_group.hpp>
#include <weir/kitsu/session.hpp>
#include <weir/offload/threadpool.hpp>

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace weir::kitsu {
namespace {

using namespace std::chrono_literals;
using test::zou;
namespace fs = std::filesystem;

struct folder : test::own_folder {
  files::root root() const { return files::root::open(path()); }
  /// Names that a user sees.
  std::size_t visible() const {
    std::size_t count = 0;
    for (const auto& entry : fs::directory_iterator(path()))
      count += !entry.path().filename().string().starts_with(".");
    return count;
  }
};

void as_admin(std::string host, std::function<task<void>(client&)> body, client_options options = {}) {
  const auto& server = zou::get();
  run(create_session(std::move(host), server.email(), server.password(), std::move(body),
                     {.client = std::move(options)}));
}

int port_of(const std::string& url) { return std::stoi(url.substr(url.rfind(':') + 1)); }

task<failure> why(task<download_outcome> work) {
  try {
    co_await std::move(work);
  } catch (const request_error& problem) {
    co_return problem.why();
  }
  ADD_FAILURE() << "no error";
  co_return failure::timeout;
}

/// The id of an empty preview, on a comment of its own.
task<std::string> new_preview(client& studio) {
  const std::string task_id = zou::get().text("task_id");
  const auto status = co_await studio.fetch_first("task-status", {{"short_name", "wip"}});
  const auto comment = co_await studio.post(path("actions/tasks", task_id, "comment"),
                                            {{"task_status_id", zou::text_of(*status, "id")}, {"comment", "see"}});
  const auto preview = co_await studio.post(
      path("actions/tasks", task_id, "comments", zou::text_of(comment.as_object(), "id"), "add-preview"));
  co_return zou::text_of(preview.as_object(), "id");
}

TEST(files_live, the_server_goes_away_in_the_middle_of_two_hundred_downloads_and_comes_back) {
  fakes::fault_proxy proxy(port_of(zou::get().url()));
  folder to;
  as_admin(proxy.url(), [&](client& studio) -> task<void> {
    const auto pictures = zou::get().previews("picture");
    const auto root = to.root();
    std::vector<task<download_outcome>> all;
    for (const auto& each : pictures)
      all.push_back(studio.download(path(zou::text_of(each, "path")), root, zou::text_of(each, "id") + ".png"));
    std::vector<download_outcome> got;
    co_await with_task_group([&](task_group& group) -> task<void> {
      group.spawn([&]() -> task<void> {
        while (to.visible() < 40) co_await sleep_for(5ms);
        co_await run_in_threadpool([&] { proxy.refuse_for(5s); });
      });
      got = co_await gather(std::move(all));
    });
    EXPECT_EQ(got.size(), pictures.size());
    for (std::size_t i = 0; i < got.size(); ++i) EXPECT_EQ(got[i].file.sha256, zou::text_of(pictures[i], "sha256"));
    EXPECT_EQ(to.visible(), pictures.size());
  });
}

TEST(files_live, a_cut_download_goes_on_in_another_life_of_the_client) {
  const auto archive = zou::get().previews("archive").front();
  const path where(zou::text_of(archive, "path"));
  fakes::fault_proxy proxy(port_of(zou::get().url()), {{.when = {.method = "GET", .path_prefix = "/pictures"},
                                                        .then = fakes::faults::reset_after(9'000'000)}});
  folder to;
  client_options once;
  once.retry.max_attempts = 1;
  std::uint64_t seen = 0;
  as_admin(
      proxy.url(),
      [&](client& studio) -> task<void> {
        download_options options;
        options.on_progress = [&](std::uint64_t done, std::uint64_t) { seen = done; };
        EXPECT_EQ(co_await why(studio.download(where, to.root(), "take.zip", options)), failure::broken_off);
      },
      once);
  EXPECT_EQ(to.visible(), 0u);
  EXPECT_GT(seen, 8'000'000u);
  proxy.set_rules({});
  as_admin(proxy.url(), [&](client& studio) -> task<void> {
    const auto got = co_await studio.download(where, to.root(), "take.zip");
    EXPECT_EQ(got.file.sha256, zou::text_of(archive, "sha256"));
    EXPECT_GT(got.resumed_from, 4'000'000u);
  });
}

TEST(files_live, what_is_not_there_leaves_nothing_and_an_existing_file_stays) {
  folder to;
  test::write_to(to / "old.mp4", "old");
  as_admin(zou::get().url(), [&](client& studio) -> task<void> {
    const auto root = to.root();
    const auto picture = zou::get().previews("picture").front();
    const std::string id = zou::text_of(picture, "id");
    download_options replace;
    replace.publish.on_conflict = files::on_conflict::replace;
    // A picture's id as a movie, a preview that is still being worked on, and one that nobody knows.
    for (const std::string& missing : {id, zou::text_of(zou::get().previews("processing").front(), "id"),
                                       std::string("00000000-0000-4000-8000-000000000000")})
      EXPECT_EQ(co_await why(studio.download(path("movies/originals/preview-files", missing + ".mp4"), root, "old.mp4",
                                             replace)),
                failure::not_found);
    EXPECT_EQ(fs::file_size(to / "old.mp4"), 3u);
    EXPECT_EQ(to.visible(), 1u);

    const path where(zou::text_of(picture, "path"));
    EXPECT_EQ((co_await studio.download(where, root, "old.mp4")).file.name, "old_2.mp4") << "nothing is overwritten";
    EXPECT_EQ((co_await studio.download(where, root, "old.mp4", replace)).file.name, "old.mp4");
    EXPECT_GT(fs::file_size(to / "old.mp4"), 300'000u);
    const auto refused = [&](std::string name, download_options options = {}) -> task<errc> {
      try {
        co_await studio.download(where, root, std::move(name), std::move(options));
      } catch (const error& problem) {
        co_return problem.code();
      }
      co_return errc::internal;
    };
    EXPECT_EQ(co_await refused("missing/folder.png"), errc::not_found);
    EXPECT_EQ(co_await refused("../out.png"), errc::invalid_argument);
    EXPECT_EQ(co_await refused("other.png", {.expected_bytes = 5}), errc::corrupt);
    EXPECT_EQ(co_await refused("large.png", {.max_bytes = 1000}), errc::too_large);
    EXPECT_EQ(to.visible(), 2u);
  });
}

TEST(files_live, a_picture_goes_up_and_is_a_preview) {
  folder from;
  as_admin(zou::get().url(), [&](client& studio) -> task<void> {
    const auto root = from.root();
    co_await studio.download(path(zou::text_of(zou::get().previews("picture").at(1), "path")), root, "frame.png");
    test::write_to(from / "empty.png", "");
    const std::string id = co_await new_preview(studio);
    const path where("pictures/preview-files", id);

    for (const char* bad : {"empty.png", "missing.png"}) {
      try {
        co_await studio.upload(where, from / bad);
        ADD_FAILURE() << bad;
      } catch (const error& problem) {
        EXPECT_EQ(problem.code(), std::string(bad) == "empty.png" ? errc::invalid_argument : errc::not_found);
      }
    }
    EXPECT_TRUE(co_await studio.fetch_one("preview-files", id)) << "the record is still there to be filled";

    std::uint64_t sent = 0, all = 0;
    upload_options options;
    options.on_progress = [&](std::uint64_t done, std::uint64_t total) { sent = done, all = total; };
    const auto answer = co_await studio.upload(where, upload_source(root, "frame.png"), options);
    EXPECT_EQ(zou::text_of(answer.as_object(), "status"), "ready");
    EXPECT_EQ(sent, all);
    EXPECT_GE(all, fs::file_size(from / "frame.png"));
    try {
      co_await studio.upload(where, from / "frame.png");
      ADD_FAILURE() << "filled twice";
    } catch (const request_error& problem) {
      EXPECT_EQ(problem.status(), 400) << problem.what();
    }
  });
}

TEST(files_live, a_file_that_grows_while_it_is_sent_goes_up_with_the_length_it_had) {
  fakes::fault_proxy proxy(port_of(zou::get().url()), {{.when = {.path_prefix = "/pictures/preview-files"},
                                                        .then = fakes::faults::throttle_request(2'000'000)}});
  folder from;
  test::write_to(from / "scene.zip", std::string(2'000'000, 'z'));
  as_admin(proxy.url(), [&](client& studio) -> task<void> {
    const std::string id = co_await new_preview(studio);
    event begun;
    upload_options options;
    options.on_progress = [&](std::uint64_t, std::uint64_t) { begun.set(); };
    co_await with_task_group([&](task_group& group) -> task<void> {
      auto sending = group.spawn(studio.upload(path("pictures/preview-files", id), from / "scene.zip", options));
      co_await begun.wait();
      std::ofstream(from / "scene.zip", std::ios::app) << std::string(100'000, 'x');
      EXPECT_FALSE(sending.done());
      const auto answer = co_await sending.value();
      EXPECT_EQ(answer.as_object().at("file_size").as_int64(), 2'000'000);
    });
  });
}

} // namespace
} // namespace weir::kitsu
