#pragma once

#include "answer.hpp"
#include "multipart.hpp"

#include <boost/json.hpp>

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fake {

/// The fields of a JSON or multipart request behind one face, with the checks of the real service.
class arguments {
 public:
  /// Throws api_error when the body is neither. Part data points into `r.body`.
  explicit arguments(const request& r);

  bool multipart() const { return multipart_; }
  /// The value of a field; a text for multipart. Null counts as absent.
  const boost::json::value* find(std::string_view name) const;
  /// The files named `name` or `name[]`, in their order.
  std::vector<part> files(std::string_view name) const;

  /// Throws api_error where the field is missing, no text, or its length in characters is out of bounds.
  std::string required_text(std::string_view name, std::size_t max_characters) const;
  std::string text(std::string_view name, std::string_view otherwise) const;
  /// A text out of a closed list, unless the list is empty.
  std::string one_of(std::string_view name, std::string_view otherwise,
                     std::initializer_list<std::string_view> known) const;
  long integer(std::string_view name, long otherwise, long least, long most) const;
  bool boolean(std::string_view name, bool otherwise) const;
  /// Throws api_error for a field that is not in `known`.
  void allow_only(std::initializer_list<std::string_view> known) const;

  /// For the journal: the fields in their order with their sizes; for JSON its keys.
  boost::json::object describe() const;
  /// The same for the same arguments, whatever multipart boundary was used.
  std::string fingerprint() const;

 private:
  bool multipart_ = false;
  std::vector<part> parts_;
  boost::json::object values_;
};

/// Returns the number in `[name=123]` inside a prompt.
std::optional<long> directive(std::string_view prompt, std::string_view name);

} // namespace fake
