#include "studio/tools/support.hpp"
#include "studio/tools/tools.hpp"

#include <weir/core/error.hpp>
#include <weir/studio/purchase.hpp>
#include <weir/studio/watch.hpp>

#include <algorithm>
#include <array>

namespace weir::studio::tools {

namespace {

struct image_job_result {
  std::string id, status = "unknown";
  double created_at = 0;
  std::optional<std::string> error;

  static const json::description<image_job_result>& described() {
    static const json::description<image_job_result> d("A picture's job.", [](auto& d) {
      d.field("id", &image_job_result::id, "Name of the job: for get_image_status, wait_for and download_image")
          .required();
      d.field("status", &image_job_result::status,
              "queued, in_progress, completed, failed, cancelled, incomplete or unknown")
          .required();
      d.field("created_at", &image_job_result::created_at, "Unix seconds");
      d.field("error", &image_job_result::error, "Why there is no picture").omit_null();
    });
    return d;
  }
};

tool_outcome answer(const jobs::job& job) {
  image_job_result result;
  result.id = handle_of(job);
  std::string text = "Picture " + result.id + " is ";
  if (job.result.is_object()) {
    result.status = json::string_or(job.result.get_object(), "status", "unknown");
    result.created_at = json::number_or(job.result.get_object(), "created_at", 0);
  }
  if (!job.error_message.empty()) result.error = job.error_message;
  text += result.status;
  if (job.status == jobs::job_status::completed && !result.error)
    text += ". Save it with download_image.";
  else if (result.error)
    text += ": " + *result.error;
  else
    text += ". Wait for it with wait_for.";
  return {image_job_result::described().to_json(result), {}, text};
}

struct create_arguments {
  std::string prompt, model = "gpt-5.2";
  std::optional<json::object> tool_config;
  std::optional<std::string> previous_response_id;
  std::optional<std::vector<std::string>> input_images;
  std::optional<std::string> mask_filename;

  static const json::description<create_arguments>& described() {
    static const json::description<create_arguments> d("", [](auto& d) {
      d.field("prompt", &create_arguments::prompt, "What the picture shows").required().length(1, 32'000).positional();
      d.field("model", &create_arguments::model, "The text model that drives the image tool")
          .known({"gpt-5.2", "gpt-6-astra", "gpt-5.6-sol"});
      d.field("tool_config", &create_arguments::tool_config,
              "Settings of the image tool: action, background, input_fidelity, model, moderation, output_compression, "
              "output_format, partial_images, quality, size")
          .flag("config");
      d.field("previous_response_id", &create_arguments::previous_response_id, "The picture job that this one refines")
          .length(1, 200)
          .flag("previous-id");
      d.field("input_images", &create_arguments::input_images, "Pictures in the media folder (JPEG, PNG, WebP)")
          .items(1, 16)
          .flag("input-image");
      d.field("mask_filename", &create_arguments::mask_filename, "PNG whose transparent parts say what may change")
          .flag("mask");
    });
    return d;
  }
};

/// The keys that the image tool takes; others would be dropped without a word.
void check_tool_config(const json::object& config) {
  static constexpr std::array known{
      "type",    "action",     "background",         "input_fidelity", "input_image_mask",
      "model",   "moderation", "output_compression", "output_format",  "partial_images",
      "quality", "size",       "complexity",         "frame_count",    "frame_duration_ms",
      "svg"};
  for (const auto& entry : config)
    if (std::find(known.begin(), known.end(), std::string_view(entry.key())) == known.end())
      throw error(errc::invalid_argument, "tool_config: unknown key '" + std::string(entry.key()) + "'");
  const std::string type = json::string_or(config, "type", "image_generation");
  if (type != "image_generation") throw error(errc::invalid_argument, "tool_config: type must be 'image_generation'");
  if (json::string_or(config, "model", "gpt-image-2") == "gpt-image-2" &&
      json::string_or(config, "background", "") == "transparent")
    throw error(errc::invalid_argument,
                "gpt-image-2 does not support transparent backgrounds. Use gpt-image-1.5 for transparent output.");
}

task<tool_outcome> create_image(call& run, create_arguments asked) {
  studio& in = run.in();
  providers::provider& maker = in.provider();
  require_ready(maker);
  if (asked.mask_filename && !asked.input_images)
    throw error(errc::invalid_argument, "mask_filename requires input_images parameter");
  providers::image_job_request request;
  request.prompt = asked.prompt;
  request.model = asked.model;
  if (asked.tool_config) {
    check_tool_config(*asked.tool_config);
    request.tool_config = *asked.tool_config;
  }
  request.previous_response_id = asked.previous_response_id;
  if (asked.input_images) request.inputs = co_await open_pictures(run, *asked.input_images);
  request.mask = co_await open_mask(run, asked.mask_filename);

  jobs::job draft;
  draft.kind = "image";
  draft.provider = maker.name();
  draft.operation = "image_job";
  draft.request = create_arguments::described().to_json(asked);
  const auto job = co_await purchase(in, std::move(draft), [&maker, request](jobs::job& row) -> task<void> {
    auto sent = request;
    sent.idempotency_key = row.idempotency_key;
    note(row, co_await maker.create_image(std::move(sent)));
  });
  in.watching().follow(job);
  co_return answer(job);
}

struct id_argument {
  std::string response_id;

  static const json::description<id_argument>& described() {
    static const json::description<id_argument> d("", [](auto& d) {
      d.field("response_id", &id_argument::response_id, "The job's id, as create_image gave it")
          .required()
          .length(1, 200)
          .positional();
    });
    return d;
  }
};

task<tool_outcome> get_image_status(call& run, id_argument asked) {
  studio& in = run.in();
  auto job = co_await job_for(in, asked.response_id, "image");
  if (!jobs::is_final(job.status)) job = co_await in.watching().refresh(job);
  in.watching().follow(job);
  co_return answer(job);
}

} // namespace

std::vector<tool> image_job_tools() {
  return {
      make_tool<create_arguments, image_job_result>(
          {.name = "create_image",
           .group = "image",
           .verb = "create",
           .title = "Create a picture in the background",
           .description =
               "Orders a picture, made by a text model with its image tool. Returns at once with the job's id; "
               "wait for it with wait_for, then save it with download_image (or wait_for with download).",
           .hints = {.open_world = true}},
          create_image),
      make_tool<id_argument, image_job_result>(
          {.name = "get_image_status",
           .group = "image",
           .verb = "status",
           .title = "Status of a picture",
           .description =
               "Says how far a picture's job is, and why there is no picture if it failed. Does not wait: to "
               "wait, use wait_for.",
           .hints = {.read_only = true, .idempotent = true, .open_world = true}},
          get_image_status),
  };
}

} // namespace weir::studio::tools
