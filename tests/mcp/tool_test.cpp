#include <weir/mcp/prompt.hpp>
#include <weir/mcp/resource.hpp>
#include <weir/mcp/tool.hpp>

#include <gtest/gtest.h>

namespace weir::mcp {
namespace {

tool sample() {
  tool t;
  t.name = "prepare";
  t.title = "Prepare";
  t.description = "Prepares.";
  t.input_schema = {{"type", "object"}};
  t.output_schema = json::object{{"type", "array"}};
  t.meta = {{"ui", {{"resourceUri", "ui://x"}}}};
  t.icons = {json::object{{"src", "data:,"}}};
  return t;
}

TEST(McpTool, DescribesWhatEachRevisionKnows) {
  auto keys = [](version v) {
    std::string out;
    for (const auto& entry : describe(sample(), v)) out += std::string(entry.key()) + " ";
    return out;
  };
  EXPECT_EQ(keys(version::v2024_11_05), "name description inputSchema ");
  EXPECT_EQ(keys(version::v2025_03_26), "name description inputSchema annotations ");
  EXPECT_EQ(keys(version::v2025_06_18), "name title description inputSchema annotations _meta ");
  EXPECT_EQ(keys(version::v2025_11_25), "name title description inputSchema annotations icons _meta ");
  EXPECT_EQ(keys(version::v2026_07_28), "name title description inputSchema outputSchema annotations icons _meta ");
}

TEST(McpTool, WritesAllFourHintsAlways) {
  json::object hints = describe(sample(), newest_modern).at("annotations").as_object();
  EXPECT_EQ(hints.at("readOnlyHint"), false);
  EXPECT_EQ(hints.at("destructiveHint"), true);
  EXPECT_EQ(hints.at("idempotentHint"), false);
  EXPECT_EQ(hints.at("openWorldHint"), true);
}

TEST(McpTool, SchemasPassUntouched) {
  tool t = sample();
  t.input_schema = json::parse(R"({"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object",)"
                               R"("$defs":{"a":{"type":"string"}},"properties":{"x":{"$ref":"#/$defs/a"}},)"
                               R"("additionalProperties":false,"if":{},"then":{},"anyOf":[{}]})")
                       .as_object();
  EXPECT_EQ(describe(t, newest_modern).at("inputSchema"), t.input_schema);
}

TEST(McpResource, DescribesWhatEachRevisionKnows) {
  resource r{"a://b", "b", "B", "d", "image/png", 7};
  r.meta = {{"k", 1}};
  EXPECT_FALSE(describe(r, version::v2025_03_26).contains("title"));
  EXPECT_FALSE(describe(r, version::v2025_03_26).contains("_meta"));
  EXPECT_EQ(describe(r, newest_modern).at("size"), 7);
  EXPECT_EQ(describe(r, newest_modern).at("_meta").at("k"), 1);
  EXPECT_EQ(to_json(resource_contents{"a://b", "image/png", "AAAA", true}).at("blob"), "AAAA");
  EXPECT_EQ(to_json(resource_contents{"a://b", "", "t"}), (json::object{{"uri", "a://b"}, {"text", "t"}}));
}

TEST(McpPrompt, DescribesArguments) {
  prompt p;
  p.name = "p";
  p.arguments = {{"a", "", true, "A"}};
  EXPECT_EQ(json::serialize(describe(p, version::v2025_03_26)),
            R"({"name":"p","arguments":[{"name":"a","required":true}]})");
  EXPECT_EQ(describe(p, version::v2025_06_18).at("arguments").at(0).at("title"), "A");
}

} // namespace
} // namespace weir::mcp
