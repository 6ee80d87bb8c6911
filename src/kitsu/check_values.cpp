#include <weir/core/error.hpp>
#include <weir/kitsu/client.hpp>

#include <algorithm>
#include <array>

namespace weir::kitsu {
namespace {

/// Models that are rows of one table, whose status has these values (zou, model entity).
constexpr std::array<std::string_view, 8> entity_models = {"shots",  "assets", "sequences", "episodes",
                                                           "scenes", "edits",  "concepts",  "entities"};
constexpr std::array<std::string_view, 4> entity_statuses = {"standby", "running", "complete", "canceled"};

bool is_about_entities(std::string_view where) {
  if (!where.starts_with("data/")) return false;
  while (!where.empty()) {
    const std::size_t slash = where.find('/');
    if (std::find(entity_models.begin(), entity_models.end(), where.substr(0, slash)) != entity_models.end())
      return true;
    where.remove_prefix(slash == where.npos ? where.size() : slash + 1);
  }
  return false;
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

void check_status(const json::value& v) {
  if (const auto* list = v.if_array()) {
    for (const json::value& item : *list)
      if (item.is_object()) check_status(item);
    return;
  }
  const auto* object = v.if_object();
  const json::value* status = object ? json::find(*object, "status") : nullptr;
  if (!status || status->is_null()) return;
  const auto* text = status->if_string();
  if (text && std::find(entity_statuses.begin(), entity_statuses.end(), std::string_view(text->data(), text->size())) !=
                  entity_statuses.end())
    return;
  throw error(errc::invalid_argument,
              "status: " + json::serialize(*status) +
                  " is no status of a shot, asset or other entity: standby, running, complete or canceled. The server "
                  "would store it and then fail at every listing of the project. (The status of a task is its "
                  "task_status_id.)");
}

} // namespace

void check_values(const path& where, const json::value& body) {
  check_texts(body);
  // data/entities/<id>/comments and the like are about something else than the entity.
  if (is_about_entities(where.text()) && where.text().find("/tasks") == std::string::npos) check_status(body);
}

} // namespace weir::kitsu
