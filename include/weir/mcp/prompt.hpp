#pragma once

#include <weir/core/task.hpp>
#include <weir/json/value.hpp>
#include <weir/mcp/call_context.hpp>
#include <weir/mcp/completion.hpp>
#include <weir/mcp/content.hpp>

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace weir::mcp {

struct prompt_argument {
  std::string name;
  std::string description = {};
  bool required = false;
  std::string title = {};
};

enum class role { user, assistant };

struct prompt_message {
  role from = role::user;
  mcp::content content;
};

struct prompt_result {
  std::string description;
  std::vector<prompt_message> messages;
};

/// A recipe that a person picks from a menu.
struct prompt {
  std::string name;
  std::string title;
  std::string description;
  std::vector<prompt_argument> arguments;
  /// Required arguments are there: the server has checked.
  std::function<task<prompt_result>(call_context&, std::map<std::string, std::string> arguments)> get;
  completer complete = {}; ///< may be empty
};

/// Returns the entry of `p` in prompts/list for a client of revision `v`.
json::object describe(const prompt& p, version v);

/// Returns the answer of prompts/get.
json::object to_json(const prompt_result& result, version v);

} // namespace weir::mcp
