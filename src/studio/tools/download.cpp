#include "studio/tools/download.hpp"

#include "studio/tools/support.hpp"
#include "studio/tools/tools.hpp"

#include <weir/core/error.hpp>
#include <weir/studio/purchase.hpp>
#include <weir/studio/saving.hpp>
#include <weir/studio/watch.hpp>

namespace weir::studio::tools {

namespace {

std::string_view default_extension(providers::video_variant variant) {
  switch (variant) {
  case providers::video_variant::thumbnail:
    return ".webp";
  case providers::video_variant::spritesheet:
    return ".jpg";
  default:
    return ".mp4";
  }
}

void require_result(const jobs::job& job) {
  if (job.status == jobs::job_status::completed) return;
  const std::string id = handle_of(job);
  if (jobs::is_final(job.status))
    throw error(errc::job_failed, "the job '" + id + "' has no result: " + std::string(to_string(job.status)) +
                                      (job.error_message.empty() ? "" : ", " + job.error_message));
  throw error(errc::unavailable, "the job '" + id + "' is not finished: " + std::string(to_string(job.status)) + ", " +
                                     std::to_string(job.progress) + " %. Wait for it with wait_for");
}

struct video_arguments {
  std::string video_id;
  std::optional<std::string> filename;
  std::string variant = "video";

  static const json::description<video_arguments>& described() {
    static const json::description<video_arguments> d("", [](auto& d) {
      d.field("video_id", &video_arguments::video_id, "The job's id, as create_video gave it")
          .required()
          .length(1, 200)
          .positional();
      d.field("filename", &video_arguments::filename, output_note).min_length(1).flag("name");
      d.field("variant", &video_arguments::variant, "What to save").one_of({"video", "thumbnail", "spritesheet"});
    });
    return d;
  }
};

struct video_result {
  std::string filename, variant;
  std::int64_t bytes = 0;
  std::string sha256;

  static const json::description<video_result>& described() {
    static const json::description<video_result> d("A saved file.", [](auto& d) {
      d.field("filename", &video_result::filename, "The file that was made").required();
      d.field("variant", &video_result::variant, "What was saved").required();
      d.field("bytes", &video_result::bytes, "Length of the file in bytes").required();
      d.field("sha256", &video_result::sha256, "Digest of the file").required();
    });
    return d;
  }
};

providers::video_variant variant_of(const std::string& name) {
  if (name == "thumbnail") return providers::video_variant::thumbnail;
  if (name == "spritesheet") return providers::video_variant::spritesheet;
  return providers::video_variant::video;
}

task<tool_outcome> download_video(call& run, video_arguments asked) {
  studio& in = run.in();
  auto job = co_await job_for(in, asked.video_id, "video");
  if (!jobs::is_final(job.status)) job = co_await in.watching().refresh(job);
  const produced_file file = co_await save_video(run, job, asked.filename, variant_of(asked.variant));
  video_result result{file.name, asked.variant, static_cast<std::int64_t>(file.bytes), file.sha256};
  co_return tool_outcome{video_result::described().to_json(result), {file}, "Saved " + file.name + "."};
}

struct image_arguments {
  std::string response_id;
  std::optional<std::string> filename;

  static const json::description<image_arguments>& described() {
    static const json::description<image_arguments> d("", [](auto& d) {
      d.field("response_id", &image_arguments::response_id, "The job's id, as create_image gave it")
          .required()
          .length(1, 200)
          .positional();
      d.field("filename", &image_arguments::filename, output_note).min_length(1).flag("name");
    });
    return d;
  }
};

struct image_result {
  std::string filename;
  std::vector<int> size;
  std::string format;
  std::int64_t bytes = 0;
  std::string sha256;

  static const json::description<image_result>& described() {
    static const json::description<image_result> d("A saved picture.", [](auto& d) {
      d.field("filename", &image_result::filename, "The file that was made").required();
      d.field("size", &image_result::size, "Width and height in pixels").required();
      d.field("format", &image_result::format, "png, jpeg or webp, by the bytes").required();
      d.field("bytes", &image_result::bytes, "Length of the file in bytes").required();
      d.field("sha256", &image_result::sha256, "Digest of the file").required();
    });
    return d;
  }
};

task<tool_outcome> download_image(call& run, image_arguments asked) {
  studio& in = run.in();
  auto job = co_await job_for(in, asked.response_id, "image");
  if (!jobs::is_final(job.status)) job = co_await in.watching().refresh(job);
  const produced_file file = co_await save_image(run, job, asked.filename);
  const picture_facts facts = co_await facts_of(run, file);
  image_result result{file.name, facts.size, facts.format, static_cast<std::int64_t>(file.bytes), file.sha256};
  co_return tool_outcome{image_result::described().to_json(result),
                         {file},
                         "Saved " + file.name + ", " + std::to_string(facts.size[0]) + "x" +
                             std::to_string(facts.size[1]) + "."};
}

} // namespace

task<produced_file> save_video(call& run, const jobs::job& job, std::optional<std::string> asked,
                               providers::video_variant variant) {
  require_result(job);
  studio& in = run.in();
  providers::provider& maker = in.provider(job.provider);
  require_ready(maker);
  auto turn = co_await in.downloads().acquire();
  saving output = co_await saving::reserve(run, media_kind::video, asked.value_or(""),
                                           handle_of(job) + std::string(default_extension(variant)));
  co_await maker.download_video(
      job.remote_id, variant, output.download(), [&run](std::uint64_t done, std::uint64_t total) {
        run.progress(static_cast<double>(done),
                     total ? std::optional<double>(static_cast<double>(total)) : std::nullopt, "bytes");
      });
  co_return co_await output.publish(false);
}

task<produced_file> save_image(call& run, const jobs::job& job, std::optional<std::string> asked) {
  require_result(job);
  studio& in = run.in();
  if (job.operation == "generate" || job.operation == "edit")
    throw error(errc::invalid_argument,
                "the picture of '" + handle_of(job) + "' was saved when it was made: '" + job.destination + "'");
  providers::provider& maker = in.provider(job.provider);
  require_ready(maker);
  auto turn = co_await in.downloads().acquire();
  saving output = co_await saving::reserve(run, media_kind::image, asked.value_or(""),
                                           "img_" + std::to_string(unix_now()) + ".png");
  co_await maker.download_image(job.remote_id, output.sink(false));
  co_return co_await output.publish(false);
}

std::vector<tool> download_tools() {
  return {
      make_tool<video_arguments, video_result>(
          {.name = "download_video",
           .group = "video",
           .verb = "download",
           .title = "Save a video",
           .description = "Saves a completed video, or its thumbnail or spritesheet, in the media folder.",
           .hints = {.open_world = true}},
          download_video),
      make_tool<image_arguments, image_result>(
          {.name = "download_image",
           .group = "image",
           .verb = "download",
           .title = "Save a picture",
           .description = "Saves the picture of a completed create_image job in the media folder.",
           .hints = {.open_world = true}},
          download_image),
  };
}

} // namespace weir::studio::tools
