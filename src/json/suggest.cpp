#include "json/utf8.hpp"

#include <weir/json/suggest.hpp>

#include <algorithm>
#include <vector>

namespace weir::json {
namespace {

constexpr std::size_t longest = 64;

std::string folded(std::string_view name) {
  std::string out;
  for (const char c : name)
    if (c != '_' && c != '-') out += c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  return out;
}

/// Returns the number of insertions, deletions, replacements and swaps of neighbours from `a` to `b` (optimal string
/// alignment distance).
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

} // namespace

std::string closest(std::string_view name, std::span<const std::string> candidates) {
  if (name.empty() || name.size() > longest) return {};
  const std::string wanted = folded(name);
  std::size_t best = wanted.size() / 3 + 1;
  const std::string* found = nullptr;
  for (const auto& candidate : candidates) {
    if (candidate.size() > longest) continue;
    const std::size_t d = distance(wanted, folded(candidate));
    if (d < best) {
      best = d;
      found = &candidate;
    }
  }
  return found ? *found : std::string();
}

std::string did_you_mean(std::string_view name, std::span<const std::string> candidates) {
  const std::string near = closest(name, candidates);
  return near.empty() ? near : " (did you mean '" + near + "'?)";
}

std::string printable(std::string_view name) {
  std::string out;
  while (!name.empty()) {
    const auto point = detail::next_code_point(name);
    if (out.size() + point.length > longest - 3) return out + "...";
    if (!point.valid || point.value < 0x20 || (point.value >= 0x7F && point.value < 0xA0))
      out += '?';
    else
      out.append(name, 0, point.length);
    name.remove_prefix(point.length);
  }
  return out;
}

} // namespace weir::json
