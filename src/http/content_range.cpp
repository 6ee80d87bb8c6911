#include "http/content_range.hpp"

#include "http/curl.hpp"

#include <charconv>
#include <ctime>

namespace weir::http {
namespace {

bool take_number(std::string_view& text, std::uint64_t& value) {
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

} // namespace

std::optional<content_range> parse_content_range(std::string_view text) {
  content_range range;
  if (!equals_ignoring_case(text.substr(0, 6), "bytes ")) return std::nullopt;
  text.remove_prefix(6);
  if (!take_number(text, range.first) || !take(text, "-") || !take_number(text, range.last) || !take(text, "/"))
    return std::nullopt;
  if (text != "*") {
    std::uint64_t total = 0;
    if (!take_number(text, total) || !text.empty() || range.last >= total) return std::nullopt;
    range.total = total;
  }
  if (range.last < range.first) return std::nullopt;
  return range;
}

std::optional<std::uint64_t> parse_unsatisfied_range(std::string_view text) {
  if (!equals_ignoring_case(text.substr(0, 6), "bytes ")) return std::nullopt;
  text.remove_prefix(6);
  std::uint64_t total = 0;
  if (!take(text, "*/") || !take_number(text, total) || !text.empty()) return std::nullopt;
  return total;
}

std::string strong_validator(const headers& answer) {
  if (const auto tag = answer.get("ETag")) {
    if (tag->size() >= 2 && tag->starts_with('"') && tag->ends_with('"')) return std::string(*tag);
    return {};
  }
  const auto modified = answer.get("Last-Modified");
  const auto date = answer.get("Date");
  if (!modified || !date) return {};
  const std::time_t changed = curl_getdate(std::string(*modified).c_str(), nullptr);
  const std::time_t sent = curl_getdate(std::string(*date).c_str(), nullptr);
  return changed >= 0 && sent > changed ? std::string(*modified) : std::string();
}

} // namespace weir::http
