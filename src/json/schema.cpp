#include <weir/json/field_info.hpp>

#include <algorithm>
#include <cmath>

namespace weir::json {
namespace {

array strings(const std::vector<std::string>& items) {
  array out;
  for (const auto& item : items) out.emplace_back(boost::json::string(item.data(), item.size()));
  return out;
}

/// Returns "Input Filename" for "input_filename".
std::string title_of(std::string_view name) {
  std::string out;
  bool start = true;
  for (const char c : name) {
    if (c == '_')
      out += ' ';
    else
      out += start && c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c;
    start = c == '_';
  }
  return out;
}

value bound(const field_info& field, double limit) {
  const bool integral = field.kind == field_kind::integer || field.kind == field_kind::integer_list;
  if (integral && std::abs(limit) <= 9007199254740992.0) return value(static_cast<std::int64_t>(limit));
  return value(limit);
}

/// Returns the schema of a single string, number or struct: of the field itself, or of each of its items.
object scalar_schema(const field_info& field) {
  object out;
  switch (field.kind) {
  case field_kind::string:
  case field_kind::string_list:
    out["type"] = "string";
    break;
  case field_kind::boolean:
    out["type"] = "boolean";
    break;
  case field_kind::integer:
  case field_kind::integer_list:
    out["type"] = "integer";
    break;
  case field_kind::number:
    out["type"] = "number";
    break;
  case field_kind::object:
    out["type"] = "object";
    out["additionalProperties"] = true;
    break;
  case field_kind::any:
    break;
  case field_kind::structure:
  case field_kind::structure_list:
    return schema(*field.structure, {});
  }
  if (!field.one_of.empty()) out["enum"] = strings(field.one_of);
  if (field.minimum) out["minimum"] = bound(field, *field.minimum);
  if (field.maximum) out["maximum"] = bound(field, *field.maximum);
  if (field.min_length) out["minLength"] = *field.min_length;
  if (field.max_length) out["maxLength"] = *field.max_length;
  return out;
}

object type_schema(const field_info& field) {
  object one = scalar_schema(field);
  if (!field.is_list()) return one;
  object out;
  out["type"] = "array";
  out["items"] = std::move(one);
  if (field.min_items) out["minItems"] = *field.min_items;
  if (field.max_items) out["maxItems"] = *field.max_items;
  return out;
}

object property(const field_info& field) {
  object out;
  object type = type_schema(field);
  const bool any = field.kind == field_kind::any;
  if (field.nullable && !any) {
    array choices;
    choices.emplace_back(std::move(type));
    choices.emplace_back(object{{"type", "null"}});
    out["anyOf"] = std::move(choices);
  } else {
    out = std::move(type);
  }
  out["title"] = title_of(field.name);
  if (!field.doc.empty()) out["description"] = field.doc;
  if (!field.known.empty()) out["examples"] = strings(field.known);
  if (field.default_value && !field.required) out["default"] = *field.default_value;
  return out;
}

} // namespace

object schema(const structure_info& structure, std::string_view title) {
  object properties;
  array required;
  for (const auto& field : structure.fields) {
    properties[field.name] = property(field);
    if (field.required) required.emplace_back(boost::json::string(field.name));
  }
  object out;
  out["type"] = "object";
  if (!title.empty()) out["title"] = boost::json::string(title.data(), title.size());
  if (!structure.doc.empty()) out["description"] = structure.doc;
  out["properties"] = std::move(properties);
  if (!required.empty()) out["required"] = std::move(required);
  out["additionalProperties"] = false;
  return out;
}

} // namespace weir::json
