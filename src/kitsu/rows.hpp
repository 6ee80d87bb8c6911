#pragma once

#include <weir/json/value.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::kitsu {

/// Cuts a stream of bytes into lines.
class line_reader {
 public:
  explicit line_reader(std::size_t max_line_bytes) : max_line_bytes_(max_line_bytes) {}

  /// Adds what has come. Fails: weir::error(too_large) for a line without end.
  void add(std::string_view bytes);
  /// Returns: the next whole line without its end, which lives until the next call; empty lines are left out.
  std::optional<std::string_view> next();
  /// What is left behind the last line break.
  std::string_view rest() const noexcept { return std::string_view(text_).substr(from_); }

 private:
  std::size_t max_line_bytes_;
  std::string text_;
  std::size_t from_ = 0;
};

/// Reads the lines of a compact list: a first one that names the columns, in any order, then an array a row, in which
/// one column holds the row's tasks as arrays of their own; or, where the first line says so, an object a row.
class compact_rows {
 public:
  /// Reads one line. Returns: the row; nothing for the first line. Fails: weir::error(corrupt).
  std::optional<json::object> read(std::string_view line);
  /// As read, of rows that are parsed already: the header is `columns`.
  void set_columns(const json::object& columns);
  json::object row(json::value&& line) const;

 private:
  json::object task(json::value&& cells) const;

  bool begun_ = false, compact_ = true;
  std::vector<std::string> columns_, task_columns_;
  std::size_t tasks_at_ = 0;
};

} // namespace weir::kitsu
