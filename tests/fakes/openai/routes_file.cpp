#include "world.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace fake {
namespace {

namespace json = boost::json;

json::object to_json(const stored_file& f) {
  return {{"id", f.id},
          {"object", "file"},
          {"bytes", f.bytes},
          {"created_at", f.created_at},
          {"expires_at", nullptr},
          {"filename", f.filename},
          {"purpose", f.purpose},
          {"status", "processed"},
          {"status_details", nullptr}};
}

[[noreturn]] void no_such_file(const std::string& id) {
  throw api_error{404, fmt::format("No such File object: {}", id), "invalid_request_error", "id", {}};
}

answer upload(call& c) {
  const arguments args(c.r);
  const auto files = args.files("file");
  if (files.size() != 1)
    throw api_error{400, "Missing required parameter: 'file'.", "invalid_request_error", "file",
                    "missing_required_parameter"};
  args.required_text("purpose", 100);
  stored_file f;
  f.purpose = args.one_of("purpose", "", {"assistants", "batch", "fine-tune", "vision", "user_data", "evals"});
  f.id = c.w.new_id("file-", 24);
  f.filename = *files[0].filename;
  f.bytes = files[0].data.size();
  f.created_at = timeline{}.created_at;
  f.picture = inspect_picture(files[0].data);
  if (f.purpose == "vision" && !f.picture)
    throw api_error{400, "Invalid file format for purpose 'vision': a picture is expected.", "invalid_request_error",
                    "file", "invalid_image_format"};
  c.note["file"] = f.id;
  const std::lock_guard lock(c.w.mutex);
  f.order = ++c.w.orders;
  c.w.files.emplace(f.id, f);
  return json_answer(to_json(f));
}

answer list_files(call& c) {
  std::vector<stored_file> all;
  {
    const std::lock_guard lock(c.w.mutex);
    for (const auto& [id, f] : c.w.files) all.push_back(f);
  }
  std::ranges::sort(all, std::ranges::greater{}, &stored_file::order);
  json::array data;
  for (const auto& f : all) data.push_back(to_json(f));
  return json_answer({{"object", "list"}, {"data", std::move(data)}, {"has_more", false}});
}

answer one_file(call& c, const std::string& id) {
  const std::lock_guard lock(c.w.mutex);
  const auto found = c.w.files.find(id);
  if (found == c.w.files.end()) no_such_file(id);
  if (c.r.method == "GET") return json_answer(to_json(found->second));
  c.w.files.erase(found);
  return json_answer({{"id", id}, {"object", "file"}, {"deleted", true}});
}

json::object model_json(const std::string& name) {
  return {{"id", name},
          {"object", "model"},
          {"created", 1758000000},
          {"owned_by", "weir-fake-openai"},
          {"shutdown_date", nullptr}};
}

answer models(call& c, const std::vector<std::string>& path) {
  auto names = c.w.opts.models;
  if (names.empty()) names = {"sora-2", "sora-2-pro", "gpt-image-2", "gpt-5.2"};
  if (path.size() == 2) {
    check_model(c.w, path[1]);
    return json_answer(model_json(path[1]));
  }
  json::array data;
  for (const auto& name : names) data.push_back(model_json(name));
  return json_answer({{"object", "list"}, {"data", std::move(data)}});
}

} // namespace

route_result file_routes(call& c) {
  const auto path = segments(c.r.path);
  const auto& method = c.r.method;
  if (path.empty() || path.size() > 2) return std::nullopt;
  if (path[0] == "models" && method == "GET") return models(c, path);
  if (path[0] != "files") return std::nullopt;
  if (path.size() == 1 && method == "POST") return upload(c);
  if (path.size() == 1 && method == "GET") return list_files(c);
  if (path.size() == 2 && (method == "GET" || method == "DELETE")) return one_file(c, path[1]);
  return std::nullopt;
}

} // namespace fake
