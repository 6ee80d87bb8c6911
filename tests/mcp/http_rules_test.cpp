#include <gtest/gtest.h>
#include <mcp/http_rules.hpp>

namespace weir::mcp::detail {
namespace {

TEST(McpHttpRules, DecodesMirroredValues) {
  EXPECT_EQ(decode_mirrored("us-west1"), "us-west1");
  EXPECT_EQ(decode_mirrored("=?base64?SGVsbG8sIOS4lueVjA==?="), "Hello, \xE4\xB8\x96\xE7\x95\x8C");
  EXPECT_EQ(decode_mirrored("=?base64?IHBhZGRlZCA=?="), " padded ");
  EXPECT_EQ(decode_mirrored("=?base64?bGluZTEKbGluZTI=?="), "line1\nline2");
  EXPECT_EQ(decode_mirrored("=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="), "=?base64?literal?=");
  EXPECT_EQ(decode_mirrored("=?base64?"
                            "?="),
            "");
  for (const char* bad :
       {"=?base64?SGVsbG8?=", "=?base64?SGVs bG8=?=", "=?base64?SGVsbG9=?=", "=?base64?====?=", "caf\xC3\xA9", "a\x01"})
    EXPECT_FALSE(decode_mirrored(bad)) << bad;
  EXPECT_EQ(decode_mirrored("=?base64"), "=?base64"); // no sentinel
}

TEST(McpHttpRules, ReadsAccept) {
  auto read = [](const char* text) {
    accepted a = read_accept({{"Accept", text}});
    return std::pair(a.json, a.events);
  };
  EXPECT_EQ(read("application/json, text/event-stream"), std::pair(true, true));
  EXPECT_EQ(read("TEXT/EVENT-STREAM;q=1 , Application/Json;q=0.5"), std::pair(true, true));
  EXPECT_EQ(read("application/json"), std::pair(true, false));
  EXPECT_EQ(read("*/*"), std::pair(true, true));
  EXPECT_EQ(read("text/html"), std::pair(false, false));
  EXPECT_EQ(read_accept({{"Accept", "application/json"}, {"Accept", "text/event-stream"}}).events, true);
}

TEST(McpHttpRules, SessionIdsAreRandomAndReadable) {
  std::string one = make_session_id(version::v2025_06_18), two = make_session_id(version::v2025_06_18);
  EXPECT_NE(one, two);
  EXPECT_EQ(read_session_id(one), version::v2025_06_18);
  for (char c : one) EXPECT_TRUE(c > 0x20 && c < 0x7F);
  EXPECT_FALSE(read_session_id(""));
  EXPECT_FALSE(read_session_id(one + "0"));
  EXPECT_FALSE(read_session_id("2026-07-28" + one.substr(10)));
  EXPECT_FALSE(read_session_id(one.substr(0, 42) + "/"));
}

} // namespace
} // namespace weir::mcp::detail
