#pragma once

#include <weir/core/task.hpp>
#include <weir/json/value.hpp>
#include <weir/mcp/call_context.hpp>
#include <weir/mcp/content.hpp>

#include <functional>
#include <optional>
#include <string>

namespace weir::mcp {

/// What a client may assume about a tool. All four are always written, since the protocol's own defaults are the
/// pessimistic ones below.
struct tool_annotations {
  bool read_only = false;  ///< changes nothing
  bool destructive = true; ///< may overwrite or delete
  bool idempotent = false; ///< the same call twice does no more than once
  bool open_world = true;  ///< talks to the world outside
};

/// Runs one call. `arguments` is {} where the caller sent none.
/// Returns: the result; where the call failed in a way that the model can repair, a result marked as error.
/// Fails: a weir::error becomes a result marked as error with its text; any other std::exception a result with a
/// general text (details go to the server's log); an rpc_error becomes a JSON-RPC error.
/// Cancellation: the task is cancelled when the client cancels; no answer is sent then.
using tool_handler = std::function<task<tool_result>(call_context&, json::object arguments)>;

/// Something that a model can call.
struct tool {
  std::string name; ///< 1 to 64 of A-Z a-z 0-9 _ - . (clients put a prefix before it; some refuse over 128 in all)
  std::string title;
  std::string description;
  json::object input_schema;                 ///< JSON Schema 2020-12 with "type": "object"
  std::optional<json::object> output_schema; ///< sent from 2025-06-18; before 2026-07-28 only where its type is object
  tool_annotations annotations;
  tool_handler handler;
  json::object meta = {};   ///< `_meta`, sent from 2025-06-18
  json::array icons = {};   ///< sent from 2025-11-25
  bool asks_client = false; ///< the handler may call call_context::ask
};

/// Returns the entry of `t` in tools/list for a client of revision `v`.
json::object describe(const tool& t, version v);

/// Checks the name, the description, the schema and the handler of `t`.
/// Fails: errc::invalid_argument with what is wrong.
void check(const tool& t);

} // namespace weir::mcp
