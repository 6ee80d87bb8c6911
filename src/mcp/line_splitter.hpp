#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace weir::mcp::detail {

/// Cuts a byte stream into lines. A line over the limit is reported once, as soon as it is too long, and skipped to its
/// end without being held.
class line_splitter {
 public:
  struct handlers {
    std::function<void(std::string_view line)> line; ///< without line end and byte order mark; never blank
    std::function<void()> too_long;
  };

  line_splitter(std::size_t max_line_bytes, handlers to) : max_line_bytes_(max_line_bytes), to_(std::move(to)) {}

  void feed(std::string_view bytes);
  /// The stream has ended: what is left counts as a line.
  void end();
  std::size_t held_bytes() const noexcept { return held_.capacity(); }

 private:
  void deliver(std::string_view line);

  std::size_t max_line_bytes_;
  handlers to_;
  std::string held_;
  bool skipping_ = false;
};

} // namespace weir::mcp::detail
