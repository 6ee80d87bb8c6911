#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace weir::app {

/// Rows of text in columns, for people: aligned by what a terminal shows, and cut to its width.
class table {
 public:
  explicit table(std::vector<std::string> titles) : titles_(std::move(titles)) {}

  /// Adds a row; the cells are made harmless. Missing ones are empty.
  void add(std::vector<std::string> cells);
  std::size_t rows() const noexcept { return rows_.size(); }

  /// Returns: the lines, each at most `width` columns wide; 0: as wide as they are. The widest columns give way first;
  /// the last one, which holds ids, last.
  std::string text(std::size_t width) const;
  /// Writes it to standard output, cut to the terminal where it is one.
  void print() const;

 private:
  std::vector<std::string> titles_;
  std::vector<std::vector<std::string>> rows_;
};

/// The width of the terminal behind `fd`; 0 where it is none.
std::size_t terminal_width(int fd);

} // namespace weir::app
