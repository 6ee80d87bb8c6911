#pragma once

#include <weir/http/errors.hpp>
#include <weir/http/headers.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace weir::providers::openai {

/// What a request is for: the texts of its errors, and what a failure of it means.
struct purpose {
  std::string doing; ///< "create the video": stands behind "could not"
  bool buys = false; ///< whether carrying it out may cost money
};

/// Puts failures of the wire into the words and codes of provider.hpp. Knows the secrets, so that none gets into a
/// text.
class failures {
 public:
  failures() = default;
  explicit failures(std::vector<std::string> secrets);

  /// The server answered with another status than success.
  [[noreturn]] void refused(const purpose& why, int status, const http::headers& headers, std::string_view body) const;

  /// No complete answer came.
  [[noreturn]] void broke(const purpose& why, const http::transport_error& failure) const;

  /// The client gave up at an answer: the wait that it asks for is too long, or its redirect leads nowhere.
  [[noreturn]] void gave_up(const purpose& why, const http::status_error& failure) const;

  /// The answer says success, but cannot be used.
  [[noreturn]] void unusable(const purpose& why, std::string_view fault) const;

  /// What was bought has come, and could not be written.
  [[noreturn]] void not_saved(const purpose& why, std::string_view fault) const;

  /// Returns `text` fit to be shown: secrets out, control characters escaped, at most 500 characters.
  std::string shown(std::string_view text) const;

 private:
  std::string message_in(std::string_view body, const http::headers& headers) const;

  std::vector<std::string> secrets_;
};

} // namespace weir::providers::openai
