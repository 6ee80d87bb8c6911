#include "providers/openai_json.hpp"
#include "providers/openai_provider.hpp"
#include "providers/openai_upload.hpp"

#include <weir/http/download.hpp>

namespace weir::providers::openai {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::seconds create_limit = 120s;

std::string path_of(const std::string& id) { return "/videos/" + checked_id(id); }

std::string_view word_for(video_variant variant) {
  switch (variant) {
  case video_variant::thumbnail:
    return "thumbnail";
  case video_variant::spritesheet:
    return "spritesheet";
  default:
    return "video";
  }
}

/// The fields that only the server knows, as text.
void add_extra(http::multipart& form, const json::object& extra) {
  for (const auto& [key, value] : extra)
    form.add(key, value.is_string() ? std::string(value.get_string()) : json::serialize(value));
}

http::body create_body(const video_request& request) {
  http::multipart form;
  form.add("prompt", request.prompt);
  if (!request.model.empty()) form.add("model", request.model);
  if (request.seconds) form.add("seconds", *request.seconds);
  if (request.size) form.add("size", *request.size);
  add_extra(form, request.extra);
  if (request.reference) add_file(form, "input_reference", *request.reference);
  return std::move(form).finish();
}

http::body remix_body(const video_request& request) {
  json::object fields{{"prompt", request.prompt}};
  for (const auto& [key, value] : request.extra) fields[key] = value;
  return http::body(json::serialize(fields));
}

/// Whether this is what a proxy or a failing server answers, and no media.
bool is_no_media(std::string_view content_type) {
  const std::string_view type = content_type.substr(0, content_type.find_first_of("; "));
  return http::equals_ignoring_case(type, "text/html") || http::equals_ignoring_case(type, "application/json") ||
         http::equals_ignoring_case(type, "application/problem+json");
}

} // namespace

task<video_job> openai_provider::video_call(http::client_request request, purpose why) {
  const json_answer answer = co_await wire_.call(std::move(request), why);
  co_return understand(wire_.errors(), why, [&] { return read_video(answer.value, answer.headers); });
}

task<video_job> openai_provider::create_video(video_request request) {
  if (request.operation == video_operation::edit) cannot("edit videos");
  if (request.operation == video_operation::extend) cannot("extend videos");
  if (request.max_cost_usd) cannot("tell what a video will cost, so it cannot keep to a highest cost");
  if (request.dry_run) cannot("check a video's order without buying it");
  const bool remix = request.operation == video_operation::remix;
  const std::string path = remix ? path_of(request.source_id) + "/remix" : "/videos";
  co_return co_await video_call(
      wire_.buy(path, remix ? remix_body(request) : create_body(request), request.idempotency_key, create_limit),
      {.doing = remix ? "remix the video " + request.source_id : "create the video", .buys = true});
}

task<video_job> openai_provider::get_video(std::string id) {
  co_return co_await video_call(wire_.get(path_of(id)), {.doing = "look up the video " + id});
}

task<video_page> openai_provider::list_videos(int limit, std::optional<std::string> after, bool descending) {
  std::string path = "/videos?limit=" + std::to_string(limit);
  if (after) path += "&after=" + checked_id(*after);
  path += descending ? "&order=desc" : "&order=asc";
  const purpose why{.doing = "list the videos"};
  const json_answer answer = co_await wire_.call(wire_.get(path), why);
  co_return understand(wire_.errors(), why, [&] { return read_page(answer.value); });
}

task<void> openai_provider::delete_video(std::string id) {
  // What is in the answer does not matter: some servers send nothing.
  http::client_request request = wire_.act("DELETE", path_of(id));
  co_await wire_.call_without_answer(std::move(request), {.doing = "delete the video " + id});
}

task<video_job> openai_provider::cancel_video(std::string id) {
  const purpose why{.doing = "cancel the video " + id};
  http::client_request request = wire_.act("POST", path_of(id) + "/cancel");
  request.idempotent = true;
  try {
    co_return co_await video_call(std::move(request), why);
  } catch (const error& failure) {
    if (failure.status() != 404 && failure.status() != 405) throw;
  }
  co_await get_video(id); // not_found, where it is the job that is missing
  throw error(errc::unsupported, "this server cannot cancel videos: " + id + " goes on");
}

task<std::string> openai_provider::download_video(std::string id, video_variant variant, http::download_target& target,
                                                  byte_progress progress) {
  const purpose why{.doing = "download the " + std::string(word_for(variant)) + " of " + id};
  http::client_request request = wire_.get(path_of(id) + "/content?variant=" + std::string(word_for(variant)));
  request.headers.set("Accept", "application/binary");
  request.timeouts = http::timeouts{.connect = 10s, .idle = 60s, .total = 0s};
  bool ask_why = false;
  try {
    const http::download_result got =
        co_await http::download(*co_await wire_.web(), request, target, {.on_progress = std::move(progress)});
    if (is_no_media(got.content_type))
      throw error(errc::remote, "could not " + why.doing + ": the server sent " +
                                    wire_.errors().shown(got.content_type) + " instead of media");
    co_return got.content_type;
  } catch (const http::transport_error& failure) {
    wire_.errors().broke(why, failure);
  } catch (const http::status_error& failure) {
    ask_why = failure.status() / 100 == 4 && failure.status() != 429;
    if (!ask_why) wire_.errors().gave_up(why, failure);
  }
  co_await wire_.explain(std::move(request), why);
  throw error(errc::unavailable, "could not " + why.doing + ": the server refused it once; try again");
}

} // namespace weir::providers::openai
