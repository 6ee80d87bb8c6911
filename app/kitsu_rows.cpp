#include "kitsu.hpp"

#include <algorithm>

namespace weir::app {

const json::value* member_at(const json::object& row, std::string_view name) {
  if (const json::value* v = json::find(row, name)) return v;
  const std::size_t dot = name.find('.');
  const json::value* above = dot == name.npos ? nullptr : json::find(row, name.substr(0, dot));
  const json::object* inner = above ? above->if_object() : nullptr;
  return inner ? member_at(*inner, name.substr(dot + 1)) : nullptr;
}

std::string text_of(const json::object& row, std::string_view name) {
  const json::value* v = member_at(row, name);
  if (!v || v->is_null()) return {};
  if (v->is_string()) return std::string(std::string_view(v->get_string()));
  return json::serialize(*v);
}

json::object only_fields(const json::object& row, const std::vector<std::string>& fields) {
  if (fields.empty()) return row;
  json::object out;
  for (const std::string& name : fields) {
    const json::value* v = member_at(row, name);
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
