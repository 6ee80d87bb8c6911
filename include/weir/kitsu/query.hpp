#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace weir::kitsu {

/// A point in time as a Kitsu server reads and writes it: UTC, whole seconds, no offset: "2026-01-02T03:04:05".
std::string timestamp(std::chrono::sys_seconds when);
/// A date as a Kitsu server reads and writes it: "2026-01-02".
std::string date(std::chrono::year_month_day day);

/// The value of one parameter of a query, and how the server parses it: true and false in lower case, a list as a JSON
/// array in one parameter, nothing at all for nullptr.
class query_value {
 public:
  using list = std::vector<std::string>;

  query_value(std::nullptr_t = nullptr) noexcept {}
  template <std::same_as<bool> Bool>
  query_value(Bool value) noexcept : value_(value) {}
  template <std::integral Number>
    requires(!std::same_as<Number, bool> && !std::same_as<Number, char>)
  query_value(Number value) noexcept : value_(static_cast<std::int64_t>(value)) {}
  query_value(double value) noexcept : value_(value) {}
  query_value(const char* text) : value_(std::string(text)) {}
  query_value(std::string_view text) : value_(std::string(text)) {}
  query_value(std::string text) noexcept : value_(std::move(text)) {}
  query_value(list texts) noexcept : value_(std::move(texts)) {}
  query_value(std::initializer_list<std::string> texts) : value_(list(texts)) {}
  query_value(std::chrono::sys_seconds when) : value_(timestamp(when)) {}
  query_value(std::chrono::year_month_day day) : value_(date(day)) {}

  bool is_null() const noexcept { return std::holds_alternative<std::monostate>(value_); }
  const list* as_list() const noexcept { return std::get_if<list>(&value_); }
  const std::string* as_text() const noexcept { return std::get_if<std::string>(&value_); }
  /// As the server parses it, not percent-encoded. Fails: weir::error(invalid_argument) for NaN and infinity.
  std::string text() const;

 private:
  std::variant<std::monostate, bool, std::int64_t, double, std::string, list> value_;
};

/// The parameters of a request, in order.
///
///     co_await client.fetch_all("tasks", {{"project_id", id}, {"task_status_id", {wip, retake}}});
///
/// Thread-safety: as a standard container.
class query {
 public:
  struct parameter {
    std::string name;
    query_value value;
  };

  query() = default;
  query(std::initializer_list<parameter> parameters) : parameters_(parameters) {}

  /// Makes `value` the only one called `name`; nullptr leaves it out.
  query& set(std::string_view name, query_value value);
  /// Adds one beside those of the same name (the events routes take repeated names).
  query& add(std::string_view name, query_value value);

  const query_value* find(std::string_view name) const noexcept;
  const std::vector<parameter>& parameters() const noexcept { return parameters_; }
  bool empty() const noexcept { return parameters_.empty(); }

  /// Percent-encoded: "a=1&b=%5B%22x%22%5D"; every byte but letters, digits and "-._~" is encoded.
  std::string encoded() const;

 private:
  std::vector<parameter> parameters_;
};

/// Where a call goes, below the API's root.
///
///     "data/task-types"                            // plain text: "/" separates, leading and trailing ones are dropped
///     kitsu::path("data/shots", shot_id, "tasks")  // each further argument is one segment, whatever it contains
///
/// Every segment is percent-encoded, so that an id or a file name with "/", "?", "#" or "%" stays one segment.
/// Fails (at construction): weir::error(invalid_argument) for an empty segment, "." and "..", control bytes, and in
/// plain text for "?" and "#" (parameters are a `query`), braces (a placeholder that nobody filled in) and a whole URL.
class path {
 public:
  path(const char* text) : path(std::string_view(text)) {}
  path(const std::string& text) : path(std::string_view(text)) {}
  path(std::string_view text);
  template <std::convertible_to<std::string_view>... Segments>
    requires(sizeof...(Segments) > 0)
  path(std::string_view text, const Segments&... segments) : path(text) {
    (append(std::string_view(segments)), ...);
  }

  /// Adds one segment.
  path& append(std::string_view segment);
  /// Adds what another path is.
  path& join(const path& below) {
    if (!below.text_.empty()) text_ += (text_.empty() ? "" : "/") + below.text_;
    return *this;
  }

  /// Percent-encoded, without "/" at its ends.
  const std::string& text() const noexcept { return text_; }

 private:
  std::string text_;
};

} // namespace weir::kitsu
