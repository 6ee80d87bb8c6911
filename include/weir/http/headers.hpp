#pragma once

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::http {

/// True if `a` and `b` are the same ASCII text but for case. Bytes over 127 must be equal.
bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept;

/// True if `name` is an HTTP token (RFC 9110 5.6.2): not empty, no space, colon, control or non-ASCII byte.
bool is_valid_header_name(std::string_view name) noexcept;

/// True if `value` may stand in a header line (RFC 9110 5.5): no CR, LF, NUL or other control byte but the tab.
bool is_valid_header_value(std::string_view value) noexcept;

/// The header fields of a request or response, in order; a name may occur more than once and is found in any case.
///
/// Nothing that could end a header line early gets in: `add` and `set` check both parts, so a value that came from
/// outside cannot inject a second header or a second request.
///
/// Thread-safety: as a standard container. Cost: a vector; look-up is linear, which is the fast way for the twenty or
/// so fields of a real message.
class headers {
 public:
  /// One line. `name` keeps the case it was given in; `value` has no space or tab at its ends.
  struct field {
    std::string name;
    std::string value;
    bool operator==(const field&) const = default;
  };
  using const_iterator = std::vector<field>::const_iterator;

  headers() = default;

  /// Fails: weir::error(invalid_argument) as `add`.
  headers(std::initializer_list<field> fields);

  /// Returns: the value of the first field called `name`; it lives until this object is changed.
  std::optional<std::string_view> get(std::string_view name) const noexcept;

  /// Returns: the values of every field called `name`, in order; they live until this object is changed.
  std::vector<std::string_view> all(std::string_view name) const;

  bool contains(std::string_view name) const noexcept { return get(name).has_value(); }

  /// True if a field called `name` holds `token` as a member of its comma-separated list, in any case:
  /// `has_token("Connection", "close")`.
  bool has_token(std::string_view name, std::string_view token) const noexcept;

  /// How many fields are called `name`.
  std::size_t count(std::string_view name) const noexcept;

  /// Puts a field at the end, beside others of the same name. Spaces and tabs around `value` are dropped.
  /// Fails: weir::error(invalid_argument) if the name is no token or the value holds a control byte; the text names
  /// the field but never shows its value, which may be a secret.
  void add(std::string_view name, std::string_view value);

  /// Makes `value` the only one called `name`: in the place of the first, or at the end. Fails as `add`.
  void set(std::string_view name, std::string_view value);

  /// Returns: how many fields called `name` there were.
  std::size_t remove(std::string_view name);

  void clear() noexcept { fields_.clear(); }
  void reserve(std::size_t count) { fields_.reserve(count); }
  std::size_t size() const noexcept { return fields_.size(); }
  bool empty() const noexcept { return fields_.empty(); }
  const_iterator begin() const noexcept { return fields_.begin(); }
  const_iterator end() const noexcept { return fields_.end(); }

  bool operator==(const headers&) const = default;

 private:
  std::vector<field> fields_;
};

} // namespace weir::http
