#include <weir/core/error.hpp>
#include <weir/kitsu/client.hpp>

#include <algorithm>
#include <array>

namespace weir::kitsu {
namespace {

using names = std::initializer_list<std::string_view>;

/// A column that takes some words only, which not every route of the server checks before it stores them: tried on
/// zou 1.0.67, an unknown word there makes every later answer that holds the row an error, lists included.
struct choice {
  names models;
  std::string_view field;
  names words;
};

const std::array<choice, 7> choices{{
    {{"shots", "assets", "sequences", "episodes", "scenes", "edits", "concepts", "entities"},
     "status",
     {"standby", "running", "complete", "canceled"}},
    {{"preview-files"}, "status", {"processing", "ready", "broken", "missing"}},
    {{"preview-files"}, "validation_status", {"validated", "rejected", "neutral"}},
    {{"persons", "budget-entries", "salary-scales"}, "position", {"supervisor", "lead", "artist"}},
    {{"persons", "budget-entries", "salary-scales"}, "seniority", {"senior", "mid", "junior"}},
    {{"persons"}, "preferred_two_factor_authentication", {"totp", "email_otp", "fido"}},
    {{"status-automations"}, "out_field_type", {"status", "ready_for"}},
}};

bool has(names list, std::string_view word) { return std::find(list.begin(), list.end(), word) != list.end(); }

/// The model that a path below data/ or import/kitsu/ changes: its last part, or the one before an id or "new".
std::string_view model_of(std::string_view where, int back) {
  if (!where.starts_with("data/") && !where.starts_with("import/kitsu/")) return {};
  for (;; --back) {
    const std::size_t slash = where.rfind('/');
    const std::string_view part = where.substr(slash + 1);
    if (back == 0 || slash == where.npos) return part;
    where = where.substr(0, slash);
  }
}

void check_texts(const json::value& v, int depth = 0) {
  const auto refuse = [] {
    throw error(errc::invalid_argument, "a text holds a NUL character (\\u0000), which the server's database refuses");
  };
  if (depth > 200) throw error(errc::invalid_argument, "the body is nested too deeply");
  if (const auto* text = v.if_string()) {
    if (text->find('\0') != json::string::npos) refuse();
  } else if (const auto* list = v.if_array()) {
    for (const json::value& item : *list) check_texts(item, depth + 1);
  } else if (const auto* object = v.if_object()) {
    for (const auto& [name, item] : *object) {
      if (std::string_view(name.data(), name.size()).find('\0') != std::string_view::npos) refuse();
      check_texts(item, depth + 1);
    }
  }
}

std::string joined(names words) {
  std::string text;
  for (const std::string_view& word : words)
    text += (&word == words.begin() ? "" : &word + 1 == words.end() ? " or " : ", ") + std::string(word);
  return text;
}

void check_choice(const choice& of, const json::value& v) {
  if (const auto* list = v.if_array()) {
    for (const json::value& item : *list)
      if (item.is_object()) check_choice(of, item);
    return;
  }
  const auto* object = v.if_object();
  const json::value* given = object ? json::find(*object, of.field) : nullptr;
  if (!given || given->is_null()) return;
  if (given->is_string() && has(of.words, std::string_view(given->get_string()))) return;
  std::string text = std::string(of.field) + ": " + json::serialize(*given) + " is not one of " + joined(of.words) +
                     "; the server would store it, and then fail at every list that holds the entry";
  if (of.field == "status" && of.words.size() == 4 && has(of.words, "standby"))
    text += " (the status of a task is its task_status_id)";
  throw error(errc::invalid_argument, text);
}

} // namespace

void check_values(const path& where, const json::value& body) {
  check_texts(body);
  for (const choice& each : choices)
    if (has(each.models, model_of(where.text(), 0)) || has(each.models, model_of(where.text(), 1)))
      check_choice(each, body);
}

} // namespace weir::kitsu
