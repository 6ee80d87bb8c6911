#include <mcp/line_splitter.hpp>

namespace weir::mcp::detail {

void line_splitter::deliver(std::string_view line) {
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  if (line.starts_with(byte_order_mark)) line.remove_prefix(byte_order_mark.size());
  if (line.find_first_not_of(" \t\r") == std::string_view::npos) return;
  if (line.ends_with('\r')) line.remove_suffix(1);
  to_.line(line);
}

void line_splitter::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    std::size_t end = bytes.find('\n');
    std::string_view part = bytes.substr(0, end);
    bool complete = end != std::string_view::npos;
    bytes.remove_prefix(complete ? end + 1 : bytes.size());

    if (!skipping_ && held_.size() + part.size() > max_line_bytes_) {
      std::string().swap(held_);
      skipping_ = true;
      to_.too_long();
    }
    if (skipping_) {
      skipping_ = !complete;
      continue;
    }
    if (!complete) {
      held_ += part;
      return;
    }
    if (held_.empty()) {
      deliver(part);
      continue;
    }
    held_ += part;
    std::string line;
    line.swap(held_);
    deliver(line);
  }
}

void line_splitter::end() {
  std::string line;
  line.swap(held_);
  if (!skipping_) deliver(line);
  skipping_ = false;
}

} // namespace weir::mcp::detail
