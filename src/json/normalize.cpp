#include "json/utf8.hpp"

#include <weir/core/error.hpp>
#include <weir/json/field_info.hpp>
#include <weir/json/suggest.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

namespace weir::json {
namespace {

std::string number_text(double number) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, number).ptr};
}

std::string quoted_list(const std::vector<std::string>& items) {
  std::string out;
  for (const auto& item : items) out += (out.empty() ? "'" : ", '") + item + "'";
  return out;
}

/// Says which values are allowed: "between 1 and 20", "at least 1", "at most 20".
template <class Limit, class Text>
std::string limits(const std::optional<Limit>& lo, const std::optional<Limit>& hi, Text text) {
  if (lo && hi && *lo == *hi) return "exactly " + text(*lo);
  if (lo && hi) return "between " + text(*lo) + " and " + text(*hi);
  return lo ? "at least " + text(*lo) : "at most " + text(*hi);
}

class checker {
 public:
  object structure(const structure_info& info, const object& in, const std::string& prefix) {
    object out;
    report_unknown(info, in, prefix);
    for (const auto& field : info.fields) {
      const value* given = find(in, field.name);
      const std::string path = prefix + field.name;
      value unpacked;
      if (given && unpack(field, *given, unpacked)) given = &unpacked;
      if (given && field.nullable && given->is_null()) given = nullptr;
      if (!given) {
        if (field.required) problem("missing required argument '" + path + "'");
        continue;
      }
      out.emplace(field.name, checked(field, *given, path));
    }
    return out;
  }

  void finish() const {
    if (count_ == 0) return;
    std::string all;
    for (const auto& text : problems_) all += (all.empty() ? "" : "; ") + text;
    if (count_ > problems_.size()) all += "; and " + std::to_string(count_ - problems_.size()) + " more";
    throw error(errc::invalid_argument, all);
  }

 private:
  static constexpr std::size_t max_listed = 20;

  template <class Text>
  void problem(Text&& text) {
    if (++count_ <= max_listed) problems_.push_back(std::forward<Text>(text));
  }

  void report_unknown(const structure_info& info, const object& in, const std::string& prefix) {
    std::vector<std::string> names;
    for (const auto& field : info.fields) names.push_back(field.name);
    for (const auto& member : in) {
      const std::string_view key(member.key().data(), member.key().size());
      if (std::find(names.begin(), names.end(), key) != names.end()) continue;
      if (count_ < max_listed)
        problem("unknown argument '" + prefix + printable(key) + "'" + did_you_mean(key, names));
      else
        ++count_;
    }
  }

  /// Assistants send '{"a":1}' or 'null' as text where an object, a list or a number belongs. Such text is read as the
  /// JSON that it is; text that is JSON of a number, boolean or string stays text, and is refused later.
  static bool unpack(const field_info& field, const value& given, value& out) {
    if (field.kind == field_kind::string || field.kind == field_kind::any || !given.is_string()) return false;
    const auto& s = given.get_string();
    const std::string_view text(s.data(), s.size());
    const auto first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos || (text[first] != '{' && text[first] != '[' && text[first] != 'n'))
      return false;
    try {
      out = parse(text);
    } catch (const error&) {
      return false;
    }
    return true;
  }

  value checked(const field_info& field, const value& v, const std::string& path) {
    if (field.kind == field_kind::structure) {
      if (v.is_object()) return structure(*field.structure, v.get_object(), path + ".");
      return wrong(path, "an object", v);
    }
    if (!field.is_list()) return scalar(field, field.kind, v, path);
    if (!v.is_array()) return wrong(path, list_word(field.kind), v);
    const auto& in = v.get_array();
    const auto plain = [](std::size_t n) { return std::to_string(n); };
    if ((field.min_items && in.size() < *field.min_items) || (field.max_items && in.size() > *field.max_items))
      problem("'" + path + "' must have " + limits(field.min_items, field.max_items, plain) + " items, got " +
              std::to_string(in.size()));
    array out;
    out.reserve(in.size());
    for (std::size_t i = 0; i < in.size(); ++i) out.push_back(item(field, in[i], path, i));
    return out;
  }

  value item(const field_info& field, const value& v, const std::string& list, std::size_t index) {
    const std::string path = list + "[" + std::to_string(index) + "]";
    if (field.kind == field_kind::string_list) return scalar(field, field_kind::string, v, path);
    if (field.kind == field_kind::integer_list) return scalar(field, field_kind::integer, v, path);
    if (v.is_object()) return structure(*field.structure, v.get_object(), path + ".");
    return wrong(path, "an object", v);
  }

  value scalar(const field_info& field, field_kind kind, const value& v, const std::string& path) {
    switch (kind) {
    case field_kind::string:
      return v.is_string() ? text(field, v, path) : wrong(path, "a string", v);
    case field_kind::boolean:
      return v.is_bool() ? v : wrong(path, "true or false", v);
    case field_kind::integer: {
      const auto number = as_integer(v);
      if (!number && v.is_uint64()) return problem("'" + path + "' must fit 64 bits, got " + serialize(v)), nullptr;
      return number ? integer(field, *number, path) : wrong(path, "an integer", v);
    }
    case field_kind::number: {
      const auto number = as_number(v);
      if (!number || !std::isfinite(*number)) return wrong(path, "a number", v);
      check_range(field, *number, path, false);
      return v;
    }
    case field_kind::object:
      return v.is_object() ? v : wrong(path, "an object", v);
    default:
      return v;
    }
  }

  value text(const field_info& field, const value& v, const std::string& path) {
    const std::string_view s(v.get_string().data(), v.get_string().size());
    if (!field.one_of.empty() && std::find(field.one_of.begin(), field.one_of.end(), s) == field.one_of.end())
      problem("'" + path + "' must be one of " + quoted_list(field.one_of) + ", got '" + printable(s) + "'" +
              did_you_mean(s, field.one_of));
    if (field.min_length || field.max_length) {
      const std::size_t length = detail::count_code_points(s);
      if ((field.min_length && length < *field.min_length) || (field.max_length && length > *field.max_length))
        problem("'" + path + "' must be " +
                limits(field.min_length, field.max_length, [](std::size_t n) { return std::to_string(n); }) +
                " characters long, got " + std::to_string(length));
    }
    return v;
  }

  value integer(const field_info& field, std::int64_t number, const std::string& path) {
    const bool fits = !field.narrow || (number >= std::numeric_limits<std::int32_t>::min() &&
                                        number <= std::numeric_limits<std::int32_t>::max());
    check_range(field, static_cast<double>(number), path, !fits);
    return number;
  }

  void check_range(const field_info& field, double number, const std::string& path, bool too_wide) {
    if ((field.minimum && number < *field.minimum) || (field.maximum && number > *field.maximum))
      problem("'" + path + "' must be " + limits(field.minimum, field.maximum, number_text) + ", got " +
              number_text(number));
    else if (too_wide)
      problem("'" + path + "' must fit 32 bits, got " + number_text(number));
  }

  static std::string_view list_word(field_kind kind) {
    if (kind == field_kind::string_list) return "an array of strings";
    return kind == field_kind::integer_list ? "an array of integers" : "an array of objects";
  }

  value wrong(const std::string& path, std::string_view wanted, const value& got) {
    problem("'" + path + "' must be " + std::string(wanted) + ", got " + std::string(type_name(got)));
    return nullptr;
  }

  std::vector<std::string> problems_;
  std::size_t count_ = 0;
};

} // namespace

object normalize(const structure_info& structure, const object& in) {
  checker check;
  object out = check.structure(structure, in, {});
  check.finish();
  return out;
}

value value_from_text(const field_info& field, std::string_view text) {
  const auto refuse = [&](const std::string& wanted) -> error {
    return error(errc::invalid_argument, "--" + field.flag + " must be " + wanted + ", got '" + printable(text) + "'");
  };
  const auto as_string = [&] { return value(boost::json::string(text.data(), text.size())); };
  const auto as_json = [&](const std::string& wanted) {
    try {
      return parse(text);
    } catch (const error& e) {
      throw refuse(wanted + " (" + e.what() + ")");
    }
  };
  const bool bracket = !text.empty() && text.front() == '[';
  switch (field.kind) {
  case field_kind::string:
    return as_string();
  case field_kind::boolean:
    if (text != "true" && text != "false") throw refuse("true or false");
    return text == "true";
  case field_kind::integer:
  case field_kind::number:
    if (value v = as_json("a number"); v.is_number()) return v;
    throw refuse("a number");
  case field_kind::any:
    try {
      return parse(text);
    } catch (const error&) {
      return as_string();
    }
  case field_kind::object:
  case field_kind::structure:
    return as_json("a JSON object");
  case field_kind::string_list:
    return bracket ? as_json("a JSON array") : value(array{as_string()});
  case field_kind::integer_list:
  case field_kind::structure_list:
    return bracket ? as_json("a JSON array") : value(array{as_json("JSON")});
  }
  return nullptr;
}

} // namespace weir::json
