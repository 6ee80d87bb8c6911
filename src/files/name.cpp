#include <weir/core/error.hpp>
#include <weir/files/name.hpp>

#include <files/utf8.hpp>

#include <algorithm>
#include <cstdio>

namespace weir::files {

/// The rule that `name` breaks; nullptr where it breaks none.
static const char* broken_rule(std::string_view name) noexcept {
  if (name.empty()) return "it is empty";
  if (name.size() > max_name_bytes) return "it is longer than 1024 bytes";
  for (std::size_t at = 0; at < name.size();) {
    const char32_t c = detail::next_character(name, at);
    if (c == detail::ill_formed) return "it is not well-formed UTF-8";
    if (c == 0) return "it holds a null byte";
    if (detail::is_control(c)) return "it holds a control character";
    if (detail::is_direction_mark(c)) return "it holds a mark that reverses the direction of text";
    if (c == '\\') return "it holds a backslash; divide folders by '/'";
  }
  if (name.front() == '/') return "it must be relative, without a leading '/'";
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find('/', begin), name.size());
    const std::string_view part = name.substr(begin, end - begin);
    if (part.empty()) return "a part between '/' is empty";
    if (part == "..") return "'..' would leave its folder";
    if (part == ".") return "'.' names a folder, not a file";
    if (part.size() > max_part_bytes) return "a part is longer than 255 bytes";
    if (part.starts_with(".weir")) return "names that begin with '.weir' are kept for Weir's own files";
    if (part.front() == ' ' || part.back() == ' ') return "a part begins or ends with a space";
    begin = end + 1;
  }
  return nullptr;
}

void validate_name(std::string_view name) {
  if (const char* rule = broken_rule(name)) {
    throw error(errc::invalid_argument, "Invalid file name " + quoted_name(name) + ": " + rule);
  }
}

bool is_valid_name(std::string_view name) noexcept { return broken_rule(name) == nullptr; }

static std::string shown_character(std::string_view bytes, char32_t c) {
  char text[16];
  if (c == detail::ill_formed) {
    std::snprintf(text, sizeof text, "\\x%02x", static_cast<unsigned>(static_cast<unsigned char>(bytes[0])));
  } else if (c == '\n') {
    return "\\n";
  } else if (c == '\r') {
    return "\\r";
  } else if (c == '\t') {
    return "\\t";
  } else if (c == '\\' || c == '\'') {
    return std::string("\\") + static_cast<char>(c);
  } else if (c < 0x80 && detail::is_control(c)) {
    std::snprintf(text, sizeof text, "\\x%02x", static_cast<unsigned>(c));
  } else if (detail::is_control(c) || detail::is_direction_mark(c)) {
    std::snprintf(text, sizeof text, "\\u{%x}", static_cast<unsigned>(c));
  } else {
    return std::string(bytes);
  }
  return text;
}

std::string display_name(std::string_view name) {
  std::string shown;
  for (std::size_t at = 0; at < name.size();) {
    const std::size_t begin = at;
    const char32_t c = detail::next_character(name, at);
    const std::string more = shown_character(name.substr(begin, at - begin), c);
    if (shown.size() + more.size() > max_displayed_bytes) return shown + "...";
    shown += more;
  }
  return shown;
}

std::string quoted_name(std::string_view name) { return "'" + display_name(name) + "'"; }

std::string_view last_part(std::string_view name) noexcept {
  const std::size_t slash = name.rfind('/');
  return slash == std::string_view::npos ? name : name.substr(slash + 1);
}

name_parts split_extension(std::string_view name) noexcept {
  name_parts parts;
  parts.stem = last_part(name);
  if (parts.stem.size() < name.size()) parts.folder = name.substr(0, name.size() - parts.stem.size() - 1);
  const std::size_t dot = parts.stem.rfind('.');
  if (dot == std::string_view::npos || dot == 0) return parts;
  const std::string_view extension = parts.stem.substr(dot);
  if (extension.size() < 2 || extension.size() > max_extension_bytes) return parts;
  parts.extension = extension;
  parts.stem = parts.stem.substr(0, dot);
  return parts;
}

std::string join_name(std::string_view folder, std::string_view part) {
  std::string name(folder);
  if (!name.empty()) name += '/';
  return name += part;
}

std::string numbered_name(std::string_view name, unsigned number) {
  const auto [folder, stem, extension] = split_extension(name);
  const std::string tail = "_" + std::to_string(number) + std::string(extension);
  const std::size_t before = folder.empty() ? 0 : folder.size() + 1;
  std::size_t room = max_part_bytes - tail.size();
  if (before + tail.size() < max_name_bytes) room = std::min(room, max_name_bytes - before - tail.size());
  std::size_t keep = std::min(stem.size(), room);
  const auto inside_character = [&](std::size_t i) {
    return i < stem.size() && (static_cast<unsigned char>(stem[i]) & 0xc0) == 0x80;
  };
  while (keep > 0 && inside_character(keep)) --keep;
  return join_name(folder, std::string(stem.substr(0, keep)) + tail);
}

} // namespace weir::files
