#include <weir/core/error.hpp>
#include <weir/http/headers.hpp>
#include <weir/json/suggest.hpp>
#include <weir/kitsu/find.hpp>

#include <vector>

namespace weir::kitsu {
namespace {

constexpr std::size_t max_named = 12; // in the text of an error

std::string_view member(const json::object& row, std::string_view name) {
  const json::value* v = json::find(row, name);
  return v && v->is_string() ? std::string_view(v->get_string()) : std::string_view();
}

std::string the_names(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < max_named; ++i)
    text += (i ? ", \"" : "\"") + json::printable(names[i]) + "\"";
  if (names.size() > max_named) text += " and " + std::to_string(names.size() - max_named) + " more";
  return text;
}

} // namespace

bool is_id(std::string_view text) noexcept {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (dash ? c != '-' : !digit) return false;
  }
  return true;
}

const json::object& pick(const json::array& rows, std::string_view wanted, std::string_view what) {
  std::vector<const json::object*> exact, similar;
  std::vector<std::string> names;
  for (const json::value& each : rows) {
    const json::object* row = each.if_object();
    if (!row) continue;
    if (http::equals_ignoring_case(member(*row, "id"), wanted)) return *row;
    const std::string_view name = member(*row, "name"), brief = member(*row, "short_name");
    names.emplace_back(name);
    if (name == wanted || (brief == wanted && !brief.empty()))
      exact.push_back(row);
    else if (http::equals_ignoring_case(name, wanted) || (!brief.empty() && http::equals_ignoring_case(brief, wanted)))
      similar.push_back(row);
  }
  const auto& found = exact.empty() ? similar : exact;
  if (found.size() == 1) return *found.front();
  const std::string shown = std::string(what) + " \"" + json::printable(wanted) + "\"";
  if (found.size() > 1) {
    std::string text = "there are " + std::to_string(found.size()) + " of " + shown + "; give its id:";
    for (std::size_t i = 0; i < found.size() && i < max_named; ++i)
      text += std::string(i ? ", " : " ") + json::printable(member(*found[i], "id"));
    throw error(errc::invalid_argument, text);
  }
  std::string text = "there is no " + shown;
  const std::string hint = json::did_you_mean(wanted, names);
  if (!hint.empty())
    text += hint;
  else if (names.empty())
    text += ", and no other one that you may see";
  else
    text += "; there are " + the_names(names);
  throw error(errc::not_found, text);
}

task<json::object> find_project(client studio, std::string wanted, bool closed_too) {
  if (wanted.empty()) throw error(errc::invalid_argument, "the project's name or id is empty");
  if (is_id(wanted)) {
    if (auto found = co_await studio.fetch_one("projects", wanted)) co_return std::move(*found);
    throw error(errc::not_found, "there is no project with the id " + wanted);
  }
  const json::array rows = co_await studio.fetch_all(closed_too ? "projects" : "projects/open");
  co_return pick(rows, wanted, "project");
}

} // namespace weir::kitsu
