#include "http/target.hpp"

#include <algorithm>

namespace weir::http::detail {
namespace {

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The byte that the three characters at `at` encode, or -1.
int encoded_byte(std::string_view text, std::size_t at) noexcept {
  if (at + 2 >= text.size()) return -1;
  const int high = hex_digit(text[at + 1]);
  const int low = hex_digit(text[at + 2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

bool is_control(unsigned char c) noexcept { return c < 0x20 || c == 0x7f; }

bool is_alnum(char c) noexcept { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool has_dot_segment(std::string_view path) noexcept {
  for (std::size_t at = 0; (at = path.find("/.", at)) != path.npos; at += 2) {
    std::string_view rest = path.substr(at + 2);
    if (rest.starts_with('.')) rest.remove_prefix(1);
    if (rest.empty() || rest.front() == '/') return true;
  }
  return false;
}

// RFC 3986 allows only visible ASCII, and no fragment is ever sent to a server.
bool is_target_text(std::string_view target) noexcept {
  return std::none_of(target.begin(), target.end(), [](char c) {
    const auto u = static_cast<unsigned char>(c);
    return u <= 0x20 || u >= 0x7f || c == '#';
  });
}

int split_origin_form(request& into, std::string_view origin) {
  const std::size_t question = origin.find('?');
  if (question == origin.npos)
    into.query.clear();
  else
    into.query.assign(origin.substr(question + 1));
  return decode_path(origin.substr(0, question), into.path) ? 0 : 400;
}

std::size_t scheme_length(std::string_view target) noexcept {
  for (std::string_view scheme : {"http://", "https://"})
    if (equals_ignoring_case(target.substr(0, scheme.size()), scheme)) return scheme.size();
  return 0;
}

} // namespace

bool decode_path(std::string_view raw, std::string& into) {
  if (raw.find('%') == raw.npos) {
    into.assign(raw);
  } else {
    into.clear();
    into.reserve(raw.size());
    for (std::size_t i = 0; i < raw.size(); ++i) {
      if (raw[i] != '%') {
        into += raw[i];
        continue;
      }
      const int byte = encoded_byte(raw, i);
      if (byte < 0) return false;
      switch (byte) {
      case '/':
        into += "%2F";
        break;
      case '\\':
        into += "%5C";
        break;
      case '%':
        into += "%25";
        break;
      default:
        into += static_cast<char>(byte);
      }
      i += 2;
    }
  }
  return std::none_of(into.begin(), into.end(), [](char c) { return is_control(static_cast<unsigned char>(c)); }) &&
         !has_dot_segment(into);
}

bool is_valid_host(std::string_view value) noexcept {
  std::string_view port;
  bool has_port = false;
  if (value.starts_with('[')) {
    const std::size_t close = value.find(']');
    if (close == value.npos || close == 1) return false;
    const std::string_view inside = value.substr(1, close - 1);
    if (!std::all_of(inside.begin(), inside.end(), [](char c) { return hex_digit(c) >= 0 || c == ':' || c == '.'; }))
      return false;
    const std::string_view rest = value.substr(close + 1);
    if (!rest.empty() && rest.front() != ':') return false;
    has_port = !rest.empty();
    port = rest.empty() ? rest : rest.substr(1);
  } else {
    const std::size_t colon = value.find(':');
    const std::string_view name = value.substr(0, colon);
    has_port = colon != value.npos;
    if (has_port) port = value.substr(colon + 1);
    if (has_port && name.empty()) return false;
    if (!std::all_of(name.begin(), name.end(), [](char c) { return is_alnum(c) || c == '.' || c == '-' || c == '_'; }))
      return false;
  }
  if (!has_port) return true;
  return port.size() <= 5 && std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; });
}

int split_target(request& into, std::string& authority) {
  const std::string_view target = into.target;
  if (into.method == "CONNECT") return 501;
  if (target.empty() || !is_target_text(target)) return 400;
  if (target.front() == '/') return split_origin_form(into, target);
  if (target == "*") {
    into.path = "*";
    into.query.clear();
    return into.method == "OPTIONS" ? 0 : 400;
  }
  const std::size_t scheme = scheme_length(target);
  if (scheme == 0) return 400;
  const std::string_view rest = target.substr(scheme);
  const std::size_t end = rest.find_first_of("/?");
  const std::string_view host = rest.substr(0, end);
  if (host.empty() || !is_valid_host(host)) return 400;
  authority.assign(host);
  if (end == rest.npos) return split_origin_form(into, "/");
  if (rest[end] == '/') return split_origin_form(into, rest.substr(end));
  return split_origin_form(into, "/" + std::string(rest.substr(end)));
}

} // namespace weir::http::detail

namespace weir::http {

static std::optional<std::string> decode_form_text(std::string_view raw) {
  std::string text;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] == '%') {
      const int byte = detail::encoded_byte(raw, i);
      if (byte < 0) return std::nullopt;
      text += static_cast<char>(byte);
      i += 2;
    } else {
      text += raw[i] == '+' ? ' ' : raw[i];
    }
  }
  return text;
}

std::optional<std::string> request::query_value(std::string_view name) const {
  std::string_view rest = query;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('&'), rest.size());
    const std::string_view pair = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    if (decode_form_text(pair.substr(0, equals)) != name) continue;
    return decode_form_text(pair.substr(std::min(equals + 1, pair.size())));
  }
  return std::nullopt;
}

} // namespace weir::http
