#include "providers/openai_json.hpp"
#include "providers/openai_provider.hpp"
#include "providers/openai_upload.hpp"

namespace weir::providers::openai {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::seconds create_limit = 120s;
constexpr std::size_t max_remembered = 256;

std::string path_of(const std::string& id) { return "/responses/" + checked_id(id); }

void discard(std::span<const std::byte>) {}

} // namespace

void openai_provider::remember(const image_job& job) {
  if (!is_final_status(job.status) || !finished_.insert_or_assign(job.id, job).second) return;
  finished_order_.push_back(job.id);
  if (finished_order_.size() <= max_remembered) return;
  finished_.erase(finished_order_.front());
  finished_order_.pop_front();
}

task<image_job> openai_provider::response_call(http::client_request request, purpose why) {
  constexpr auto place = media::image_place::responses_answer;
  const bool reads = request.method == "GET";
  const picture_answer answer = co_await (reads ? wire_.read_picture(std::move(request), place, discard, why)
                                                : wire_.call_for_picture(std::move(request), place, discard, why));
  image_job job =
      understand(wire_.errors(), why, [&] { return read_response(answer.rest, answer.headers, answer.found); });
  remember(job);
  co_return job;
}

task<image_job> openai_provider::create_image(image_job_request request) {
  if (request.mask && request.inputs.empty())
    throw error(errc::invalid_argument, "a mask needs an input picture that it belongs to");
  if (std::string why = missing(); !why.empty()) throw error(errc::not_configured, why);
  http::body body = co_await response_body(request);
  co_return co_await response_call(wire_.buy("/responses", std::move(body), request.idempotency_key, create_limit),
                                   {.doing = "order the picture", .buys = true});
}

task<image_job> openai_provider::get_image(std::string id) {
  const std::string path = path_of(id);
  if (const auto known = finished_.find(id); known != finished_.end()) co_return known->second;
  co_return co_await response_call(wire_.get(path), {.doing = "look up the picture " + id});
}

task<image_job> openai_provider::cancel_image(std::string id) {
  http::client_request request = wire_.act("POST", path_of(id) + "/cancel");
  request.idempotent = true;
  co_return co_await response_call(std::move(request), {.doing = "cancel the picture " + id});
}

task<image_outcome> openai_provider::download_image(std::string id, byte_sink sink) {
  const purpose why{.doing = "download the picture " + id};
  const picture_answer answer =
      co_await wire_.read_picture(wire_.get(path_of(id)), media::image_place::responses_answer, std::move(sink), why);
  const image_job job =
      understand(wire_.errors(), why, [&] { return read_response(answer.rest, answer.headers, answer.found); });
  remember(job);
  if (answer.found) co_return understand(wire_.errors(), why, [&] { return outcome_of_response(answer.rest); });
  if (!is_final_status(job.status))
    throw error(errc::unavailable,
                "could not " + why.doing + ": it is not finished yet (" + wire_.errors().shown(job.status) + ")");
  throw error(errc::job_failed, "the job " + id + " has no picture: " + wire_.errors().shown(job.status) + ", " +
                                    (job.error_code ? wire_.errors().shown(*job.error_code) + ": " : "") +
                                    wire_.errors().shown(job.error_message.value_or("no reason was given")));
}

} // namespace weir::providers::openai
