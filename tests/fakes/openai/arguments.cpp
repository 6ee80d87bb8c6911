#include "arguments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace fake {
namespace {

namespace json = boost::json;

std::string_view kind_name(const json::value& v) {
  if (v.is_string()) return "a string";
  if (v.is_bool()) return "a boolean";
  if (v.is_object()) return "an object";
  if (v.is_array()) return "an array";
  return v.is_double() ? "a decimal number" : "an integer";
}

[[noreturn]] void wrong_type(std::string_view name, std::string_view expected, const json::value& v) {
  throw api_error{400,
                  fmt::format("Invalid type for '{}': expected {}, but got {} instead.", name, expected, kind_name(v)),
                  "invalid_request_error", std::string(name), "invalid_type"};
}

std::size_t characters(std::string_view utf8) {
  return static_cast<std::size_t>(std::ranges::count_if(utf8, [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string_view base_name(std::string_view name) {
  return name.ends_with("[]") ? name.substr(0, name.size() - 2) : name;
}

} // namespace

arguments::arguments(const request& r) {
  const auto type = r.header("content-type").value_or("");
  if (lower(type).starts_with("multipart/form-data")) {
    auto parts = parse_multipart(type, r.body);
    if (!parts) throw api_error{400, "Could not parse multipart form"};
    multipart_ = true;
    parts_ = std::move(*parts);
    for (const auto& p : parts_)
      if (!p.filename) values_[p.name] = json::string(p.data);
    return;
  }
  if (!lower(type).starts_with("application/json"))
    throw api_error{400,
                    fmt::format("Unsupported content type: '{}'. This API method only accepts 'application/json' or "
                                "'multipart/form-data' requests.",
                                type),
                    "invalid_request_error",
                    {},
                    "unsupported_content_type"};
  boost::system::error_code failed;
  auto v = json::parse(r.body, failed);
  if (failed || !v.is_object())
    throw api_error{400, "We could not parse the JSON body of your request. The OpenAI API expects a JSON payload."};
  values_ = std::move(v.as_object());
}

const json::value* arguments::find(std::string_view name) const {
  const auto* v = values_.if_contains(name);
  return v && !v->is_null() ? v : nullptr;
}

std::vector<part> arguments::files(std::string_view name) const {
  std::vector<part> out;
  for (const auto& p : parts_)
    if (p.filename && base_name(p.name) == name) out.push_back(p);
  return out;
}

std::string arguments::required_text(std::string_view name, std::size_t max_characters) const {
  const auto* v = find(name);
  const std::string param(name);
  if (!v)
    throw api_error{400, fmt::format("Missing required parameter: '{}'.", name), "invalid_request_error", param,
                    "missing_required_parameter"};
  if (!v->is_string()) wrong_type(name, "a string", *v);
  std::string s(v->as_string());
  if (s.empty())
    throw api_error{
        400,
        fmt::format(
            "Invalid '{}': empty string. Expected a string with minimum length 1, but got an empty string instead.",
            name),
        "invalid_request_error", param, "empty_string"};
  if (const auto n = characters(s); n > max_characters)
    throw api_error{400,
                    fmt::format("Invalid '{}': string too long. Expected a string with maximum length {}, but got a "
                                "string with length {} instead.",
                                name, max_characters, n),
                    "invalid_request_error", param, "string_above_max_length"};
  return s;
}

std::string arguments::text(std::string_view name, std::string_view otherwise) const {
  const auto* v = find(name);
  if (!v) return std::string(otherwise);
  if (!v->is_string()) wrong_type(name, "a string", *v);
  return std::string(v->as_string());
}

std::string arguments::one_of(std::string_view name, std::string_view otherwise,
                              std::initializer_list<std::string_view> known) const {
  auto s = text(name, otherwise);
  if (known.size() == 0 || std::ranges::find(known, s) != known.end()) return s;
  std::string list;
  for (const auto k : known) list += fmt::format("{}'{}'", list.empty() ? "" : ", ", k);
  throw api_error{400, fmt::format("Invalid value: '{}'. Supported values are: {}.", s, list), "invalid_request_error",
                  std::string(name), "invalid_value"};
}

long arguments::integer(std::string_view name, long otherwise, long least, long most) const {
  const auto* v = find(name);
  if (!v) return otherwise;
  long n = 0;
  if (v->is_int64())
    n = v->as_int64();
  else {
    if (!multipart_ || !v->is_string()) wrong_type(name, "an integer", *v);
    const std::string_view s = v->as_string();
    if (const auto [end, failed] = std::from_chars(s.data(), s.data() + s.size(), n);
        failed != std::errc{} || end != s.data() + s.size())
      wrong_type(name, "an integer", *v);
  }
  const bool low = n < least;
  if (low || n > most)
    throw api_error{400,
                    fmt::format("Invalid '{}': integer {} value. Expected a value {} {}, but got {} instead.", name,
                                low ? "below minimum" : "above maximum", low ? ">=" : "<=", low ? least : most, n),
                    "invalid_request_error", std::string(name),
                    low ? "integer_below_min_value" : "integer_above_max_value"};
  return n;
}

bool arguments::boolean(std::string_view name, bool otherwise) const {
  const auto* v = find(name);
  if (!v) return otherwise;
  if (v->is_bool()) return v->as_bool();
  if (multipart_ && v->is_string() && (v->as_string() == "true" || v->as_string() == "false"))
    return v->as_string() == "true";
  wrong_type(name, "a boolean", *v);
}

void arguments::allow_only(std::initializer_list<std::string_view> known) const {
  const auto check = [&](std::string_view name) {
    if (std::ranges::find(known, base_name(name)) == known.end())
      throw api_error{400, fmt::format("Unknown parameter: '{}'.", name), "invalid_request_error", std::string(name),
                      "unknown_parameter"};
  };
  for (const auto& [key, value] : values_) check(key);
  for (const auto& p : parts_) check(p.name);
}

json::object arguments::describe() const {
  json::array list;
  if (!multipart_) {
    for (const auto& [key, value] : values_) list.push_back(json::string(key));
    return {{"json_keys", std::move(list)}};
  }
  for (const auto& p : parts_) {
    json::object o{{"name", p.name}, {"bytes", p.data.size()}};
    if (p.filename) {
      o["filename"] = *p.filename;
      o["sha256"] = sha256_hex(p.data);
    } else {
      o["text"] = p.data.substr(0, 200);
    }
    o["content_type"] = p.content_type ? json::value(*p.content_type) : json::value(nullptr);
    list.push_back(std::move(o));
  }
  return {{"multipart", std::move(list)}};
}

std::string arguments::fingerprint() const {
  if (!multipart_) return sha256_hex(json::serialize(values_));
  std::string all;
  for (const auto& p : parts_) all += fmt::format("{}\n{}\n{}\n", p.name, p.filename.value_or("-"), sha256_hex(p.data));
  return sha256_hex(all);
}

std::optional<long> directive(std::string_view prompt, std::string_view name) {
  const auto key = fmt::format("[{}=", name);
  const auto at = prompt.find(key);
  if (at == prompt.npos) return std::nullopt;
  prompt.remove_prefix(at + key.size());
  long n = 0;
  const auto [end, failed] = std::from_chars(prompt.data(), prompt.data() + prompt.size(), n);
  if (failed != std::errc{} || end == prompt.data() + prompt.size() || *end != ']' || n < 0) return std::nullopt;
  return n;
}

} // namespace fake
