#include <weir/mcp/resource.hpp>

#include <string_view>
#include <utility>

namespace weir::mcp {

namespace {

void put(json::object& out, std::string_view key, const std::string& value) {
  if (!value.empty()) out.emplace(key, value);
}

/// Reuses what a text block writes, so that hints look the same everywhere.
void put_notes(json::object& out, const annotations& notes, version v) {
  json::object block = to_json(content(text_content{{}, notes}), v);
  if (json::value* found = block.if_contains("annotations")) out.emplace("annotations", std::move(*found));
}

} // namespace

json::object describe(const resource& r, version v) {
  json::object out{{"uri", r.uri}, {"name", r.name}};
  if (v >= version::v2025_06_18) put(out, "title", r.title);
  put(out, "description", r.description);
  put(out, "mimeType", r.mime_type);
  if (r.size_bytes) out.emplace("size", *r.size_bytes);
  put_notes(out, r.notes, v);
  if (v >= version::v2025_06_18 && !r.meta.empty()) out.emplace("_meta", r.meta);
  return out;
}

json::object describe(const resource_template& t, version v) {
  json::object out{{"uriTemplate", t.uri_template}, {"name", t.name}};
  if (v >= version::v2025_06_18) put(out, "title", t.title);
  put(out, "description", t.description);
  put(out, "mimeType", t.mime_type);
  put_notes(out, t.notes, v);
  return out;
}

json::object to_json(const resource_contents& contents) {
  json::object out{{"uri", contents.uri}};
  put(out, "mimeType", contents.mime_type);
  out.emplace(contents.is_base64 ? "blob" : "text", contents.body);
  if (!contents.meta.empty()) out.emplace("_meta", contents.meta);
  return out;
}

} // namespace weir::mcp
