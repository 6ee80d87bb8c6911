#include <weir/core/error.hpp>
#include <weir/mcp/tool.hpp>

namespace weir::mcp {

namespace {

bool is_name_character(char c) noexcept {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

bool is_object_schema(const json::object& schema) { return json::string_or(schema, "type") == "object"; }

} // namespace

void check(const tool& t) {
  bool good = !t.name.empty() && t.name.size() <= 64;
  for (char c : t.name) good = good && is_name_character(c);
  if (!good)
    throw error(errc::invalid_argument, "tool name '" + t.name + "': use 1 to 64 letters, digits, '_', '-' or '.'");
  if (t.description.empty()) throw error(errc::invalid_argument, "tool " + t.name + " has no description");
  if (!is_object_schema(t.input_schema))
    throw error(errc::invalid_argument, "tool " + t.name + ": the input schema must have \"type\": \"object\"");
  if (!t.handler) throw error(errc::invalid_argument, "tool " + t.name + " has no handler");
}

json::object describe(const tool& t, version v) {
  json::object out{{"name", t.name}};
  if (v >= version::v2025_06_18 && !t.title.empty()) out.emplace("title", t.title);
  out.emplace("description", t.description);
  out.emplace("inputSchema", t.input_schema);
  if (t.output_schema && v >= version::v2025_06_18 && (is_modern(v) || is_object_schema(*t.output_schema)))
    out.emplace("outputSchema", *t.output_schema);
  if (v >= version::v2025_03_26) {
    json::object hints;
    if (!t.title.empty()) hints.emplace("title", t.title);
    hints.emplace("readOnlyHint", t.annotations.read_only);
    hints.emplace("destructiveHint", t.annotations.destructive);
    hints.emplace("idempotentHint", t.annotations.idempotent);
    hints.emplace("openWorldHint", t.annotations.open_world);
    out.emplace("annotations", std::move(hints));
  }
  if (v >= version::v2025_11_25 && !t.icons.empty()) out.emplace("icons", t.icons);
  if (v >= version::v2025_06_18 && !t.meta.empty()) out.emplace("_meta", t.meta);
  return out;
}

} // namespace weir::mcp
