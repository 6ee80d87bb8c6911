#include <weir/mcp/protocol.hpp>

#include <cstddef>

namespace weir::mcp {

namespace {

constexpr std::array<std::string_view, 5> version_names{"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25",
                                                        "2026-07-28"};
constexpr std::array<std::string_view, 8> level_names{"debug", "info",     "notice", "warning",
                                                      "error", "critical", "alert",  "emergency"};

} // namespace

std::string_view to_string(version v) noexcept { return version_names[static_cast<std::size_t>(v)]; }

std::optional<version> parse_version(std::string_view text) noexcept {
  for (version v : all_versions)
    if (to_string(v) == text) return v;
  return std::nullopt;
}

std::string_view to_string(log_level level) noexcept { return level_names[static_cast<std::size_t>(level)]; }

std::optional<log_level> parse_log_level(std::string_view text) noexcept {
  for (std::size_t i = 0; i < level_names.size(); ++i)
    if (level_names[i] == text) return static_cast<log_level>(i);
  return std::nullopt;
}

} // namespace weir::mcp
