#include "kitsu/rows.hpp"

#include <weir/core/error.hpp>

namespace weir::kitsu {
namespace {

[[noreturn]] void refuse(const std::string& why) { throw error(errc::corrupt, "the list of shots: " + why); }

std::vector<std::string> names(const json::value& from) {
  const json::array* list = from.if_array();
  if (!list || list->empty() || list->size() > 1000) refuse("the first line does not name the columns");
  std::vector<std::string> out;
  for (const json::value& each : *list) {
    if (!each.is_string()) refuse("a column's name is no text");
    out.emplace_back(std::string_view(each.get_string()));
  }
  return out;
}

json::object joined(const std::vector<std::string>& columns, json::array& cells) {
  if (cells.size() != columns.size())
    refuse("a row has " + std::to_string(cells.size()) + " cells, and there are " + std::to_string(columns.size()) +
           " columns");
  json::object out;
  out.reserve(columns.size());
  for (std::size_t i = 0; i < columns.size(); ++i) out.emplace(columns[i], std::move(cells[i]));
  return out;
}

} // namespace

void line_reader::add(std::string_view bytes) {
  if (from_ > 0) {
    text_.erase(0, from_);
    from_ = 0;
  }
  text_.append(bytes);
}

std::optional<std::string_view> line_reader::next() {
  for (;;) {
    const std::size_t end = text_.find('\n', from_);
    if (end == std::string::npos) {
      if (text_.size() - from_ > max_line_bytes_)
        throw error(errc::too_large, "the list of shots: a row has over " + std::to_string(max_line_bytes_) + " bytes");
      return std::nullopt;
    }
    std::string_view line = std::string_view(text_).substr(from_, end - from_);
    from_ = end + 1;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty()) return line;
  }
}

void compact_rows::set_columns(const json::object& columns) {
  begun_ = true;
  const json::value* compact = json::find(columns, "compact");
  compact_ = !compact || !compact->is_bool() || compact->get_bool();
  if (!compact_) return;
  tasks_at_ = std::string::npos;
  for (const auto& [name, value] : columns) {
    const std::string_view key(name.data(), name.size());
    if (key == "task_fields")
      task_columns_ = names(value);
    else if (key.ends_with("_fields"))
      columns_ = names(value);
  }
  for (std::size_t i = 0; i < columns_.size(); ++i)
    if (columns_[i] == "tasks") tasks_at_ = i;
  if (columns_.empty()) refuse("the first line names no columns");
  if (tasks_at_ != std::string::npos && task_columns_.empty())
    refuse("the first line does not name the columns of tasks");
}

json::object compact_rows::task(json::value&& cells) const {
  if (cells.is_object()) return std::move(cells.get_object());
  if (!cells.is_array()) refuse("a task is neither a row nor an object");
  return joined(task_columns_, cells.get_array());
}

json::object compact_rows::row(json::value&& line) const {
  if (line.is_object()) return std::move(line.get_object());
  if (!line.is_array() || !compact_) refuse("a line is no row");
  json::object out = joined(columns_, line.get_array());
  if (tasks_at_ == std::string::npos) return out;
  json::value& cells = out["tasks"];
  if (cells.is_null()) {
    cells = json::array{};
  } else if (!cells.is_array()) {
    refuse("the tasks of a row are no list");
  } else {
    for (json::value& each : cells.get_array()) each = task(std::move(each));
  }
  return out;
}

std::optional<json::object> compact_rows::read(std::string_view line) {
  json::value parsed;
  try {
    parsed = json::parse(line);
  } catch (const error& problem) {
    refuse(std::string("a line is no JSON: ") + problem.what());
  }
  if (begun_) return row(std::move(parsed));
  if (!parsed.is_object()) refuse("the first line does not name the columns");
  set_columns(parsed.get_object());
  return std::nullopt;
}

} // namespace weir::kitsu
