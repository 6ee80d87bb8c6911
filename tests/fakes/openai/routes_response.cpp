#include "pictures_for.hpp"
#include "random.hpp"

#include <fmt/format.h>

namespace fake {
namespace {

namespace json = boost::json;

std::string_view status_of(const response_job& r) {
  if (r.time.cancelled) return "cancelled";
  if (!r.time.over()) return r.time.elapsed_ms() * 10 < r.time.duration_ms ? "queued" : "in_progress";
  switch (r.time.ends) {
  case outcome::fails:
    return "failed";
  case outcome::incomplete:
    return "incomplete";
  default:
    return "completed";
  }
}

json::object message(const response_job& r, json::object piece) {
  return {{"type", "message"},
          {"id", "msg_" + hex_id(hash_text(r.id), 48)},
          {"status", "completed"},
          {"role", "assistant"},
          {"content", json::array{std::move(piece)}}};
}

json::array output_of(const response_job& r, std::string_view status) {
  json::array out;
  const bool completed = status == "completed";
  if (completed && r.time.ends == outcome::refused)
    return {message(r, {{"type", "refusal"}, {"refusal", "I'm sorry, but I can't help with that."}})};
  if (r.draws && (completed || status == "in_progress" || status == "incomplete"))
    for (long i = 0; i < r.calls; ++i) {
      json::object item{{"type", "image_generation_call"},
                        {"id", "ig_" + hex_id(hash_text(fmt::format("{}/{}", r.id, i)), 48)},
                        {"status", completed                ? "completed"
                                   : status == "incomplete" ? "failed"
                                                            : "generating"},
                        {"result", nullptr}};
      if (completed) {
        auto wanted = r.picture;
        wanted.key += static_cast<std::uint64_t>(i);
        item["result"] = base64(make_picture(wanted));
        item["revised_prompt"] = r.prompt.substr(0, 200);
        item["size"] = fmt::format("{}x{}", wanted.width, wanted.height);
        item["quality"] = r.quality;
        item["background"] = r.background;
        item["output_format"] = r.format;
      }
      out.push_back(std::move(item));
    }
  if (completed)
    out.push_back(message(r, {{"type", "output_text"},
                              {"text", r.draws ? "" : "This stand-in only draws."},
                              {"annotations", json::array{}}}));
  return out;
}

json::object to_json(const response_job& r, std::string_view status) {
  json::value error = nullptr, details = nullptr, tokens = nullptr;
  if (status == "failed")
    error = {{"code", "server_error"}, {"message", "An error occurred while processing your request."}};
  if (status == "incomplete") details = {{"reason", "content_filter"}};
  if (status == "completed") tokens = usage(r.prompt.size(), 0, r.draws ? r.calls : 0);
  return {{"id", r.id},
          {"object", "response"},
          {"created_at", r.time.created_at},
          {"status", status},
          {"background", r.in_background},
          {"error", std::move(error)},
          {"incomplete_details", std::move(details)},
          {"instructions", nullptr},
          {"metadata", json::object{}},
          {"model", r.model},
          {"output", output_of(r, status)},
          {"parallel_tool_calls", true},
          {"previous_response_id", r.previous},
          {"temperature", 1.0},
          {"tool_choice", "auto"},
          {"tools", r.tools},
          {"top_p", 1.0},
          {"usage", std::move(tokens)}};
}

response_job find(world& w, const std::string& id) {
  const std::lock_guard lock(w.mutex);
  const auto found = w.responses.find(id);
  if (found == w.responses.end())
    throw api_error{404, fmt::format("Response with id '{}' not found.", id), "invalid_request_error", {}, {}};
  return found->second;
}

[[noreturn]] void wrong(const std::string& param, const std::string& why, const std::string& code = "invalid_value") {
  throw api_error{400, why, "invalid_request_error", param, code};
}

void check_file(world& w, const json::value& id, const std::string& param) {
  const std::lock_guard lock(w.mutex);
  if (!id.is_string() || !w.files.contains(std::string(id.as_string())))
    throw api_error{
        404, fmt::format("No such File object: {}", json::serialize(id)), "invalid_request_error", param, {}};
}

void check_picture_url(const json::value& v, const std::string& param) {
  if (!v.is_string()) wrong(param, fmt::format("Invalid type for '{}': expected a string.", param), "invalid_type");
  const std::string_view url = v.as_string();
  if (url.starts_with("https://") || url.starts_with("http://")) return;
  const auto comma = url.find(";base64,");
  const auto bytes =
      url.starts_with("data:image/") && comma != url.npos ? from_base64(url.substr(comma + 8)) : std::nullopt;
  if (!bytes)
    wrong(param, fmt::format("Invalid '{}'. Expected a base64-encoded data URL with an image MIME type.", param));
  if (!inspect_picture(*bytes))
    wrong(param, "The image data you provided does not represent a valid image.", "invalid_image_format");
}

// Returns the text of the input and checks its pictures.
std::string read_input(world& w, const arguments& args) {
  const auto* v = args.find("input");
  if (!v) wrong("input", "Missing required parameter: 'input'.", "missing_required_parameter");
  if (v->is_string()) return std::string(v->as_string());
  if (!v->is_array())
    wrong("input", "Invalid type for 'input': expected one of an array of objects or string.", "invalid_type");
  std::string text;
  std::size_t n = 0;
  for (const auto& item : v->as_array()) {
    const auto* o = item.if_object();
    const auto* pieces = o ? o->if_contains("content") : nullptr;
    if (!pieces)
      wrong(fmt::format("input[{}]", n), fmt::format("Invalid 'input[{}]': a message with 'content' is expected.", n));
    if (pieces->is_string()) text += pieces->as_string();
    std::size_t k = 0;
    for (const auto& piece : pieces->is_array() ? pieces->as_array() : json::array{}) {
      const auto where = fmt::format("input[{}].content[{}]", n, k++);
      const auto* p = piece.if_object();
      const auto* type = p ? p->if_contains("type") : nullptr;
      if (!type || !type->is_string())
        wrong(where + ".type", fmt::format("Missing required parameter: '{}.type'.", where),
              "missing_required_parameter");
      if (type->as_string() == "input_text" && p->contains("text") && p->at("text").is_string())
        text += p->at("text").as_string();
      else if (type->as_string() == "input_image" && p->contains("file_id") && !p->at("file_id").is_null())
        check_file(w, p->at("file_id"), where + ".file_id");
      else if (type->as_string() == "input_image" && p->contains("image_url"))
        check_picture_url(p->at("image_url"), where + ".image_url");
      else
        wrong(where, fmt::format("Invalid '{}': neither a text nor a picture.", where));
    }
    ++n;
  }
  return text;
}

// The tool's settings have the names of the image calls, so the same checks read them.
void read_tool(call& c, response_job& job, const json::value& tools) {
  if (!tools.is_array()) wrong("tools", "Invalid type for 'tools': expected an array of objects.", "invalid_type");
  for (const auto& tool : tools.as_array()) {
    const auto* o = tool.if_object();
    const auto* type = o ? o->if_contains("type") : nullptr;
    if (!type || !type->is_string())
      wrong("tools[0].type", "Missing required parameter: 'tools[0].type'.", "missing_required_parameter");
    if (type->as_string() != "image_generation") continue;
    request inner;
    inner.headers.emplace_back("content-type", "application/json");
    inner.body = json::serialize(tool);
    const arguments args(inner);
    if (!c.w.opts.open_values)
      args.allow_only({"type", "action", "background", "input_fidelity", "input_image_mask", "model", "moderation",
                       "output_compression", "output_format", "partial_images", "quality", "size"});
    const auto model = args.text("model", "gpt-image-2");
    check_model(c.w, model);
    args.one_of("action", "auto", {"generate", "edit", "auto"});
    const auto settings = read_settings(c.w, args, model);
    if (const auto* mask = args.find("input_image_mask"); mask && mask->is_object()) {
      if (const auto* file = mask->as_object().if_contains("file_id"))
        check_file(c.w, *file, "tools[0].input_image_mask.file_id");
      if (const auto* url = mask->as_object().if_contains("image_url"))
        check_picture_url(*url, "tools[0].input_image_mask.image_url");
    }
    job.draws = true;
    job.picture = picture_of(c.w, settings, job.id);
    job.format = settings.format;
    job.quality = resolved(settings.quality, "medium");
    job.background = resolved(settings.background, "opaque");
  }
}

answer create(call& c) {
  const arguments args(c.r);
  if (args.multipart())
    throw api_error{400, "POST /v1/responses takes JSON.", "invalid_request_error", {}, "unsupported_content_type"};
  response_job job;
  job.model = args.required_text("model", 200);
  job.prompt = read_input(c.w, args);
  job.in_background = args.boolean("background", false);
  if (args.boolean("stream", false)) wrong("stream", "This stand-in does not stream responses.");
  check_model(c.w, job.model);
  check_prompt(job.prompt);
  job.id = c.w.new_id("resp_", 48);
  const auto* tools = args.find("tools");
  job.tools = tools ? *tools : json::value(json::array{});
  if (tools) read_tool(c, job, *tools);
  if (const auto* previous = args.find("previous_response_id")) {
    const std::lock_guard lock(c.w.mutex);
    if (!previous->is_string() || !c.w.responses.contains(std::string(previous->as_string())))
      throw api_error{400, fmt::format("Previous response with id {} not found.", json::serialize(*previous)),
                      "invalid_request_error", "previous_response_id", "previous_response_not_found"};
    job.previous = *previous;
  }
  job.calls = std::clamp(directive(job.prompt, "calls").value_or(1), 0L, 10L);
  job.time.ends = outcome_of(job.prompt);
  job.time.duration_ms = directive(job.prompt, "ms").value_or(c.w.opts.image_ms);
  {
    const std::lock_guard lock(c.w.mutex);
    c.w.responses.emplace(job.id, job);
  }
  c.buy("response", job.id);
  if (job.in_background) return json_answer(to_json(job, "queued"));
  c.wait(millis(job.time.ends == outcome::never_ends ? 24 * 3600 * 1000 : job.time.duration_ms));
  return json_answer(to_json(job, status_of(job)));
}

answer cancel(call& c, const std::string& id) {
  if (!find(c.w, id).in_background)
    throw api_error{400,
                    "Cannot cancel a synchronous response: only those made with background=true can be cancelled."};
  response_job copy;
  {
    const std::lock_guard lock(c.w.mutex);
    const auto found = c.w.responses.find(id);
    if (found == c.w.responses.end()) throw api_error{404, fmt::format("Response with id '{}' not found.", id)};
    if (!found->second.time.over()) found->second.time.cancelled = true;
    copy = found->second;
  }
  return json_answer(to_json(copy, status_of(copy)));
}

} // namespace

route_result response_routes(call& c) {
  const auto path = segments(c.r.path);
  const auto& method = c.r.method;
  if (path.empty() || path[0] != "responses") return std::nullopt;
  if (path.size() == 1 && method == "POST") return create(c);
  if (path.size() == 3 && path[2] == "cancel" && method == "POST") return cancel(c, path[1]);
  if (path.size() != 2) return std::nullopt;
  if (method == "GET") {
    const auto job = find(c.w, path[1]);
    return json_answer(to_json(job, status_of(job)));
  }
  if (method == "DELETE") {
    find(c.w, path[1]);
    const std::lock_guard lock(c.w.mutex);
    c.w.responses.erase(path[1]);
    return json_answer({{"id", path[1]}, {"object", "response.deleted"}, {"deleted", true}});
  }
  return std::nullopt;
}

} // namespace fake
