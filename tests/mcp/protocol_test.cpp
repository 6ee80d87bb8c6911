#include <weir/mcp/protocol.hpp>

#include <gtest/gtest.h>

namespace weir::mcp {
namespace {

TEST(McpProtocol, NamesRevisionsBothWays) {
  for (version v : all_versions) EXPECT_EQ(parse_version(to_string(v)), v);
  for (const char* text : {"", "2025-06-1", "2025-06-18 ", "2026-07-29", "v2026-07-28"})
    EXPECT_FALSE(parse_version(text)) << text;
  EXPECT_TRUE(is_modern(version::v2026_07_28));
  EXPECT_FALSE(is_modern(newest_legacy));
  EXPECT_LT(version::v2024_11_05, version::v2025_03_26);
}

TEST(McpProtocol, NamesLogLevelsBothWays) {
  EXPECT_EQ(parse_log_level("emergency"), log_level::emergency);
  EXPECT_EQ(to_string(log_level::notice), "notice");
  EXPECT_FALSE(parse_log_level("Error"));
  EXPECT_LT(log_level::warning, log_level::error);
}

} // namespace
} // namespace weir::mcp
