#include <weir/mcp/content.hpp>

#include <gtest/gtest.h>

namespace weir::mcp {
namespace {

TEST(McpContent, LinksBecomeTextForOldClients) {
  resource_link link{"media://a.png", "a.png", "image/png", 8, "the first"};
  EXPECT_EQ(json::serialize(to_json(link, version::v2025_06_18)),
            R"({"type":"resource_link","uri":"media://a.png","name":"a.png","description":"the first",)"
            R"("mimeType":"image/png","size":8})");
  EXPECT_EQ(json::serialize(to_json(link, version::v2025_03_26)),
            R"({"type":"text","text":"a.png: media://a.png (image/png, 8 bytes) - the first"})");
  EXPECT_EQ(json::serialize(to_json(resource_link{"a://b", "b"}, version::v2024_11_05)),
            R"({"type":"text","text":"b: a://b"})");
}

TEST(McpContent, AudioBecomesTextForTheOldestClients) {
  audio_content sound{"UklGRg==", "audio/wav"};
  EXPECT_EQ(to_json(sound, version::v2025_03_26).at("type"), "audio");
  EXPECT_EQ(to_json(sound, version::v2024_11_05).at("type"), "text");
}

TEST(McpContent, WritesHintsOnlyWhereTheyAreSet) {
  EXPECT_FALSE(to_json(text_content{"x"}, newest_modern).contains("annotations"));
  json::object hints = to_json(text_content{"x", {audience::assistant, 0.25, "2026-01-01T00:00:00Z"}}, newest_modern)
                           .at("annotations")
                           .as_object();
  EXPECT_EQ(hints.at("audience"), (json::array{"assistant"}));
  EXPECT_EQ(hints.at("priority"), 0.25);
  EXPECT_TRUE(hints.contains("lastModified"));
  EXPECT_FALSE(
      to_json(text_content{"x", {audience::everyone, {}, "2026"}}, version::v2025_03_26).contains("annotations"));
}

TEST(McpContent, DataIsAlsoText) {
  tool_result result = tool_result::data(json::object{{"a", 1}});
  ASSERT_EQ(result.content.size(), 1U);
  EXPECT_EQ(std::get<text_content>(result.content[0]).text, R"({"a":1})");
  EXPECT_TRUE(result.structured);
  EXPECT_TRUE(tool_result::error("no").is_error);
}

} // namespace
} // namespace weir::mcp
