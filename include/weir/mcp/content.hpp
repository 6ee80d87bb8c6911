#pragma once

#include <weir/json/value.hpp>
#include <weir/mcp/protocol.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace weir::mcp {

/// Who a piece of content is for.
enum class audience { everyone, user, assistant };

/// Hints beside a piece of content or a resource. Nothing is written for members that are not set.
struct annotations {
  audience for_whom = audience::everyone;
  std::optional<double> priority; ///< 0 (optional) to 1 (needed)
  std::string last_modified;      ///< ISO 8601; sent from 2025-06-18
};

struct text_content {
  std::string text;
  annotations notes = {};
};

/// An image that the model sees. Clients show PNG, JPEG, WebP and GIF.
struct image_content {
  std::string base64;
  std::string mime_type;
  annotations notes = {};
};

/// A sound. A client of 2024-11-05, which knows none, gets a line of text in its place.
struct audio_content {
  std::string base64;
  std::string mime_type;
  annotations notes = {};
};

/// The name of something that resources/read gives. A client before 2025-06-18, which knows no links, gets a line of
/// text with the same facts.
struct resource_link {
  std::string uri;
  std::string name;
  std::string mime_type = {};
  std::optional<std::uint64_t> size_bytes = {};
  std::string description = {};
  std::string title = {};
  annotations notes = {};
};

/// What is in a resource: text, or bytes in base64.
struct resource_contents {
  std::string uri;
  std::string mime_type;
  std::string body; ///< text, or base64 where `is_base64`
  bool is_base64 = false;
  json::object meta = {}; ///< `_meta`
};

/// A resource inside a result.
struct embedded_resource {
  resource_contents resource;
  annotations notes = {};
};

/// One piece of a tool's result or of a prompt.
using content = std::variant<text_content, image_content, audio_content, resource_link, embedded_resource>;

/// Returns `piece` as a client of revision `v` understands it.
json::object to_json(const content& piece, version v);

/// What a tool gives back.
/// `content` and `structured` must each be complete on their own: several clients show the model only one of them, and
/// drop images that stand beside structured data. So a tool whose answer is an image leaves `structured` empty.
struct tool_result {
  std::vector<mcp::content> content;
  /// Sent from 2025-06-18; before 2026-07-28 only where it is an object. Where `content` is empty the same data is also
  /// sent as text.
  std::optional<json::value> structured = {};
  bool is_error = false;

  /// Returns: a result of one text.
  static tool_result text(std::string text);
  /// Returns: a failed call, with a text that says what to do next.
  static tool_result error(std::string text);
  /// Returns: data, with the same data as text beside it.
  static tool_result data(json::value value);
};

} // namespace weir::mcp
