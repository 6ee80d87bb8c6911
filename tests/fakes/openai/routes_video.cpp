#include "random.hpp"
#include "world.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace fake {
namespace {

namespace json = boost::json;

std::string_view status_of(const video_job& v) {
  if (v.time.cancelled) return "cancelled";
  if (v.time.over()) return v.time.ends == outcome::fails ? "failed" : "completed";
  return v.time.elapsed_ms() * 10 < v.time.duration_ms ? "queued" : "in_progress";
}

json::object to_json(const video_job& v) {
  const auto status = status_of(v);
  const bool completed = status == "completed";
  const auto completed_at = v.time.created_at + (v.time.duration_ms + 999) / 1000;
  long progress = 0;
  if (completed)
    progress = 100;
  else if (status == "in_progress" && v.time.duration_ms > 0)
    progress = std::min(99L, v.time.elapsed_ms() * 100 / v.time.duration_ms);
  json::value error = nullptr;
  if (status == "failed")
    error = {{"code", "video_generation_failed"}, {"message", "The video could not be generated."}};
  const auto or_null = [](bool is, json::value x) { return is ? x : json::value(nullptr); };
  return {{"id", v.id},
          {"object", "video"},
          {"model", v.model},
          {"status", status},
          {"progress", progress},
          {"created_at", v.time.created_at},
          {"completed_at", or_null(completed, completed_at)},
          {"expires_at", or_null(completed, completed_at + 3600)},
          {"prompt", v.prompt},
          {"size", v.size},
          {"seconds", v.seconds},
          {"quality", "standard"},
          {"remixed_from_video_id", or_null(!v.remixed_from.empty(), json::value(v.remixed_from))},
          {"error", std::move(error)}};
}

video_job find(world& w, const std::string& id) {
  const std::lock_guard lock(w.mutex);
  const auto found = w.videos.find(id);
  if (found == w.videos.end())
    throw api_error{404, fmt::format("Video with id '{}' not found.", id), "invalid_request_error", {}, {}};
  return found->second;
}

void apply_directives(world& w, video_job& v) {
  v.time.ends = outcome_of(v.prompt);
  v.time.duration_ms = directive(v.prompt, "ms").value_or(w.opts.video_ms);
  v.bytes = static_cast<std::uint64_t>(directive(v.prompt, "bytes").value_or(static_cast<long>(w.opts.video_bytes)));
  v.expired = v.prompt.find("[expired]") != v.prompt.npos;
}

answer store(call& c, video_job v, const std::string& kind) {
  v.id = c.w.new_id("video_", 48);
  apply_directives(c.w, v);
  auto body = to_json(v);
  body["status"] = "queued"; // whatever the clock says: no job is done before its first answer
  body["progress"] = 0;
  body["completed_at"] = body["expires_at"] = body["error"] = nullptr;
  {
    const std::lock_guard lock(c.w.mutex);
    v.order = ++c.w.orders;
    c.w.videos.emplace(v.id, v);
  }
  c.buy(kind, v.id);
  return json_answer(body);
}

std::pair<std::uint32_t, std::uint32_t> parse_size(const std::string& size) {
  std::uint32_t w = 0, h = 0;
  const char* end = size.data() + size.size();
  const auto a = std::from_chars(size.data(), end, w);
  if (a.ptr == end || *a.ptr != 'x' || std::from_chars(a.ptr + 1, end, h).ptr != end || w == 0 || h == 0)
    throw api_error{400, fmt::format("Invalid value: '{}'. A size is WIDTHxHEIGHT.", size), "invalid_request_error",
                    "size", "invalid_value"};
  return {w, h};
}

void check_reference_picture(const std::optional<picture_info>& p, const std::string& size) {
  if (!p)
    throw api_error{400, "Unsupported file for 'input_reference'. Supported are image/jpeg, image/png and image/webp.",
                    "invalid_request_error", "input_reference", "unsupported_file_mimetype"};
  if (std::pair(p->width, p->height) != parse_size(size))
    throw api_error{400, "Inpaint image must match the requested width and height"};
}

void check_reference(call& c, const arguments& args, const std::string& size) {
  if (args.multipart()) {
    if (args.find("input_reference"))
      throw api_error{400, "Invalid type for 'input_reference': expected a file, but got a string instead.",
                      "invalid_request_error", "input_reference", "invalid_type"};
    const auto files = args.files("input_reference");
    if (files.size() > 1)
      throw api_error{400, "Only one 'input_reference' is taken.", "invalid_request_error", "input_reference",
                      "invalid_value"};
    if (files.empty()) return;
    const auto type = files[0].content_type.value_or("application/octet-stream");
    if (type != "image/jpeg" && type != "image/png" && type != "image/webp")
      throw api_error{
          400,
          fmt::format("Invalid file 'input_reference': unsupported mimetype ('{}'). Supported file formats are "
                      "'image/jpeg', 'image/png', and 'image/webp'.",
                      type),
          "invalid_request_error", "input_reference", "unsupported_file_mimetype"};
    check_reference_picture(inspect_picture(files[0].data), size);
    return;
  }
  const auto* v = args.find("input_reference");
  if (!v) return;
  const auto* o = v->if_object();
  const auto* url = o ? o->if_contains("image_url") : nullptr;
  const auto* file = o ? o->if_contains("file_id") : nullptr;
  if (!o || (url != nullptr) == (file != nullptr) || !(url ? url : file)->is_string())
    throw api_error{400, "Invalid 'input_reference': exactly one of 'image_url' and 'file_id' is expected.",
                    "invalid_request_error", "input_reference", "invalid_value"};
  if (file) {
    const std::lock_guard lock(c.w.mutex);
    const auto found = c.w.files.find(std::string(file->as_string()));
    if (found == c.w.files.end())
      throw api_error{404,
                      fmt::format("No such File object: {}", std::string_view(file->as_string())),
                      "invalid_request_error",
                      "id",
                      {}};
    check_reference_picture(found->second.picture, size);
    return;
  }
  const std::string_view text = url->as_string();
  if (!text.starts_with("data:")) return; // a URL on the web, which nobody fetches here
  const auto comma = text.find(";base64,");
  const auto bytes = comma == text.npos ? std::nullopt : from_base64(text.substr(comma + 8));
  check_reference_picture(bytes ? inspect_picture(*bytes) : std::nullopt, size);
}

answer create(call& c) {
  const arguments args(c.r);
  video_job v;
  v.prompt = args.required_text("prompt", 32000);
  v.model = args.text("model", "sora-2");
  if (c.w.opts.open_values) {
    const auto* seconds = args.find("seconds");
    v.seconds = seconds && seconds->is_int64() ? std::to_string(seconds->as_int64()) : args.text("seconds", "4");
    v.size = args.text("size", "720x1280");
  } else {
    args.allow_only({"prompt", "model", "seconds", "size", "input_reference"});
    v.seconds = args.one_of("seconds", "4", {"4", "8", "12", "16", "20"});
    v.size =
        args.one_of("size", "720x1280", {"720x1280", "1280x720", "1024x1792", "1792x1024", "1080x1920", "1920x1080"});
  }
  parse_size(v.size);
  check_model(c.w, v.model);
  check_prompt(v.prompt);
  check_reference(c, args, v.size);
  return store(c, std::move(v), "video");
}

answer remix(call& c, const std::string& id) {
  const arguments args(c.r);
  auto v = find(c.w, id);
  if (status_of(v) != "completed")
    throw api_error{400, "Only a completed video can be remixed.", "invalid_request_error", {}, {}};
  v.prompt = args.required_text("prompt", 32000);
  if (!c.w.opts.open_values) args.allow_only({"prompt"});
  check_prompt(v.prompt);
  v.remixed_from = id;
  v.time = {};
  return store(c, std::move(v), "remix");
}

answer list(call& c) {
  long limit = 20;
  if (const auto text = c.r.parameter("limit")) {
    const auto [end, failed] = std::from_chars(text->data(), text->data() + text->size(), limit);
    if (failed != std::errc{} || end != text->data() + text->size() || limit < 0 || limit > 100)
      throw api_error{400, "Invalid 'limit': an integer from 0 to 100 is expected.", "invalid_request_error", "limit",
                      "invalid_value"};
  }
  const auto order = c.r.parameter("order").value_or("desc");
  if (order != "asc" && order != "desc")
    throw api_error{400, fmt::format("Invalid value: '{}'. Supported values are: 'asc' and 'desc'.", order),
                    "invalid_request_error", "order", "invalid_value"};
  std::vector<video_job> all;
  {
    const std::lock_guard lock(c.w.mutex);
    for (const auto& [id, v] : c.w.videos) all.push_back(v);
  }
  std::ranges::sort(
      all, [&](const auto& a, const auto& b) { return order == "asc" ? a.order < b.order : a.order > b.order; });
  auto at = all.begin();
  if (const auto after = c.r.parameter("after")) {
    at = std::ranges::find(all, *after, &video_job::id);
    if (at == all.end())
      throw api_error{400, fmt::format("No video with the id '{}' to continue after.", *after), "invalid_request_error",
                      "after", "invalid_value"};
    ++at;
  }
  json::array data;
  for (; at != all.end() && static_cast<long>(data.size()) < limit; ++at) data.push_back(to_json(*at));
  const auto id_of = [](const json::value& v) { return v.at("id"); };
  return json_answer({{"object", "list"},
                      {"first_id", data.empty() ? json::value(nullptr) : id_of(data.front())},
                      {"last_id", data.empty() ? json::value(nullptr) : id_of(data.back())},
                      {"has_more", at != all.end()},
                      {"data", data}});
}

answer status(call& c, const std::string& id) {
  const auto v = find(c.w, id);
  auto a = json_answer(to_json(v));
  a.headers.emplace_back("openai-poll-after-ms", std::to_string(std::clamp(v.time.duration_ms / 10, 10L, 1000L)));
  return a;
}

answer deliver(call& c, const std::string& id) {
  const auto v = find(c.w, id);
  const std::string variant(c.r.parameter("variant").value_or("video"));
  if (variant != "video" && variant != "thumbnail" && variant != "spritesheet")
    throw api_error{
        400,
        fmt::format("Invalid value: '{}'. Supported values are: 'video', 'thumbnail', and 'spritesheet'.", variant),
        "invalid_request_error", "variant", "invalid_value"};
  const auto status = status_of(v);
  if (status == "failed" || status == "cancelled")
    throw api_error{400, fmt::format("Video generation {}: there is no content.", status)};
  if (status != "completed")
    throw api_error{404, "Video is not ready yet, use GET /v1/videos/{video_id} to check status."};
  if (v.expired) throw api_error{404, "The content of this video has expired."};
  c.note["content"] = {{"id", id}, {"variant", variant}, {"bytes", v.bytes}};
  return content_answer(c, c.w.contents.make(id, variant, v.bytes));
}

answer remove(call& c, const std::string& id) {
  if (const auto v = find(c.w, id); !v.time.over())
    throw api_error{400, "A video that is being made cannot be deleted: wait until it is completed or failed."};
  const std::lock_guard lock(c.w.mutex);
  c.w.videos.erase(id);
  return json_answer({{"id", id}, {"object", "video.deleted"}, {"deleted", true}});
}

answer cancel(call& c, const std::string& id) {
  auto v = find(c.w, id);
  if (!v.time.over()) {
    v.time.cancelled = true;
    const std::lock_guard lock(c.w.mutex);
    c.w.videos.insert_or_assign(id, v);
  }
  return json_answer(to_json(v));
}

} // namespace

route_result video_routes(call& c) {
  const auto path = segments(c.r.path);
  const auto& method = c.r.method;
  if (path.empty() || path[0] != "videos") return std::nullopt;
  if (path.size() == 1 && method == "POST") return create(c);
  if (path.size() == 1 && method == "GET") return list(c);
  if (path.size() == 2 && method == "GET") return status(c, path[1]);
  if (path.size() == 2 && method == "DELETE") return remove(c, path[1]);
  if (path.size() == 3 && method == "GET" && path[2] == "content") return deliver(c, path[1]);
  if (path.size() == 3 && method == "POST" && path[2] == "remix") return remix(c, path[1]);
  if (path.size() == 3 && method == "POST" && path[2] == "cancel" && c.w.opts.video_cancel) return cancel(c, path[1]);
  return std::nullopt;
}

} // namespace fake
