#include "progress_line.hpp"

#include "display_text.hpp"
#include "table.hpp"

#include <unistd.h>

#include <cstdio>

namespace weir::app {

using namespace std::chrono_literals;

progress_line::progress_line(bool wanted) : active_(wanted && ::isatty(STDERR_FILENO)) {}

void progress_line::show(const std::string& label, std::uint64_t done, std::uint64_t total) {
  if (!active_) return;
  const auto now = clock::now();
  if (now - last_ < 100ms) return;
  last_ = now;
  seen_.emplace_back(now, done);
  while (seen_.size() > 2 && now - seen_.front().first > 5s) seen_.pop_front();
  const double seconds = std::chrono::duration<double>(now - seen_.front().first).count();
  const double moved = done > seen_.front().second ? static_cast<double>(done - seen_.front().second) : 0;
  const double rate = seconds > 0 ? moved / seconds : 0;
  std::string text = label + "  " + bytes_text(static_cast<double>(done));
  if (total > 0) text += " of " + bytes_text(static_cast<double>(total));
  text += "  " + bytes_text(rate) + "/s";
  if (total > done && rate > 0) {
    const auto left = static_cast<std::uint64_t>(static_cast<double>(total - done) / rate);
    char time[48];
    std::snprintf(time, sizeof time, left >= 3600 ? "  %llu:%02llu:%02llu left" : "  %.0llu%llu:%02llu left",
                  static_cast<unsigned long long>(left / 3600), static_cast<unsigned long long>(left / 60 % 60),
                  static_cast<unsigned long long>(left % 60));
    text += time;
  }
  const std::size_t width = terminal_width(STDERR_FILENO);
  std::fprintf(stderr, "\r%s\x1b[K", cut_to_width(text, width > 1 ? width - 1 : 1).c_str());
  std::fflush(stderr);
  drawn_ = true;
}

void progress_line::clear() {
  if (!drawn_) return;
  std::fputs("\r\x1b[K", stderr);
  std::fflush(stderr);
  drawn_ = false;
}

} // namespace weir::app
