#include "providers/openai_fixture.hpp"

#include <weir/http/download.hpp>

namespace {

using namespace weir::test;
using weir::errc;
using weir::task;
namespace json = weir::json;
namespace http = weir::http;

video_request wanted(std::string prompt = "a river") {
  video_request request;
  request.prompt = std::move(prompt);
  request.model = "sora-2";
  request.seconds = "4";
  request.size = "1280x720";
  static int number = 0;
  request.idempotency_key = "key-of-" + std::to_string(++number);
  return request;
}

/// Keeps a download in memory.
struct memory_target final : http::download_target {
  void write(std::span<const std::byte> b) override { kept.append(reinterpret_cast<const char*>(b.data()), b.size()); }
  void reset() override { kept.clear(); }
  std::uint64_t bytes() const override { return kept.size(); }
  std::string kept;
};

auto create(video_request request) {
  return [request](provider& p) -> task<video_job> { co_return co_await p.create_video(request); };
}

/// Makes a video that is done at once.
video_job made(const fake_openai& fake, std::string prompt = "a river [ms=0]") {
  return with_provider(fake, create(wanted(std::move(prompt))));
}

TEST(openai_video, create_sends_the_fields_in_order_then_the_file) {
  const fake_openai fake;
  auto request = wanted();
  request.idempotency_key = "key-1";
  request.reference = png_file("shots/first frame.png", 100'000);
  auto options = options_for(fake.base_url());
  options.organization = "org-1";
  options.project = "proj-1";
  options.headers = {{"Cookie", "custom=1"}};
  const video_job job = with_provider(options, create(request));
  EXPECT_TRUE(job.id.starts_with("video_")) << job.id;
  EXPECT_EQ(job.status, "queued");
  EXPECT_EQ(job.model, "sora-2");
  EXPECT_EQ(job.prompt, "a river");
  EXPECT_EQ(job.size, "1280x720");
  EXPECT_EQ(job.seconds, "4");
  EXPECT_GT(job.created_at, 1'600'000'000);
  EXPECT_FALSE(job.completed_at);
  EXPECT_FALSE(job.error_message);

  const auto sent = requests(fake, "POST", "/v1/videos");
  ASSERT_EQ(sent.size(), 1u);
  std::vector<std::string> names;
  for (const auto& part : sent[0].at("multipart").as_array())
    names.push_back(json::string_or(part.as_object(), "name"));
  EXPECT_EQ(names, (std::vector<std::string>{"prompt", "model", "seconds", "size", "input_reference"}));
  const auto& file = sent[0].at("multipart").as_array().back();
  EXPECT_EQ(file.at("filename"), "first frame.png");
  EXPECT_EQ(file.at("content_type"), "image/png");
  EXPECT_EQ(file.at("bytes"), 100'000);
  EXPECT_EQ(header(sent[0], "idempotency-key"), "key-1");
  EXPECT_EQ(header(sent[0], "authorization"),
            "Bearer (" + std::to_string(7 + std::string_view(test_key).size()) + " bytes)");
  EXPECT_EQ(header(sent[0], "openai-organization"), "org-1");
  EXPECT_EQ(header(sent[0], "openai-project"), "proj-1");
  EXPECT_EQ(header(sent[0], "cookie"), "custom=1");
  EXPECT_TRUE(header(sent[0], "user-agent").starts_with("weir/")) << header(sent[0], "user-agent");
  EXPECT_EQ(header(sent[0], "accept"), "application/json");
}

TEST(openai_video, create_without_a_file_or_settings_is_multipart_too) {
  const fake_openai fake({"--open-values"});
  video_request request;
  request.prompt = "only words";
  request.extra = {{"fps", 24}, {"style", "ink"}};
  const video_job job = with_provider(fake, create(request));
  EXPECT_FALSE(job.seconds.empty());
  const auto sent = requests(fake, "POST", "/v1/videos");
  ASSERT_EQ(sent.size(), 1u);
  const auto& parts = sent[0].at("multipart").as_array();
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[1].at("name"), "fps");
  EXPECT_EQ(parts[1].at("text"), "24");
  EXPECT_EQ(parts[2].at("text"), "ink");
  EXPECT_EQ(header(sent[0], "idempotency-key"), "");
}

TEST(openai_video, a_job_goes_from_queued_to_completed) {
  const fake_openai fake;
  const auto seen = with_provider(fake, [](provider& p) -> task<std::vector<video_job>> {
    std::vector<video_job> states;
    const auto first = co_await p.create_video(wanted("[ms=400]"));
    for (;;) {
      states.push_back(co_await p.get_video(first.id));
      if (is_final_status(states.back().status)) break;
      co_await weir::sleep_for(30ms);
    }
    co_return states;
  });
  EXPECT_NE(seen.front().status, "completed");
  EXPECT_EQ(seen.front().poll_after, 40ms);
  EXPECT_EQ(seen.back().status, "completed");
  EXPECT_EQ(seen.back().progress, 100);
  EXPECT_TRUE(seen.back().completed_at);
  EXPECT_TRUE(seen.back().expires_at);
}

TEST(openai_video, a_failed_job_says_why) {
  const fake_openai fake;
  const auto job = made(fake, "[fail] [ms=0]");
  const auto state =
      with_provider(fake, [&](provider& p) -> task<video_job> { co_return co_await p.get_video(job.id); });
  EXPECT_EQ(state.status, "failed");
  EXPECT_EQ(state.error_code, "video_generation_failed");
  EXPECT_EQ(state.error_message, "The video could not be generated.");
}

TEST(openai_video, remix) {
  const fake_openai fake;
  const auto first = made(fake);
  video_request request;
  request.operation = video_operation::remix;
  request.source_id = first.id;
  request.prompt = "at night";
  request.idempotency_key = "key-2";
  const auto second = with_provider(fake, create(request));
  EXPECT_EQ(second.remixed_from_video_id, first.id);
  EXPECT_EQ(second.prompt, "at night");
  const auto sent = requests(fake, "POST", "/v1/videos/" + first.id + "/remix");
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(header(sent[0], "idempotency-key"), "key-2");
  EXPECT_EQ(header(sent[0], "content-type"), "application/json");
  EXPECT_EQ(json::serialize(sent[0].at("json_keys")), R"(["prompt"])");
}

TEST(openai_video, what_it_cannot_is_refused_before_it_costs) {
  const fake_openai fake;
  for (const auto operation : {video_operation::edit, video_operation::extend}) {
    auto request = wanted();
    request.operation = operation;
    EXPECT_EQ(failure_of(fake, create(request)).code, errc::unsupported);
  }
  auto request = wanted();
  request.max_cost_usd = 0.1;
  EXPECT_EQ(failure_of(fake, create(request)).code, errc::unsupported);
  request = wanted();
  request.dry_run = true;
  EXPECT_EQ(failure_of(fake, create(request)).code, errc::unsupported);
  EXPECT_TRUE(requests(fake, "POST").empty());
}

TEST(openai_video, list_pages) {
  const fake_openai fake;
  std::vector<std::string> ids;
  for (int i = 0; i < 3; ++i) ids.push_back(made(fake).id);
  with_provider(fake, [&](provider& p) -> task<void> {
    const auto first = co_await p.list_videos(2, std::nullopt, true);
    EXPECT_EQ(first.videos.size(), 2u);
    EXPECT_TRUE(first.has_more);
    EXPECT_EQ(first.videos.at(0).id, ids[2]);
    const auto rest = co_await p.list_videos(2, first.videos.at(1).id, true);
    EXPECT_EQ(rest.videos.size(), 1u);
    EXPECT_FALSE(rest.has_more);
    EXPECT_EQ(rest.videos.at(0).id, ids[0]);
    const auto ascending = co_await p.list_videos(1, std::nullopt, false);
    EXPECT_EQ(ascending.videos.at(0).id, ids[0]);
  });
}

TEST(openai_video, delete_and_not_found) {
  const fake_openai fake;
  const auto job = made(fake);
  with_provider(fake, [&](provider& p) -> task<void> { co_await p.delete_video(job.id); });
  const auto gone = failure_of(fake, [&](provider& p) -> task<void> { co_await p.get_video(job.id); });
  EXPECT_EQ(gone.code, errc::not_found) << gone.text;
  EXPECT_EQ(gone.status, 404);
  EXPECT_TRUE(gone.says("Video with id")) << gone.text;
  EXPECT_EQ(failure_of(fake, [&](provider& p) -> task<void> { co_await p.delete_video(job.id); }).code,
            errc::not_found);
}

TEST(openai_video, cancel) {
  const fake_openai able({"--video-cancel"}), unable;
  auto cancel = [](std::string id) {
    return [id](provider& p) -> task<video_job> { co_return co_await p.cancel_video(id); };
  };
  const auto job = made(able, "[slow]");
  EXPECT_EQ(with_provider(able, cancel(job.id)).status, "cancelled");
  EXPECT_EQ(failure_of(able, cancel("video_gone")).code, errc::not_found);

  const auto other = made(unable, "[slow]");
  const auto refused = failure_of(unable, cancel(other.id));
  EXPECT_EQ(refused.code, errc::unsupported);
  EXPECT_TRUE(refused.says("this server cannot cancel videos")) << refused.text;
  EXPECT_EQ(failure_of(unable, cancel("video_gone")).code, errc::not_found);
}

TEST(openai_video, ids_that_would_change_the_path_are_refused) {
  const fake_openai fake;
  for (const std::string& id : {std::string(), std::string("."), std::string(".."), std::string("../models"),
                                std::string("a/b"), std::string("a?b"), std::string("a%2fb"), std::string("a b"),
                                std::string("a\r\nX: y"), std::string(201, 'a'), std::string("\xc3\xa9")}) {
    for (const auto& f :
         {failure_of(fake, [&](provider& p) -> task<void> { co_await p.get_video(id); }),
          failure_of(fake, [&](provider& p) -> task<void> { co_await p.delete_video(id); }),
          failure_of(fake, [&](provider& p) -> task<void> { co_await p.cancel_video(id); }),
          failure_of(fake, [&](provider& p) -> task<void> { co_await p.list_videos(1, id, true); }),
          failure_of(fake, [&](provider& p) -> task<void> { co_await p.get_image(id); }),
          failure_of(fake, [&](provider& p) -> task<void> { co_await p.download_image(id, collected().sink()); })})
      EXPECT_EQ(f.code, errc::invalid_argument) << id << ": " << f.text;
  }
  EXPECT_TRUE(requests(fake, "GET").empty());
  EXPECT_EQ(failure_of(fake, [&](provider& p) -> task<void> { co_await p.get_video(std::string(200, 'a')); }).code,
            errc::not_found);
}

std::string download(const fake_openai& fake, const std::string& id, memory_target& target,
                     video_variant variant = video_variant::video, byte_progress progress = {}) {
  return with_provider(fake, [&](provider& p) -> task<std::string> {
    co_return co_await p.download_video(id, variant, target, progress);
  });
}

TEST(openai_video, download_of_each_variant) {
  const fake_openai fake({"--video-bytes", "300000"});
  const auto job = made(fake);
  memory_target video, thumbnail, sheet;
  std::uint64_t last = 0, total = 0;
  EXPECT_EQ(download(fake, job.id, video, video_variant::video,
                     [&](std::uint64_t done, std::uint64_t all) { last = done, total = all; }),
            "video/mp4");
  EXPECT_EQ(video.kept.size(), 300'000u);
  EXPECT_EQ(last, 300'000u);
  EXPECT_EQ(total, 300'000u);
  EXPECT_EQ(download(fake, job.id, thumbnail, video_variant::thumbnail), "image/webp");
  EXPECT_EQ(download(fake, job.id, sheet, video_variant::spritesheet), "image/jpeg");
  EXPECT_TRUE(thumbnail.kept.starts_with("RIFF"));
  EXPECT_TRUE(sheet.kept.starts_with("\xff\xd8\xff"));
  const auto sent = requests(fake, "GET", "/v1/videos/" + job.id + "/content");
  ASSERT_EQ(sent.size(), 3u);
  EXPECT_EQ(sent[0].at("query").at("variant"), "video");
  EXPECT_EQ(sent[1].at("query").at("variant"), "thumbnail");
  EXPECT_EQ(sent[2].at("query").at("variant"), "spritesheet");
}

TEST(openai_video, a_download_that_breaks_goes_on_where_it_was) {
  const fake_openai fake({"--video-bytes", "2MB"});
  const auto job = made(fake);
  memory_target whole, resumed;
  download(fake, job.id, whole);
  fake.set_faults(R"(["GET /v1/videos/*/content,1,cut,at=1000000","GET /v1/videos/*/content,2,reset,at=500000"])");
  EXPECT_EQ(download(fake, job.id, resumed), "video/mp4");
  EXPECT_TRUE(whole.kept == resumed.kept);
  const auto sent = requests(fake, "GET", "/v1/videos/" + job.id + "/content");
  ASSERT_EQ(sent.size(), 4u);
  EXPECT_TRUE(header(sent[2], "range").starts_with("bytes=")) << json::serialize(sent[2]);
}

TEST(openai_video, a_download_that_is_no_media_is_refused) {
  const fake_openai fake;
  const auto job = made(fake);
  memory_target target;
  auto get = [&](provider& p) -> task<void> { co_await p.download_video(job.id, video_variant::video, target, {}); };
  // JSON with a success: the job's own state, where its content should be.
  fake.set_faults(
      json::serialize(json::array{"GET /v1/videos/*/content,*,redirect,to=" + fake.base_url() + "/videos/" + job.id}));
  const auto is_json = failure_of(fake, get);
  EXPECT_EQ(is_json.code, errc::remote);
  EXPECT_TRUE(is_json.says("application/json instead of media")) << is_json.text;
}

TEST(openai_video, a_download_without_content_says_what_the_server_says) {
  const fake_openai fake;
  auto get = [&](std::string id) {
    return [id](provider& p) -> task<void> {
      memory_target target;
      co_await p.download_video(id, video_variant::video, target, {});
    };
  };
  const auto early = failure_of(fake, get(made(fake, "[slow]").id));
  EXPECT_EQ(early.code, errc::not_found);
  EXPECT_TRUE(early.says("not ready yet")) << early.text;
  const auto late = failure_of(fake, get(made(fake, "[expired] [ms=0]").id));
  EXPECT_EQ(late.code, errc::not_found);
  EXPECT_TRUE(late.says("has expired")) << late.text;
  const auto none = failure_of(fake, get(made(fake, "[fail] [ms=0]").id));
  EXPECT_EQ(none.code, errc::invalid_argument);
  EXPECT_TRUE(none.says("there is no content")) << none.text;
}

TEST(openai_video, a_redirect_of_the_content_takes_no_key_along) {
  const fake_openai fake, other;
  const auto job = made(fake);
  fake.set_faults(json::serialize(json::array{"GET /v1/videos/*/content,*,redirect,to=" + other.origin() +
                                              "/_fake/blob/" + job.id + "?bytes=50000"}));
  auto options = options_for(fake.base_url());
  options.organization = "org-secret";
  options.headers = {{"Cookie", "session=secret"}};
  memory_target target;
  with_provider(options, [&](provider& p) -> task<std::string> {
    co_return co_await p.download_video(job.id, video_variant::video, target, {});
  });
  EXPECT_EQ(target.kept.size(), 50'000u);
  const auto there = requests(other, "GET");
  ASSERT_EQ(there.size(), 1u);
  for (const char* name : {"authorization", "cookie", "openai-organization"})
    EXPECT_EQ(header(there[0], name), "") << name;
}

} // namespace
