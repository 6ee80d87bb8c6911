#include "kitsu.hpp"

#include <algorithm>

namespace weir::app {

std::string text_of(const json::object& row, std::string_view name) {
  const json::value* v = json::find(row, name);
  if (!v) {
    const std::size_t dot = name.find('.');
    const json::value* above = dot == name.npos ? nullptr : json::find(row, name.substr(0, dot));
    const json::object* inner = above ? above->if_object() : nullptr;
    return inner ? text_of(*inner, name.substr(dot + 1)) : "";
  }
  if (v->is_null()) return {};
  if (v->is_string()) return std::string(std::string_view(v->get_string()));
  return json::serialize(*v);
}

json::object only_fields(const json::object& row, const std::vector<std::string>& fields) {
  if (fields.empty()) return row;
  json::object out;
  for (const std::string& name : fields) {
    const json::object* in = &row;
    std::string_view rest = name;
    const json::value* v = json::find(*in, rest);
    for (std::size_t dot; !v && (dot = rest.find('.')) != rest.npos;) {
      const json::value* above = json::find(*in, rest.substr(0, dot));
      if (!above || !above->is_object()) break;
      in = &above->get_object();
      rest.remove_prefix(dot + 1);
      v = json::find(*in, rest);
    }
    out[name] = v ? *v : json::value(nullptr);
  }
  return out;
}

std::vector<std::string> split_list(const std::vector<std::string>& given) {
  std::vector<std::string> out;
  for (const std::string& text : given)
    for (std::size_t from = 0; from <= text.size();) {
      const std::size_t comma = std::min(text.find(',', from), text.size());
      if (comma > from) out.push_back(text.substr(from, comma - from));
      from = comma + 1;
    }
  return out;
}

} // namespace weir::app
