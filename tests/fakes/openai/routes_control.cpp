#include "world.hpp"

#include <fmt/format.h>

#include <charconv>

namespace fake {
namespace {

namespace json = boost::json;

// Adds the SHA-256 of everything that was delivered: made here and not at the delivery, which must not wait for it.
answer read_journal(world& w) {
  auto all = w.log.entries();
  for (auto& entry : all["requests"].as_array()) {
    auto* content = entry.as_object().if_contains("content");
    if (!content) continue;
    auto& o = content->as_object();
    o["sha256"] = w.contents.sha256(std::string(o["id"].as_string()), std::string(o["variant"].as_string()),
                                    o["bytes"].to_number<std::uint64_t>());
  }
  return json_answer(all);
}

answer change_faults(call& c) {
  boost::system::error_code failed;
  const auto v = json::parse(c.r.body, failed);
  if (failed) throw api_error{400, "the faults are no JSON"};
  try {
    c.w.faults.set(v);
  } catch (const std::invalid_argument& e) {
    throw api_error{400, e.what()};
  }
  return json_answer({{"faults", c.w.faults.describe()}});
}

answer blob(call& c, const std::string& id) {
  std::uint64_t bytes = c.w.opts.video_bytes;
  if (const auto text = c.r.parameter("bytes"))
    if (std::from_chars(text->data(), text->data() + text->size(), bytes).ptr != text->data() + text->size())
      throw api_error{400, "bytes is no number"};
  const std::string variant(c.r.parameter("variant").value_or("video"));
  c.note["content"] = {{"id", id}, {"variant", variant}, {"bytes", bytes}};
  return content_answer(c, c.w.contents.make(id, variant, bytes));
}

answer checksum(call& c, const std::string& id) {
  std::uint64_t bytes = c.w.opts.video_bytes;
  {
    const std::lock_guard lock(c.w.mutex);
    if (const auto found = c.w.videos.find(id); found != c.w.videos.end()) bytes = found->second.bytes;
  }
  const std::string variant(c.r.parameter("variant").value_or("video"));
  return json_answer({{"id", id},
                      {"variant", variant},
                      {"bytes", c.w.contents.make(id, variant, bytes).size},
                      {"sha256", c.w.contents.sha256(id, variant, bytes)}});
}

} // namespace

route_result control_routes(call& c) {
  const auto& path = c.r.path;
  const auto& method = c.r.method;
  if (method == "GET" && path == "/_fake/journal") return read_journal(c.w);
  if (method == "GET" && path == "/_fake/bought") return json_answer(c.w.log.purchases());
  if (method == "GET" && path == "/_fake/faults") return json_answer({{"faults", c.w.faults.describe()}});
  if (method == "POST" && path == "/_fake/faults") return change_faults(c);
  if (method == "POST" && path == "/_fake/reset") {
    c.w.reset();
    return json_answer({{"reset", true}});
  }
  const auto parts = segments(path);
  if (method == "GET" && parts.size() == 2 && parts[0] == "blob") return blob(c, parts[1]);
  if (method == "GET" && parts.size() == 2 && parts[0] == "sha256") return checksum(c, parts[1]);
  return std::nullopt;
}

} // namespace fake
