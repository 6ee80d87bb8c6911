#pragma once

#include <weir/core/task.hpp>

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace weir::mcp {

/// A half-typed argument of a prompt or of a resource template.
struct completion_request {
  std::string argument;
  std::string value;
  std::map<std::string, std::string> others; ///< arguments that are already filled in
};

/// Returns everything that `request.value` could become, best first. The server sends the first hundred, which is the
/// protocol's limit, and says how many there were.
using completer = std::function<task<std::vector<std::string>>(completion_request request)>;

} // namespace weir::mcp
