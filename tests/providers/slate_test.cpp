#include <weir/core/error.hpp>
#include <weir/core/run.hpp>
#include <weir/core/sleep.hpp>
#include <weir/core/task_group.hpp>
#include <weir/core/timeout.hpp>
#include <weir/media/image_info.hpp>
#include <weir/providers/slate.hpp>

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

using namespace std::chrono_literals;
using namespace weir;
using namespace weir::providers;

namespace {

struct temporary_folder {
  temporary_folder() {
    char name[] = "/tmp/weir-slate-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~temporary_folder() { std::filesystem::remove_all(path); }
  std::string path;
};

struct bytes_target final : http::download_target {
  void write(std::span<const std::byte> bytes) override { content.insert(content.end(), bytes.begin(), bytes.end()); }
  void reset() override { content.clear(); }
  std::uint64_t bytes() const override { return content.size(); }
  std::vector<std::byte> content;
};

/// Runs `body` with a provider that serves.
void with_provider(const std::string& path, std::function<task<void>(provider&)> body) {
  auto maker = make_slate({.folder = [path]() -> task<files::root> { co_return files::root::open_or_create(path); }});
  run(with_task_group([&](task_group& group) -> task<void> {
    group.spawn(maker->serve());
    co_await body(*maker);
    group.cancel();
  }));
}

video_request request(std::string prompt) {
  video_request r;
  r.prompt = std::move(prompt);
  r.size = "64x48";
  r.seconds = "1";
  return r;
}

task<video_job> ended(provider& maker, std::string id) {
  for (;;) {
    auto job = co_await maker.get_video(id);
    if (is_final_status(job.status)) co_return job;
    co_await sleep_for(20ms);
  }
}

TEST(slate, a_video_is_rendered_and_can_be_fetched_in_three_forms) {
  temporary_folder folder;
  with_provider(folder.path, [](provider& maker) -> task<void> {
    const auto made = co_await maker.create_video(request("A boat"));
    EXPECT_EQ(made.status, "queued");
    const auto job = co_await with_timeout(60s, ended(maker, made.id));
    EXPECT_EQ(job.status, "completed") << job.error_message.value_or("");
    EXPECT_EQ(job.progress, 100);
    EXPECT_EQ(job.size, "64x48");
    EXPECT_EQ(job.seconds, "1");
    bytes_target film, thumbnail, sheet;
    EXPECT_EQ(co_await maker.download_video(job.id, video_variant::video, film, {}), "video/mp4");
    const std::string_view head(reinterpret_cast<const char*>(film.content.data()), 8);
    EXPECT_EQ(head.substr(4), "ftyp");
    EXPECT_EQ(co_await maker.download_video(job.id, video_variant::thumbnail, thumbnail, {}), "image/webp");
    EXPECT_EQ(media::sniff_format(thumbnail.content), media::image_format::webp);
    EXPECT_EQ(co_await maker.download_video(job.id, video_variant::spritesheet, sheet, {}), "image/jpeg");
    EXPECT_EQ(media::sniff_format(sheet.content), media::image_format::jpeg);
  });
}

TEST(slate, jobs_outlive_the_provider) {
  temporary_folder folder;
  std::string id;
  with_provider(folder.path,
                [&](provider& maker) -> task<void> { id = (co_await maker.create_video(request("Later"))).id; });
  with_provider(folder.path, [&](provider& maker) -> task<void> {
    const auto job = co_await with_timeout(60s, ended(maker, id));
    EXPECT_EQ(job.status, "completed");
    EXPECT_EQ(job.prompt, "Later");
  });
}

TEST(slate, a_render_can_be_cancelled_and_leaves_no_film) {
  temporary_folder folder;
  with_provider(folder.path, [](provider& maker) -> task<void> {
    auto long_one = request("Long");
    long_one.seconds = "100";
    long_one.size = "1280x720";
    const auto made = co_await maker.create_video(long_one);
    co_await maker.get_video(made.id);
    co_await sleep_for(300ms);
    EXPECT_EQ((co_await maker.cancel_video(made.id)).status, "cancelled");
    EXPECT_EQ((co_await with_timeout(20s, ended(maker, made.id))).status, "cancelled");
    bytes_target film;
    EXPECT_THROW(co_await maker.download_video(made.id, video_variant::video, film, {}), error);
  });
  for (const auto& entry : std::filesystem::directory_iterator(folder.path))
    EXPECT_NE(entry.path().extension(), ".mp4") << entry.path();
}

TEST(slate, lists_pages_and_deletes) {
  temporary_folder folder;
  with_provider(folder.path, [](provider& maker) -> task<void> {
    std::vector<std::string> ids;
    for (int i = 0; i < 5; ++i) ids.push_back((co_await maker.create_video(request(std::to_string(i)))).id);
    const auto first = co_await maker.list_videos(2, std::nullopt, true);
    EXPECT_EQ(first.videos.size(), 2u);
    EXPECT_EQ(first.videos[0].id, ids[4]);
    EXPECT_TRUE(first.has_more);
    const auto rest = co_await maker.list_videos(10, first.videos[1].id, true);
    EXPECT_EQ(rest.videos.size(), 3u);
    EXPECT_FALSE(rest.has_more);
    EXPECT_EQ((co_await maker.list_videos(1, std::nullopt, false)).videos[0].id, ids[0]);
    co_await maker.delete_video(ids[2]);
    EXPECT_THROW(co_await maker.get_video(ids[2]), error);
    EXPECT_EQ((co_await maker.list_videos(10, std::nullopt, true)).videos.size(), 4u);
  });
}

TEST(slate, what_it_cannot_do_it_says) {
  temporary_folder folder;
  with_provider(folder.path, [](provider& maker) -> task<void> {
    const auto refused = [](auto work, errc code) -> task<void> {
      try {
        co_await std::move(work);
        ADD_FAILURE() << "not refused";
      } catch (const error& failure) {
        EXPECT_EQ(failure.code(), code) << failure.what();
      }
    };
    auto odd = request("x");
    odd.size = "12x12";
    co_await refused(maker.create_video(odd), errc::invalid_argument);
    odd.size = "64x48";
    odd.seconds = "1e9";
    co_await refused(maker.create_video(odd), errc::invalid_argument);
    odd.seconds = "nan";
    co_await refused(maker.create_video(odd), errc::invalid_argument);
    auto edit = request("x");
    edit.operation = video_operation::edit;
    co_await refused(maker.create_video(edit), errc::unsupported);
    co_await refused(maker.get_video("../../etc/passwd"), errc::not_found);
    co_await refused(maker.get_video("video_none"), errc::not_found);
    image_request picture;
    picture.prompt = "x";
    picture.background = "transparent";
    co_await refused(maker.make_image(picture, [](std::span<const std::byte>) {}), errc::unsupported);
    co_await refused(maker.cancel_image("resp_1"), errc::unsupported);
  });
}

TEST(slate, pictures_have_the_size_and_format_that_was_asked_for) {
  temporary_folder folder;
  with_provider(folder.path, [](provider& maker) -> task<void> {
    for (const auto& [format, kind] :
         {std::pair{"png", media::image_format::png}, std::pair{"jpeg", media::image_format::jpeg},
          std::pair{"webp", media::image_format::webp}}) {
      image_request picture;
      picture.prompt = "A lighthouse";
      picture.size = "120x80";
      picture.output_format = format;
      std::vector<std::byte> bytes;
      co_await maker.make_image(
          picture, [&](std::span<const std::byte> piece) { bytes.insert(bytes.end(), piece.begin(), piece.end()); });
      const auto info = media::probe_image(bytes);
      EXPECT_TRUE(info && info->format == kind && info->width == 120 && info->height == 80) << format;
    }
  });
}

} // namespace
