#include "pictures_for.hpp"
#include "random.hpp"

#include <fmt/format.h>

namespace fake {
namespace {

namespace json = boost::json;

struct image_job {
  std::string prompt, model, id;
  picture_settings settings;
  long count = 1, partial = 0;
  bool stream = false;
  std::size_t inputs = 0;
};

image_job read_common(call& c, const arguments& args) {
  image_job j;
  j.prompt = args.required_text("prompt", 32000);
  j.model = args.text("model", "gpt-image-2");
  j.count = args.integer("n", 1, 1, 10);
  j.stream = args.boolean("stream", false);
  j.partial = args.integer("partial_images", 0, 0, 3);
  args.one_of("moderation", "auto", {"auto", "low"});
  check_model(c.w, j.model);
  check_prompt(j.prompt);
  j.settings = read_settings(c.w, args, j.model);
  return j;
}

std::string picture_text(const world& w, const image_job& j, const std::string& name) {
  return base64(make_picture(picture_of(w, j.settings, j.id + name)));
}

json::object settings_json(const image_job& j) {
  return {{"background", resolved(j.settings.background, "opaque")},
          {"output_format", j.settings.format},
          {"quality", resolved(j.settings.quality, "medium")},
          {"size", resolved(j.settings.size, "1024x1024")}};
}

answer stream_events(call& c, const image_job& j, const std::string& prefix, long ms, std::int64_t now) {
  answer a;
  a.headers.emplace_back("Content-Type", "text/event-stream; charset=utf-8");
  const auto pause = millis(ms / (j.partial + 1));
  for (long i = 0; i <= j.partial; ++i) {
    const bool last = i == j.partial;
    const auto type = prefix + (last ? ".completed" : ".partial_image");
    auto data = settings_json(j);
    data["type"] = type;
    data["created_at"] = now;
    data["b64_json"] = picture_text(c.w, j, last ? "0" : fmt::format("partial{}", i));
    if (last)
      data["usage"] = usage(j.prompt.size(), j.inputs, 1);
    else
      data["partial_image_index"] = i;
    a.events.push_back({pause, type, std::move(data)});
  }
  return a;
}

answer perform(call& c, image_job j, const std::string& kind, const std::string& prefix) {
  if (j.stream && j.count != 1)
    throw api_error{400, "Streaming is only supported for n=1.", "invalid_request_error", "n", "invalid_value"};
  j.id = c.w.new_id("img_", 24);
  const auto ms = directive(j.prompt, "ms").value_or(c.w.opts.image_ms);
  const auto now = timeline{}.created_at;
  const auto how = outcome_of(j.prompt);
  if (how == outcome::fails) {
    c.wait(millis(ms));
    throw api_error{500,
                    "The server had an error while processing your request. Sorry about that!",
                    "server_error",
                    {},
                    "server_error"};
  }
  c.buy(kind, j.id);
  if (how == outcome::never_ends) c.c.wait(std::chrono::hours(24));
  if (j.stream) return stream_events(c, j, prefix, ms, now);
  c.wait(millis(ms));
  auto a = json_answer(nullptr);
  // The pictures follow from the id, so a kept answer needs no room for them.
  a.make_body = [&w = c.w, j, now] {
    json::array data;
    for (long i = 0; i < j.count; ++i) data.push_back({{"b64_json", picture_text(w, j, std::to_string(i))}});
    auto body = settings_json(j);
    body["created"] = now;
    body["data"] = std::move(data);
    body["usage"] = usage(j.prompt.size(), j.inputs, j.count);
    return json::serialize(body);
  };
  return a;
}

answer generate(call& c) {
  const arguments args(c.r);
  if (!c.w.opts.open_values)
    args.allow_only({"prompt", "model", "n", "size", "quality", "background", "output_format", "output_compression",
                     "moderation", "stream", "partial_images", "user"});
  return perform(c, read_common(c, args), "image", "image_generation");
}

picture_info checked_picture(const part& p, std::size_t max_bytes) {
  if (p.data.size() > max_bytes)
    throw api_error{400, fmt::format("Invalid file '{}': larger than {} MB.", p.name, max_bytes >> 20),
                    "invalid_request_error", p.name, "image_too_large"};
  const auto info = inspect_picture(p.data);
  if (!info)
    throw api_error{400,
                    fmt::format("Invalid file '{}': unsupported mimetype ('{}'). Supported file formats are "
                                "'image/jpeg', 'image/png', and 'image/webp'.",
                                p.name, p.content_type.value_or("application/octet-stream")),
                    "invalid_request_error", p.name, "unsupported_file_mimetype"};
  return *info;
}

std::size_t check_json_images(call& c, const arguments& args) {
  const auto* v = args.find("images");
  if (!v || !v->is_array() || v->as_array().empty() || v->as_array().size() > 16)
    throw api_error{400, "'images' is an array of 1 to 16 pictures.", "invalid_request_error", "images",
                    "invalid_value"};
  for (const auto& item : v->as_array()) {
    const auto* o = item.if_object();
    const auto* file = o ? o->if_contains("file_id") : nullptr;
    const auto* url = o ? o->if_contains("image_url") : nullptr;
    if ((file != nullptr) == (url != nullptr) || !(file ? file : url)->is_string())
      throw api_error{400, "Each of 'images' has exactly one of 'image_url' and 'file_id'.", "invalid_request_error",
                      "images", "invalid_value"};
    if (url) continue;
    const std::lock_guard lock(c.w.mutex);
    if (!c.w.files.contains(std::string(file->as_string())))
      throw api_error{404,
                      fmt::format("No such File object: {}", std::string_view(file->as_string())),
                      "invalid_request_error",
                      "id",
                      {}};
  }
  return v->as_array().size();
}

answer edit(call& c) {
  const arguments args(c.r);
  if (!c.w.opts.open_values)
    args.allow_only({"image", "images", "mask", "prompt", "model", "n", "size", "quality", "background",
                     "output_format", "output_compression", "input_fidelity", "moderation", "stream", "partial_images",
                     "user"});
  auto j = read_common(c, args);
  args.one_of("input_fidelity", "low", {"low", "high"});
  if (!args.multipart()) {
    j.inputs = check_json_images(c, args);
    return perform(c, std::move(j), "image_edit", "image_edit");
  }
  const auto pictures = args.files("image");
  if (pictures.empty()) {
    if (args.find("image") || args.find("image[]"))
      throw api_error{400, "Invalid type for 'image': expected a file, but got a string instead.",
                      "invalid_request_error", "image", "invalid_type"};
    throw api_error{400, "Missing required parameter: 'image'.", "invalid_request_error", "image",
                    "missing_required_parameter"};
  }
  if (pictures.size() > 16)
    throw api_error{400, "Invalid 'image': array too long. Expected an array with maximum length 16.",
                    "invalid_request_error", "image", "array_above_max_length"};
  picture_info first{};
  for (const auto& p : pictures) {
    const auto info = checked_picture(p, std::size_t{50} << 20);
    if (&p == &pictures[0]) first = info;
  }
  for (const auto& mask : args.files("mask")) {
    const auto info = checked_picture(mask, std::size_t{4} << 20);
    if (info.format != picture_format::png)
      throw api_error{400, "Invalid mask image format - mask must be a PNG.", "invalid_request_error", "mask",
                      "invalid_image_format"};
    if (info.width != first.width || info.height != first.height)
      throw api_error{400, "Invalid mask image format - mask size does not match image size.", "invalid_request_error",
                      "mask", "invalid_image_format"};
    const auto colour = mask.data.size() > 25 ? mask.data[25] : '\0'; // IHDR: 4 and 6 have alpha
    if (colour != 4 && colour != 6)
      throw api_error{400, "Invalid mask image format - mask image missing alpha channel.", "invalid_request_error",
                      "mask", "invalid_image_format"};
  }
  j.inputs = pictures.size();
  return perform(c, std::move(j), "image_edit", "image_edit");
}

} // namespace

route_result image_routes(call& c) {
  if (c.r.method != "POST") return std::nullopt;
  if (c.r.path == "/v1/images/generations") return generate(c);
  if (c.r.path == "/v1/images/edits") return edit(c);
  return std::nullopt;
}

} // namespace fake
