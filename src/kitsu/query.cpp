#include <weir/core/error.hpp>
#include <weir/http/percent.hpp>
#include <weir/json/value.hpp>
#include <weir/kitsu/query.hpp>

#include <cmath>
#include <cstdio>

namespace weir::kitsu {

std::string date(std::chrono::year_month_day day) {
  char text[32];
  std::snprintf(text, sizeof text, "%04d-%02u-%02u", static_cast<int>(day.year()), static_cast<unsigned>(day.month()),
                static_cast<unsigned>(day.day()));
  return text;
}

std::string timestamp(std::chrono::sys_seconds when) {
  const auto day = std::chrono::floor<std::chrono::days>(when);
  const std::chrono::hh_mm_ss time(when - day);
  char text[32];
  std::snprintf(text, sizeof text, "T%02d:%02d:%02d", static_cast<int>(time.hours().count()),
                static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()));
  return date(std::chrono::year_month_day(day)) + text;
}

std::string query_value::text() const {
  struct writer {
    std::string operator()(std::monostate) const { return {}; }
    std::string operator()(bool v) const { return v ? "true" : "false"; }
    std::string operator()(std::int64_t v) const { return std::to_string(v); }
    std::string operator()(double v) const {
      if (!std::isfinite(v)) throw error(errc::invalid_argument, "a parameter is no finite number");
      return json::serialize(json::value(v));
    }
    std::string operator()(const std::string& v) const { return v; }
    std::string operator()(const list& v) const {
      json::array items;
      for (const std::string& item : v) items.emplace_back(item);
      return json::serialize(json::value(std::move(items)));
    }
  };
  return std::visit(writer{}, value_);
}

query& query::set(std::string_view name, query_value value) {
  std::erase_if(parameters_, [&](const parameter& p) { return p.name == name; });
  return add(name, std::move(value));
}

query& query::add(std::string_view name, query_value value) {
  parameters_.push_back({std::string(name), std::move(value)});
  return *this;
}

const query_value* query::find(std::string_view name) const noexcept {
  for (const parameter& p : parameters_)
    if (p.name == name && !p.value.is_null()) return &p.value;
  return nullptr;
}

std::string query::encoded() const {
  std::string text;
  for (const parameter& p : parameters_) {
    if (p.value.is_null()) continue;
    if (p.name.empty()) throw error(errc::invalid_argument, "a parameter of the query has no name");
    if (!text.empty()) text += '&';
    text += http::percent_encoded(p.name) + "=" + http::percent_encoded(p.value.text());
  }
  return text;
}

} // namespace weir::kitsu
