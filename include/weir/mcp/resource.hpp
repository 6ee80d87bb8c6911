#pragma once

#include <weir/core/task.hpp>
#include <weir/json/value.hpp>
#include <weir/mcp/call_context.hpp>
#include <weir/mcp/completion.hpp>
#include <weir/mcp/content.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace weir::mcp {

/// How long, and for whom, a client may keep an answer (`ttlMs` and `cacheScope`, from 2026-07-28).
struct cache_hint {
  std::chrono::milliseconds ttl{0};
  bool is_public = false; ///< the same for every user
};

/// Something that a client can read by its URI, for example a produced file.
struct resource {
  std::string uri;
  std::string name;
  std::string title = {};
  std::string description = {};
  std::string mime_type = {};
  std::optional<std::uint64_t> size_bytes = {};
  annotations notes = {};
  json::object meta = {}; ///< `_meta`, sent from 2025-06-18
};

/// A family of resources (RFC 6570 template), for example "media://images/{name}".
struct resource_template {
  std::string uri_template;
  std::string name;
  std::string title = {};
  std::string description = {};
  std::string mime_type = {};
  annotations notes = {};
  completer complete = {}; ///< for the template's variables; may be empty
};

/// A part of the list. `next_cursor` is empty at the end.
struct resource_page {
  std::vector<resource> resources;
  std::string next_cursor;
};

/// Gives the contents of `uri`. Fails: errc::not_found where there is no such resource.
using resource_reader = std::function<task<std::vector<resource_contents>>(call_context&, std::string uri)>;

/// Where resources that come and go are listed and read.
struct resource_provider {
  /// `cursor` is one that this function gave before; empty for the beginning.
  /// Fails: errc::invalid_argument for a cursor that it never gave.
  std::function<task<resource_page>(call_context&, std::string cursor)> list;
  resource_reader read;
  cache_hint list_hint = {};
  cache_hint read_hint = {};
};

/// Returns the entry of resources/list or resources/templates/list for a client of revision `v`.
json::object describe(const resource& r, version v);
json::object describe(const resource_template& t, version v);

/// Returns an entry of `contents` in the answer of resources/read.
json::object to_json(const resource_contents& contents);

} // namespace weir::mcp
