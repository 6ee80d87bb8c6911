#include "studio/tools/support.hpp"
#include "studio/tools/tools.hpp"

#include <weir/core/error.hpp>
#include <weir/studio/purchase.hpp>
#include <weir/studio/watch.hpp>

#include <algorithm>

namespace weir::studio::tools {

namespace {

struct video_result {
  std::string id;
  std::optional<std::int64_t> completed_at;
  std::int64_t created_at = 0;
  std::optional<json::object> error;
  std::optional<std::int64_t> expires_at;
  std::string model, object = "video";
  std::int64_t progress = 0;
  std::optional<std::string> prompt, remixed_from_video_id;
  std::string seconds, size, status;

  static const json::description<video_result>& described() {
    static const json::description<video_result> d("A video job.", [](auto& d) {
      d.field("id", &video_result::id, "Name of the job: for get_video_status, wait_for and download_video").required();
      d.field("completed_at", &video_result::completed_at, "Unix seconds");
      d.field("created_at", &video_result::created_at, "Unix seconds");
      d.field("error", &video_result::error, "Why it failed: code and message");
      d.field("expires_at", &video_result::expires_at, "Unix seconds: when the provider forgets the video");
      d.field("model", &video_result::model, "Model");
      d.field("object", &video_result::object, "Always \"video\"");
      d.field("progress", &video_result::progress, "Percent, 0 to 100");
      d.field("prompt", &video_result::prompt, "Prompt");
      d.field("remixed_from_video_id", &video_result::remixed_from_video_id, "The video that this one is a remix of");
      d.field("seconds", &video_result::seconds, "Length in seconds");
      d.field("size", &video_result::size, "WIDTHxHEIGHT in pixels");
      d.field("status", &video_result::status, "queued, in_progress, completed or failed").required();
    });
    return d;
  }
};

tool_outcome answer(const jobs::job& job, const std::string& text) { return {video_object(job), {}, text}; }

std::string state_text(const jobs::job& job) {
  const std::string id = handle_of(job);
  switch (job.status) {
  case jobs::job_status::completed:
    return "Video " + id + " is completed. Save it with download_video.";
  case jobs::job_status::failed:
    return "Video " + id + " has failed: " + (job.error_message.empty() ? "no reason was given" : job.error_message);
  case jobs::job_status::cancelled:
    return "Video " + id + " was cancelled.";
  default:
    return "Video " + id + " is " + std::string(to_string(job.status)) + ", " + std::to_string(job.progress) +
           " %. Wait for it with wait_for.";
  }
}

jobs::job draft(studio& in, std::string operation, json::object request) {
  jobs::job job;
  job.kind = "video";
  job.provider = in.provider().name();
  job.operation = std::move(operation);
  job.request = std::move(request);
  return job;
}

// --- create_video, remix_video ---

struct create_arguments {
  std::string prompt, model = "sora-2";
  std::optional<std::string> seconds, size, input_reference_filename;

  static const json::description<create_arguments>& described() {
    static const json::description<create_arguments> d("", [](auto& d) {
      d.field("prompt", &create_arguments::prompt, "What the video shows").required().length(1, 32'000).positional();
      d.field("model", &create_arguments::model, "Model of the provider").known({"sora-2", "sora-2-pro"});
      d.field("seconds", &create_arguments::seconds, "Length in seconds; what is possible depends on the provider")
          .known({"4", "8", "12"});
      d.field("size", &create_arguments::size, "WIDTHxHEIGHT in pixels; what is possible depends on the provider")
          .known({"720x1280", "1280x720", "1024x1792", "1792x1024"});
      d.field("input_reference_filename", &create_arguments::input_reference_filename,
              "Picture (JPEG, PNG or WebP) among the reference images that the video begins with; it must have exactly "
              "the video's size: prepare_reference_image sees to that")
          .flag("input-ref");
    });
    return d;
  }
};

task<tool_outcome> create_video(call& run, create_arguments asked) {
  studio& in = run.in();
  providers::provider& maker = in.provider();
  require_ready(maker);
  providers::video_request request;
  request.prompt = asked.prompt;
  request.model = asked.model;
  request.seconds = asked.seconds;
  request.size = asked.size;
  if (asked.input_reference_filename) request.reference = co_await open_picture(run, *asked.input_reference_filename);
  const auto job = co_await purchase(in, draft(in, "create", create_arguments::described().to_json(asked)),
                                     [&maker, request](jobs::job& row) -> task<void> {
                                       auto sent = request;
                                       sent.idempotency_key = row.idempotency_key;
                                       note(row, co_await maker.create_video(std::move(sent)));
                                     });
  in.watching().follow(job);
  co_return answer(job, state_text(job));
}

struct remix_arguments {
  std::string previous_video_id, prompt;

  static const json::description<remix_arguments>& described() {
    static const json::description<remix_arguments> d("", [](auto& d) {
      d.field("previous_video_id", &remix_arguments::previous_video_id, "The completed video to start from")
          .required()
          .length(1, 200)
          .positional();
      d.field("prompt", &remix_arguments::prompt, "What is to change").required().length(1, 32'000).positional();
    });
    return d;
  }
};

task<tool_outcome> remix_video(call& run, remix_arguments asked) {
  studio& in = run.in();
  providers::provider& maker = in.provider();
  require_ready(maker);
  providers::video_request request;
  request.operation = providers::video_operation::remix;
  request.prompt = asked.prompt;
  request.source_id = asked.previous_video_id;
  const auto job = co_await purchase(in, draft(in, "remix", remix_arguments::described().to_json(asked)),
                                     [&maker, request](jobs::job& row) -> task<void> {
                                       auto sent = request;
                                       sent.idempotency_key = row.idempotency_key;
                                       note(row, co_await maker.create_video(std::move(sent)));
                                     });
  in.watching().follow(job);
  co_return answer(job, state_text(job));
}

// --- get_video_status, cancel_video, delete_video ---

struct id_argument {
  std::string video_id;

  static const json::description<id_argument>& described() {
    static const json::description<id_argument> d("", [](auto& d) {
      d.field("video_id", &id_argument::video_id, "The job's id, as create_video gave it")
          .required()
          .length(1, 200)
          .positional();
    });
    return d;
  }
};

task<tool_outcome> get_video_status(call& run, id_argument asked) {
  studio& in = run.in();
  auto job = co_await job_for(in, asked.video_id, "video");
  if (!jobs::is_final(job.status)) job = co_await in.watching().refresh(job);
  in.watching().follow(job);
  co_return answer(job, state_text(job));
}

struct cancel_result {
  std::string id;
  bool canceled = true;
  std::string status;

  static const json::description<cancel_result>& described() {
    static const json::description<cancel_result> d("A cancelled video.", [](auto& d) {
      d.field("id", &cancel_result::id, "The job").required();
      d.field("canceled", &cancel_result::canceled, "Whether it was cancelled").required();
      d.field("status", &cancel_result::status, "What the job is now");
    });
    return d;
  }
};

task<tool_outcome> cancel_video(call& run, id_argument asked) {
  studio& in = run.in();
  auto job = co_await job_for(in, asked.video_id, "video");
  if (jobs::is_final(job.status))
    throw error(errc::invalid_argument, "the video '" + asked.video_id + "' is " + std::string(to_string(job.status)) +
                                            " already: there is nothing to cancel");
  const auto remote = co_await in.provider(job.provider).cancel_video(job.remote_id);
  jobs::store* table = co_await in.jobs();
  job = co_await table->modify(job.id, [remote](jobs::job& row) { note(row, remote); });
  cancel_result result{handle_of(job), job.status == jobs::job_status::cancelled, std::string(to_string(job.status))};
  co_return tool_outcome{cancel_result::described().to_json(result), {}, state_text(job)};
}

struct delete_result {
  std::string id;
  bool deleted = true;
  std::string object = "video.deleted";

  static const json::description<delete_result>& described() {
    static const json::description<delete_result> d("A deleted video.", [](auto& d) {
      d.field("id", &delete_result::id, "The job").required();
      d.field("deleted", &delete_result::deleted, "Always true").required();
      d.field("object", &delete_result::object, "Always \"video.deleted\"");
    });
    return d;
  }
};

task<tool_outcome> delete_video(call& run, id_argument asked) {
  studio& in = run.in();
  const auto known = co_await find_job(in, asked.video_id);
  providers::provider& maker = known ? in.provider(known->provider) : in.provider();
  require_ready(maker);
  co_await maker.delete_video(known && !known->remote_id.empty() ? known->remote_id : asked.video_id);
  if (known) {
    jobs::store* table = co_await in.jobs();
    co_await table->remove(known->id);
  }
  co_return tool_outcome{delete_result::described().to_json({asked.video_id}),
                         {},
                         "Video " + asked.video_id + " was deleted at the provider. Local files stay."};
}

// --- list_videos ---

struct list_arguments {
  int limit = 20;
  std::optional<std::string> after;
  std::string order = "desc";

  static const json::description<list_arguments>& described() {
    static const json::description<list_arguments> d("", [](auto& d) {
      d.field("limit", &list_arguments::limit, "How many at most").range(0, 100);
      d.field("after", &list_arguments::after, "The id of the last video of the page before").length(1, 200);
      d.field("order", &list_arguments::order, "By time of creation").one_of({"asc", "desc"});
    });
    return d;
  }
};

struct listed_video {
  std::string id, status;
  std::int64_t created_at = 0;
  std::string seconds, size, model;
  std::int64_t progress = 0;

  static const json::description<listed_video>& described() {
    static const json::description<listed_video> d("A video in a list.", [](auto& d) {
      d.field("id", &listed_video::id, "Name of the job").required();
      d.field("status", &listed_video::status, "queued, in_progress, completed or failed").required();
      d.field("created_at", &listed_video::created_at, "Unix seconds");
      d.field("seconds", &listed_video::seconds, "Length in seconds");
      d.field("size", &listed_video::size, "WIDTHxHEIGHT in pixels");
      d.field("model", &listed_video::model, "Model");
      d.field("progress", &listed_video::progress, "Percent, 0 to 100");
    });
    return d;
  }
};

struct list_result {
  std::vector<listed_video> data;
  bool has_more = false;
  std::optional<std::string> last;

  static const json::description<list_result>& described() {
    static const json::description<list_result> d("A page of videos.", [](auto& d) {
      d.field("data", &list_result::data, "The videos").required();
      d.field("has_more", &list_result::has_more, "Whether there is another page").required();
      d.field("last", &list_result::last, "For `after` of the next page");
    });
    return d;
  }
};

task<tool_outcome> list_videos(call& run, list_arguments asked) {
  providers::provider& maker = run.in().provider();
  require_ready(maker);
  const auto page = co_await maker.list_videos(asked.limit, asked.after, asked.order == "desc");
  list_result result;
  result.has_more = page.has_more;
  for (const auto& video : page.videos)
    result.data.push_back({video.id, video.status, video.created_at, video.seconds, video.size, video.model,
                           std::clamp(static_cast<std::int64_t>(video.progress), std::int64_t{0}, std::int64_t{100})});
  if (!result.data.empty()) result.last = result.data.back().id;
  co_return tool_outcome{list_result::described().to_json(result), {}, {}};
}

} // namespace

std::vector<tool> video_tools() {
  return {
      make_tool<create_arguments, video_result>(
          {.name = "create_video",
           .group = "video",
           .verb = "create",
           .title = "Create a video",
           .description =
               "Orders a video from a prompt, and perhaps a reference image. Returns at once with the job's id; "
               "wait for it with wait_for, then save it with download_video (or wait_for with download).",
           .hints = {.open_world = true}},
          create_video),
      make_tool<id_argument, video_result>({.name = "get_video_status",
                                            .group = "video",
                                            .verb = "status",
                                            .title = "Status of a video",
                                            .description = "Says how far a video is, and why it failed if it did. Does "
                                                           "not wait: to wait, use wait_for.",
                                            .hints = {.read_only = true, .idempotent = true, .open_world = true}},
                                           get_video_status),
      make_tool<list_arguments, list_result>({.name = "list_videos",
                                              .group = "video",
                                              .verb = "list",
                                              .title = "List videos at the provider",
                                              .description =
                                                  "Lists the videos that the provider has, page by page. For "
                                                  "downloaded files use list_local_videos.",
                                              .hints = {.read_only = true, .idempotent = true, .open_world = true}},
                                             list_videos),
      make_tool<id_argument, delete_result>({.name = "delete_video",
                                             .group = "video",
                                             .verb = "delete",
                                             .title = "Delete a video at the provider",
                                             .description =
                                                 "Deletes a video at the provider, for good. Files that were "
                                                 "downloaded stay.",
                                             .hints = {.destructive = true, .idempotent = true, .open_world = true}},
                                            delete_video),
      make_tool<id_argument, cancel_result>({.name = "cancel_video",
                                             .group = "video",
                                             .verb = "cancel",
                                             .title = "Cancel a video",
                                             .description =
                                                 "Stops a video that is not finished, where the provider can "
                                                 "do that.",
                                             .hints = {.destructive = true, .idempotent = true, .open_world = true}},
                                            cancel_video),
      make_tool<remix_arguments, video_result>({.name = "remix_video",
                                                .group = "video",
                                                .verb = "remix",
                                                .title = "Remix a video",
                                                .description = "Orders a new video that changes a completed one as the "
                                                               "prompt says.",
                                                .hints = {.open_world = true}},
                                               remix_video),
  };
}

} // namespace weir::studio::tools
