#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fake {

/// One part of a multipart/form-data body (RFC 7578). `data` points into the body.
struct part {
  std::string name;
  std::optional<std::string> filename, content_type;
  std::string_view data;
};

/// Returns the parts in their order, or nothing if `body` is not well formed for the boundary named in `content_type`.
std::optional<std::vector<part>> parse_multipart(std::string_view content_type, std::string_view body);

} // namespace fake
