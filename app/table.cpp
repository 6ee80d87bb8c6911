#include "table.hpp"

#include "display_text.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <numeric>

namespace weir::app {

namespace {

constexpr std::size_t gap = 2;

/// Takes columns off the widest until all fit: first of those that hold no ids, while they can be read; then of the
/// ids; then of all.
void shrink(std::vector<std::size_t>& widths, std::size_t width) {
  struct round {
    std::size_t spared, narrowest;
  };
  const auto all = [&] { return std::accumulate(widths.begin(), widths.end(), gap * (widths.size() - 1)); };
  for (const round now : {round{1, 8}, round{0, 8}, round{0, 3}}) {
    while (all() > width) {
      const auto end = widths.end() - static_cast<std::ptrdiff_t>(std::min(now.spared, widths.size() - 1));
      const auto widest = std::max_element(widths.begin(), end);
      if (*widest <= now.narrowest) break;
      --*widest;
    }
  }
}

void write_line(std::string& out, const std::vector<std::string>& cells, const std::vector<std::size_t>& widths,
                std::size_t width) {
  std::string line;
  std::size_t filled = 0;
  for (std::size_t i = 0; i < widths.size(); ++i) {
    const std::string cell = cut_to_width(i < cells.size() ? cells[i] : "", widths[i]);
    line += cell;
    if (i + 1 == widths.size()) break;
    filled = widths[i] + gap - display_width(cell);
    line.append(filled, ' ');
  }
  while (line.ends_with(' ')) line.pop_back();
  out += (width > 0 ? cut_to_width(line, width) : line) + "\n";
}

} // namespace

void table::add(std::vector<std::string> cells) {
  for (std::string& cell : cells) cell = harmless(cell);
  cells.resize(titles_.size());
  rows_.push_back(std::move(cells));
}

std::string table::text(std::size_t width) const {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < titles_.size(); ++i) {
    std::size_t widest = display_width(titles_[i]);
    for (const auto& row : rows_) widest = std::max(widest, display_width(row[i]));
    widths.push_back(widest);
  }
  if (width > 0) shrink(widths, width);
  std::string out;
  write_line(out, titles_, widths, width);
  for (const auto& row : rows_) write_line(out, row, widths, width);
  return out;
}

void table::print() const {
  const std::string all = text(terminal_width(STDOUT_FILENO));
  std::fwrite(all.data(), 1, all.size(), stdout);
  std::fflush(stdout);
}

std::size_t terminal_width(int fd) {
  if (!::isatty(fd)) return 0;
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

} // namespace weir::app
