#include <weir/json/value.hpp>

#include <cmath>
#include <limits>

namespace weir::json {

const value* find(const object& o, std::string_view key) noexcept { return o.if_contains({key.data(), key.size()}); }

std::optional<std::int64_t> as_integer(const value& v) noexcept {
  if (const auto* i = v.if_int64()) return *i;
  if (const auto* u = v.if_uint64(); u && *u <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    return static_cast<std::int64_t>(*u);
  constexpr double exact = 9007199254740992.0; // 2^53: above it neighbouring integers share a double
  if (const auto* d = v.if_double(); d && std::abs(*d) <= exact && std::trunc(*d) == *d)
    return static_cast<std::int64_t>(*d);
  return std::nullopt;
}

std::optional<double> as_number(const value& v) noexcept {
  if (const auto* d = v.if_double()) return *d;
  if (const auto* i = v.if_int64()) return static_cast<double>(*i);
  if (const auto* u = v.if_uint64()) return static_cast<double>(*u);
  return std::nullopt;
}

std::string string_or(const object& o, std::string_view key, std::string_view fallback) {
  const auto* v = find(o, key);
  const auto* s = v ? v->if_string() : nullptr;
  return s ? std::string(s->data(), s->size()) : std::string(fallback);
}

std::int64_t int_or(const object& o, std::string_view key, std::int64_t fallback) noexcept {
  const auto* v = find(o, key);
  return v ? as_integer(*v).value_or(fallback) : fallback;
}

double number_or(const object& o, std::string_view key, double fallback) noexcept {
  const auto* v = find(o, key);
  return v ? as_number(*v).value_or(fallback) : fallback;
}

bool bool_or(const object& o, std::string_view key, bool fallback) noexcept {
  const auto* v = find(o, key);
  const auto* b = v ? v->if_bool() : nullptr;
  return b ? *b : fallback;
}

std::string_view type_name(const value& v) noexcept {
  switch (v.kind()) {
  case boost::json::kind::null:
    return "null";
  case boost::json::kind::bool_:
    return "boolean";
  case boost::json::kind::int64:
  case boost::json::kind::uint64:
    return "integer";
  case boost::json::kind::double_:
    return "number";
  case boost::json::kind::string:
    return "string";
  case boost::json::kind::array:
    return "array";
  case boost::json::kind::object:
    return "object";
  }
  return "null";
}

} // namespace weir::json
