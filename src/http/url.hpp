#pragma once

#include <string>

namespace weir::http::detail {

/// The parts of a URL that decide where a request goes.
struct parsed_url {
  std::string origin; // "https://host:port", the port always there
  bool secure = false;
  bool is_address = false; // the host is no name
};

/// Fails: weir::error(invalid_argument) unless `url` is a complete http or https URL.
parsed_url parse_url(const std::string& url);

/// Returns: where `location` leads from `base`; user name and password are kept only on the same origin.
/// Fails: weir::error(remote) if it is no http or https URL.
std::string resolve_location(const std::string& base, const std::string& location);

/// Returns: `url` without user name and password.
std::string without_user(const std::string& url);

} // namespace weir::http::detail
