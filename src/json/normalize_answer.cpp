#include <weir/core/error.hpp>
#include <weir/json/description.hpp>

namespace weir::json {
namespace {

object named_part(const structure_info& structure, const object& in);

value named_part(const field_info& field, const value& in) {
  if (field.kind == field_kind::structure && in.is_object()) return named_part(*field.structure, in.get_object());
  if (field.kind != field_kind::structure_list || !in.is_array()) return in;
  array out;
  out.reserve(in.get_array().size());
  for (const value& item : in.get_array())
    out.push_back(item.is_object() ? value(named_part(*field.structure, item.get_object())) : item);
  return out;
}

object named_part(const structure_info& structure, const object& in) {
  object out;
  for (const field_info& field : structure.fields) {
    const value* v = find(in, field.name);
    if (!v || (v->is_null() && !field.required && field.kind != field_kind::any)) continue;
    out.emplace(field.name, named_part(field, *v));
  }
  return out;
}

} // namespace

object normalize_answer(const structure_info& structure, const object& in) {
  return normalize(structure, named_part(structure, in));
}

void detail::throw_no_object(const value& found) {
  throw error(errc::invalid_argument, "an object was expected, not " + std::string(type_name(found)));
}

} // namespace weir::json
