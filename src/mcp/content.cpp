#include <weir/mcp/content.hpp>

#include <string>
#include <utility>

namespace weir::mcp {

namespace {

void put(json::object& out, std::string_view key, const std::string& value) {
  if (!value.empty()) out.emplace(key, value);
}

void put_notes(json::object& out, const annotations& notes, version v) {
  json::object object;
  if (notes.for_whom != audience::everyone)
    object.emplace("audience", json::array{notes.for_whom == audience::user ? "user" : "assistant"});
  if (notes.priority) object.emplace("priority", *notes.priority);
  if (v >= version::v2025_06_18) put(object, "lastModified", notes.last_modified);
  if (!object.empty()) out.emplace("annotations", std::move(object));
}

json::object text_block(std::string_view text, const annotations& notes, version v) {
  json::object out{{"type", "text"}, {"text", text}};
  put_notes(out, notes, v);
  return out;
}

json::object data_block(std::string_view type, const std::string& base64, const std::string& mime_type,
                        const annotations& notes, version v) {
  json::object out{{"type", type}, {"data", base64}, {"mimeType", mime_type}};
  put_notes(out, notes, v);
  return out;
}

struct writer {
  version v;

  json::object operator()(const text_content& piece) const { return text_block(piece.text, piece.notes, v); }

  json::object operator()(const image_content& piece) const {
    return data_block("image", piece.base64, piece.mime_type, piece.notes, v);
  }

  json::object operator()(const audio_content& piece) const {
    if (v >= version::v2025_03_26) return data_block("audio", piece.base64, piece.mime_type, piece.notes, v);
    return text_block("[" + piece.mime_type + ", " + std::to_string(piece.base64.size() / 4 * 3) +
                          " bytes: protocol 2024-11-05 has no audio; use a newer client to hear it]",
                      piece.notes, v);
  }

  json::object operator()(const resource_link& piece) const {
    if (v < version::v2025_06_18) return text_block(line(piece), piece.notes, v);
    json::object out{{"type", "resource_link"}, {"uri", piece.uri}, {"name", piece.name}};
    put(out, "title", piece.title);
    put(out, "description", piece.description);
    put(out, "mimeType", piece.mime_type);
    if (piece.size_bytes) out.emplace("size", *piece.size_bytes);
    put_notes(out, piece.notes, v);
    return out;
  }

  json::object operator()(const embedded_resource& piece) const {
    json::object resource{{"uri", piece.resource.uri}};
    put(resource, "mimeType", piece.resource.mime_type);
    resource.emplace(piece.resource.is_base64 ? "blob" : "text", piece.resource.body);
    json::object out{{"type", "resource"}, {"resource", std::move(resource)}};
    put_notes(out, piece.notes, v);
    return out;
  }

  static std::string line(const resource_link& piece) {
    std::string text = piece.name + ": " + piece.uri;
    std::string facts = piece.mime_type;
    if (piece.size_bytes) facts += (facts.empty() ? "" : ", ") + std::to_string(*piece.size_bytes) + " bytes";
    if (!facts.empty()) text += " (" + facts + ")";
    if (!piece.description.empty()) text += " - " + piece.description;
    return text;
  }
};

} // namespace

json::object to_json(const content& piece, version v) { return std::visit(writer{v}, piece); }

tool_result tool_result::text(std::string text) {
  tool_result result;
  result.content.emplace_back(text_content{std::move(text)});
  return result;
}

tool_result tool_result::error(std::string text) {
  tool_result result = tool_result::text(std::move(text));
  result.is_error = true;
  return result;
}

tool_result tool_result::data(json::value value) {
  tool_result result = tool_result::text(json::serialize(value));
  result.structured = std::move(value);
  return result;
}

} // namespace weir::mcp
