#include "multipart.hpp"

#include "request.hpp"

namespace fake {
namespace {

// `; key=value` or `; key="value"` of a header value; browsers and clients escape a quote as %22 or \".
std::optional<std::string> attribute(std::string_view header, std::string_view wanted) {
  std::size_t at = std::min(header.find(';'), header.size());
  while (at < header.size()) {
    const auto eq = header.find('=', at);
    if (eq == header.npos) return std::nullopt;
    const auto key = lower(trim(header.substr(at + 1, eq - at - 1)));
    std::string value;
    std::size_t i = eq + 1;
    if (i < header.size() && header[i] == '"') {
      for (++i; i < header.size() && header[i] != '"'; ++i) {
        if (header[i] == '\\' && i + 1 < header.size()) ++i;
        value += header[i];
      }
      if (i == header.size()) return std::nullopt;
      at = std::min(header.find(';', i), header.size());
    } else {
      at = std::min(header.find(';', i), header.size());
      value = trim(header.substr(i, at - i));
    }
    if (key == wanted) return value;
  }
  return std::nullopt;
}

bool parse_part(std::string_view text, part& p) {
  for (;;) {
    const auto end = text.find("\r\n");
    if (end == text.npos) return false;
    const auto line = text.substr(0, end);
    text.remove_prefix(end + 2);
    if (line.empty()) break;
    const auto colon = line.find(':');
    if (colon == line.npos) return false;
    const auto name = lower(line.substr(0, colon));
    const auto value = trim(line.substr(colon + 1));
    if (name == "content-type") p.content_type = value;
    if (name != "content-disposition") continue;
    if (lower(value.substr(0, 9)) != "form-data") return false;
    auto field = attribute(value, "name");
    if (!field) return false;
    p.name = *field;
    p.filename = attribute(value, "filename");
  }
  p.data = text;
  return !p.name.empty();
}

} // namespace

std::optional<std::vector<part>> parse_multipart(std::string_view content_type, std::string_view body) {
  const auto boundary = attribute(content_type, "boundary");
  if (!boundary || boundary->empty() || boundary->size() > 70) return std::nullopt;
  const std::string dashes = "--" + *boundary, line = "\r\n" + dashes;
  if (!body.starts_with(dashes)) return std::nullopt;
  body.remove_prefix(dashes.size());
  std::vector<part> parts;
  while (!body.starts_with("--")) {
    if (!body.starts_with("\r\n")) return std::nullopt;
    // An empty header block cannot be: each part names its field, so the delimiter is looked for after this line end.
    body.remove_prefix(2);
    const auto end = body.find(line);
    part p;
    if (end == body.npos || !parse_part(body.substr(0, end), p)) return std::nullopt;
    parts.push_back(std::move(p));
    body.remove_prefix(end + line.size());
    if (parts.size() > 1000) return std::nullopt;
  }
  return parts;
}

} // namespace fake
