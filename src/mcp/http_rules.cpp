
#include <mcp/engine.hpp>
#include <mcp/http_rules.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace weir::mcp::detail {

namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// "name:8080" without the port; "[::1]:8080" keeps its brackets. Empty where the rest is no port.
std::string_view without_port(std::string_view authority) {
  std::size_t from = authority.starts_with('[') ? authority.find(']') : 0;
  if (from == std::string_view::npos) return {};
  std::size_t colon = authority.find(':', from);
  if (colon == std::string_view::npos) return authority;
  for (char c : authority.substr(colon + 1))
    if (c < '0' || c > '9') return {};
  return authority.substr(0, colon);
}

bool is_allowed_authority(std::string_view authority, const http_options& options) {
  std::string whole = lower(authority);
  std::string_view name = without_port(whole);
  if (name.empty()) return false;
  if (name == "localhost" || name == "127.0.0.1" || name == "[::1]") return true;
  return std::any_of(options.allowed_hosts.begin(), options.allowed_hosts.end(), [&](const std::string& allowed) {
    std::string entry = lower(allowed);
    return entry == whole || entry == name;
  });
}

/// The value of a media type without parameters, lower case.
std::string media_type(std::string_view value) { return lower(trim(value.substr(0, value.find(';')))); }

std::optional<std::string> decode_base64(std::string_view text) {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  std::string out;
  unsigned bits = 0;
  int count = 0;
  for (char c : text.substr(0, text.size() - padding)) {
    std::size_t digit = alphabet.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<unsigned>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out += static_cast<char>(bits >> count & 0xFF);
  }
  if ((bits & ((1U << count) - 1)) != 0) return std::nullopt; // bits that no encoder leaves
  return out;
}

std::optional<std::string> compare(const http::headers& fields, const std::string& name, std::string_view expected,
                                   bool may_be_encoded) {
  if (fields.count(name) > 1) return "the header " + name + " occurs more than once";
  auto given = fields.get(name);
  if (!given) return "the header " + name + " is missing";
  auto decoded = may_be_encoded ? decode_mirrored(trim(*given)) : std::string(trim(*given));
  if (!decoded) return "the header " + name + " holds invalid characters or invalid Base64";
  if (*decoded != expected) return "the header " + name + " does not match the body";
  return std::nullopt;
}

/// Returns what `header` lacks to stand for the argument `value` (x-mcp-header).
std::optional<std::string> compare_argument(const http::headers& fields, const std::string& header,
                                            const json::value* value) {
  bool is_there = value && !value->is_null();
  if (!is_there) {
    if (fields.contains(header)) return "the header " + header + " stands for an argument that is not in the body";
    return std::nullopt;
  }
  if (value->is_string()) return compare(fields, header, value->get_string(), true);
  if (value->is_bool()) return compare(fields, header, value->get_bool() ? "true" : "false", true);
  auto number = json::as_number(*value);
  if (!number) return "the header " + header + " cannot stand for this kind of argument";
  auto given = fields.get(header);
  if (!given) return "the header " + header + " is missing";
  auto decoded = decode_mirrored(trim(*given));
  double stated = 0;
  if (decoded) {
    auto [end, failure] = std::from_chars(decoded->data(), decoded->data() + decoded->size(), stated);
    if (failure == std::errc() && end == decoded->data() + decoded->size() && stated == *number) return std::nullopt;
  }
  return "the header " + header + " does not match the body";
}

/// Walks the `properties` of a schema and of the objects in it; nothing else may hold x-mcp-header.
std::optional<std::string> compare_arguments(const http::headers& fields, const json::object& schema,
                                             const json::object* arguments, int depth) {
  const json::value* properties = json::find(schema, "properties");
  if (!properties || !properties->is_object() || depth > 16) return std::nullopt;
  for (const auto& [name, part] : properties->get_object()) {
    if (!part.is_object()) continue;
    const json::value* value = arguments ? json::find(*arguments, name) : nullptr;
    if (const json::value* mark = json::find(part.get_object(), "x-mcp-header"); mark && mark->is_string()) {
      std::string header = "Mcp-Param-" + std::string(mark->get_string());
      if (auto wrong = compare_argument(fields, header, value)) return wrong;
    }
    const json::object* inner = value && value->is_object() ? &value->get_object() : nullptr;
    if (auto wrong = compare_arguments(fields, part.get_object(), inner, depth + 1)) return wrong;
  }
  return std::nullopt;
}

} // namespace

std::optional<std::string> refused_caller(const http::headers& fields, const http_options& options) {
  auto host = fields.get("Host");
  if (!host || !is_allowed_authority(trim(*host), options))
    return "this host name is not served; use localhost, or allow the name on the server";
  for (std::string_view origin : fields.all("Origin")) {
    if (is_listed_origin(origin, options)) continue;
    std::string text = lower(trim(origin));
    std::string_view rest = text;
    if (rest.starts_with("http://"))
      rest.remove_prefix(7);
    else if (rest.starts_with("https://"))
      rest.remove_prefix(8);
    else
      return "pages of this origin may not call this server";
    if (!is_allowed_authority(rest, options)) return "pages of this origin may not call this server";
  }
  return std::nullopt;
}

bool is_listed_origin(std::string_view origin, const http_options& options) {
  std::string text = lower(trim(origin));
  if (text == "null") return false;
  return std::any_of(options.allowed_origins.begin(), options.allowed_origins.end(),
                     [&](const std::string& allowed) { return lower(allowed) == text; });
}

accepted read_accept(const http::headers& fields) {
  auto lines = fields.all("Accept");
  if (lines.empty()) return {true, true};
  accepted out;
  for (std::string_view line : lines) {
    while (!line.empty()) {
      std::size_t comma = line.find(',');
      std::string type = media_type(line.substr(0, comma));
      line.remove_prefix(comma == std::string_view::npos ? line.size() : comma + 1);
      out.json = out.json || type == "application/json" || type == "application/*" || type == "*/*";
      out.events = out.events || type == "text/event-stream" || type == "text/*" || type == "*/*";
    }
  }
  return out;
}

bool says_json(const http::headers& fields) {
  auto type = fields.get("Content-Type");
  return type && media_type(*type) == "application/json";
}

std::optional<std::string> decode_mirrored(std::string_view value) {
  constexpr std::string_view opening = "=?base64?";
  constexpr std::string_view closing = "?=";
  if (value.size() >= opening.size() + closing.size() && value.starts_with(opening) && value.ends_with(closing))
    return decode_base64(value.substr(opening.size(), value.size() - opening.size() - closing.size()));
  for (char c : value)
    if ((c < 0x20 && c != '\t') || c > 0x7E) return std::nullopt;
  return std::string(value);
}

std::optional<std::string> header_mismatch(const message& m, const http::headers& fields, const tool* called) {
  const json::value* meta = json::find(m.params, "_meta");
  const json::value* stated =
      meta && meta->is_object() ? json::find(meta->get_object(), meta_key::protocol_version) : nullptr;
  bool has_version = stated && stated->is_string();
  if (auto wrong = compare(fields, "MCP-Protocol-Version", has_version ? stated->get_string() : "", false))
    if (has_version || !fields.contains("MCP-Protocol-Version")) return wrong;
  // A revision that is not spoken here may have other rules: it gets its own error.
  auto known = has_version ? parse_version(stated->get_string()) : std::nullopt;
  if (!known || !is_modern(*known)) return std::nullopt;

  if (auto wrong = compare(fields, "Mcp-Method", m.method, false)) return wrong;
  method kind = find_method(m.method);
  bool by_name = kind == method::call_tool || kind == method::get_prompt;
  if (by_name || kind == method::read_resource) {
    const json::value* name = json::find(m.params, by_name ? "name" : "uri");
    if (name && name->is_string())
      if (auto wrong = compare(fields, "Mcp-Name", name->get_string(), true)) return wrong;
  }
  if (!called) return std::nullopt;
  const json::value* arguments = json::find(m.params, "arguments");
  return compare_arguments(fields, called->input_schema,
                           arguments && arguments->is_object() ? &arguments->get_object() : nullptr, 0);
}

std::string make_session_id(version v) { return std::string(to_string(v)) + "." + random_hex(16); }

std::optional<version> read_session_id(std::string_view id) {
  if (id.size() != 10 + 1 + 32 || id[10] != '.') return std::nullopt;
  for (char c : id.substr(11))
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return std::nullopt;
  auto v = parse_version(id.substr(0, 10));
  if (!v || is_modern(*v)) return std::nullopt;
  return v;
}

} // namespace weir::mcp::detail
