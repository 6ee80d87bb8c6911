#include "providers/openai_json.hpp"
#include "providers/openai_provider.hpp"
#include "providers/openai_upload.hpp"

namespace weir::providers::openai {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::seconds make_limit = 600s;

http::body generation_body(const image_request& request) {
  json::object fields{{"prompt", request.prompt}};
  const auto add = [&fields](std::string_view name, const std::string& value) {
    if (!value.empty()) fields[name] = value;
  };
  add("background", request.background);
  add("model", request.model);
  if (request.moderation) add("moderation", *request.moderation);
  fields["n"] = 1;
  add("output_format", request.output_format);
  add("quality", request.quality);
  add("size", request.size);
  return http::body(json::serialize(fields));
}

http::body edit_body(const image_request& request) {
  check_inputs(request.inputs, request.mask);
  http::multipart form;
  const auto add = [&form](std::string_view name, const std::string& value) {
    if (!value.empty()) form.add(name, value);
  };
  form.add("prompt", request.prompt);
  add("background", request.background);
  if (request.input_fidelity) add("input_fidelity", *request.input_fidelity);
  add("model", request.model);
  form.add("n", "1");
  add("output_format", request.output_format);
  add("quality", request.quality);
  add("size", request.size);
  const std::string_view field = request.inputs.size() == 1 ? "image" : "image[]";
  for (const input_file& file : request.inputs) add_file(form, field, file);
  if (request.mask) add_file(form, "mask", *request.mask);
  return std::move(form).finish();
}

/// The address of the picture, where the answer has that instead of the picture.
std::optional<std::string> address_in(const json::object& answer) {
  const auto* data = members(answer).array("data");
  const auto* first = data && !data->empty() ? data->front().if_object() : nullptr;
  return first ? members(*first, "data[0].").text("url") : std::nullopt;
}

} // namespace

task<image_outcome> openai_provider::make_image(image_request request, byte_sink sink) {
  const bool edits = !request.inputs.empty();
  if (request.mask && !edits) throw error(errc::invalid_argument, "a mask needs an input picture that it belongs to");
  const purpose why{.doing = edits ? "edit the picture" : "generate the picture", .buys = true};
  http::client_request order =
      wire_.buy(edits ? "/images/edits" : "/images/generations", edits ? edit_body(request) : generation_body(request),
                request.idempotency_key, make_limit);
  const picture_answer answer =
      co_await wire_.call_for_picture(std::move(order), media::image_place::images_answer, sink, why);
  const auto outcome = understand(wire_.errors(), why, [&] { return outcome_of_images(answer.rest, request.model); });
  if (answer.found) co_return outcome;
  const auto address = understand(wire_.errors(), why, [&] { return address_in(answer.rest); });
  if (!address) wire_.errors().unusable(why, "no image data");
  co_await wire_.fetch(*address, std::move(sink), why);
  co_return outcome;
}

} // namespace weir::providers::openai
