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

detail::answered detail::look_at(const field_info& field, const value* found) noexcept {
  using enum answered;
  if (!found || found->is_null()) {
    if (found && field.kind == field_kind::any && !field.nullable) return final;
    return field.required || (found && field.kind == field_kind::any) ? other : absent;
  }
  const bool bounded = field.minimum || field.maximum;
  switch (field.kind) {
  case field_kind::any:
    return final;
  case field_kind::string:
    return found->is_string() && field.one_of.empty() && !field.min_length && !field.max_length ? final : other;
  case field_kind::boolean:
    return found->is_bool() ? final : other;
  case field_kind::integer:
    return found->is_int64() && !field.narrow && !bounded ? final : other;
  case field_kind::number:
    return (found->is_int64() || found->is_double()) && !bounded ? final : other;
  case field_kind::object:
    return found->is_object() ? final : other;
  default:
    return other;
  }
}

void detail::throw_no_object(const value& found) {
  throw error(errc::invalid_argument, "an object was expected, not " + std::string(type_name(found)));
}

} // namespace weir::json
