#include <weir/core/error.hpp>
#include <weir/http/percent.hpp>
#include <weir/kitsu/query.hpp>

namespace weir::kitsu {
namespace {

[[noreturn]] void refuse(std::string_view text, const char* why) {
  throw error(errc::invalid_argument, "the path \"" + std::string(text.substr(0, 200)) + "\" " + why);
}

} // namespace

path::path(std::string_view text) {
  if (text.find("://") != text.npos) refuse(text, "is a whole address; only what comes after the host belongs here");
  if (text.find_first_of("?#") != text.npos)
    refuse(text, "holds \"?\" or \"#\": give parameters as a query, and ids with such characters as segments: "
                 "path(\"data/shots\", id)");
  if (text.find_first_of("{}") != text.npos) refuse(text, "holds braces: a placeholder was not filled in");
  std::string_view rest = text;
  while (rest.starts_with('/')) rest.remove_prefix(1);
  while (rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.empty()) return;
  for (;;) {
    const std::size_t slash = rest.find('/');
    if (slash == 0) refuse(text, "has an empty part: is an id missing?");
    append(rest.substr(0, slash));
    if (slash == rest.npos) return;
    rest.remove_prefix(slash + 1);
  }
}

path& path::append(std::string_view segment) {
  if (segment.empty()) refuse(text_, "is continued with an empty part: is an id missing?");
  if (segment == "." || segment == "..") refuse(segment, "would leave its place");
  for (const char c : segment)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) refuse(text_, "is continued with a control character");
  if (!text_.empty()) text_ += '/';
  text_ += http::percent_encoded(segment);
  return *this;
}

} // namespace weir::kitsu
