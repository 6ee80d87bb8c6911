#include <gtest/gtest.h>
#include <mcp/message.hpp>

namespace weir::mcp::detail {
namespace {

message one(std::string_view text) {
  incoming in = read_message(text);
  EXPECT_EQ(in.messages.size(), 1U) << text;
  return std::move(in.messages.front());
}

TEST(McpMessage, ReadsRequestsNotificationsAndResponses) {
  message m = one(R"({"jsonrpc":"2.0","id":7,"method":"tools/list","params":{"a":1}})");
  EXPECT_EQ(m.kind, message_kind::request);
  EXPECT_EQ(m.id, "7");
  EXPECT_EQ(m.method, "tools/list");
  EXPECT_TRUE(m.params.contains("a"));
  EXPECT_EQ(one(R"({"jsonrpc":"2.0","method":"x"})").kind, message_kind::notification);
  EXPECT_EQ(one(R"({"jsonrpc":"2.0","id":1,"result":{}})").kind, message_kind::response);
}

TEST(McpMessage, KeepsIdsApartByTypeAndEchoesThem) {
  EXPECT_EQ(one(R"({"jsonrpc":"2.0","id":"7","method":"x"})").id, "\"7\"");
  EXPECT_EQ(one(R"({"jsonrpc":"2.0","id":7.0,"method":"x"})").id, "7");
  EXPECT_EQ(one(R"({"jsonrpc":"2.0","id":-3,"method":"x"})").id, "-3");
  EXPECT_EQ(one(R"({"jsonrpc":"2.0","id":1.5,"method":"x"})").id, "1.5");
  EXPECT_EQ(one(R"({"jsonrpc":"2.0","id":"a\"\\b","method":"x"})").id, R"("a\"\\b")");
  EXPECT_EQ(one(R"({"jsonrpc":"2.0","id":"","method":"x"})").id, "\"\"");
}

TEST(McpMessage, RefusesWhatIsNoMessage) {
  struct {
    const char* text;
    int code;
    const char* id;
  } cases[] = {
      {"", -32700, "null"},
      {"{", -32700, "null"},
      {"nonsense", -32700, "null"},
      {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\"} {}", -32700, "null"},
      {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\xfe\"}", -32700, "null"},
      {"1", -32600, "null"},
      {"null", -32600, "null"},
      {"\"text\"", -32600, "null"},
      {"[]", -32600, "null"},
      {"{}", -32600, "null"},
      {R"({"jsonrpc":"2.0","id":null,"method":"x"})", -32600, "null"},
      {R"({"jsonrpc":"2.0","id":true,"method":"x"})", -32600, "null"},
      {R"({"jsonrpc":"2.0","id":{},"method":"x"})", -32600, "null"},
      {R"({"jsonrpc":"2.0","id":[1],"method":"x"})", -32600, "null"},
      {R"({"jsonrpc":"1.0","id":4,"method":"x"})", -32600, "4"},
      {R"({"id":4,"method":"x"})", -32600, "4"},
      {R"({"jsonrpc":"2.0","id":4,"method":5})", -32600, "4"},
      {R"({"jsonrpc":"2.0","id":4})", -32600, "4"},
      {R"({"jsonrpc":"2.0","id":4,"method":"x","params":[1]})", -32602, "4"},
      {R"({"jsonrpc":"2.0","id":4,"method":"x","params":"no"})", -32602, "4"},
  };
  for (const auto& c : cases) {
    message m = one(c.text);
    EXPECT_EQ(m.kind, message_kind::invalid) << c.text;
    EXPECT_EQ(m.error_code, c.code) << c.text;
    EXPECT_EQ(m.id, c.id) << c.text;
  }
}

TEST(McpMessage, NeverAnswersANotification) {
  EXPECT_EQ(one(R"({"jsonrpc":"2.0","method":"x","params":[1]})").kind, message_kind::notification);
}

TEST(McpMessage, RefusesDeepNestingAndSurvivesIt) {
  std::string deep = R"({"jsonrpc":"2.0","id":1,"method":"x","params":{"a":)" + std::string(100'000, '[') +
                     std::string(100'000, ']') + "}}";
  EXPECT_EQ(one(deep).error_code, -32700);
  std::string fine =
      R"({"jsonrpc":"2.0","id":1,"method":"x","params":{"a":)" + std::string(50, '[') + std::string(50, ']') + "}}";
  EXPECT_EQ(one(fine).kind, message_kind::request);
}

TEST(McpMessage, ReadsBatchesUpToALimit) {
  incoming in = read_message(R"([{"jsonrpc":"2.0","id":1,"method":"a"},5,{"jsonrpc":"2.0","method":"b"}])");
  ASSERT_TRUE(in.is_batch);
  ASSERT_EQ(in.messages.size(), 3U);
  EXPECT_EQ(in.messages[1].error_code, -32600);
  std::string many = "[";
  for (int i = 0; i < 101; ++i) many += (i ? ",1" : "1");
  in = read_message(many + "]");
  EXPECT_FALSE(in.is_batch);
  EXPECT_EQ(in.messages.front().error_code, -32600);
}

TEST(McpMessage, RefusesAnIdThatIsMadeToBeLong) {
  std::string text = R"({"jsonrpc":"2.0","id":")" + std::string(5000, 'x') + R"(","method":"x"})";
  EXPECT_EQ(one(text).error_code, -32600);
}

TEST(McpMessage, WritesResponses) {
  EXPECT_EQ(result_response("7", "{}"), R"({"jsonrpc":"2.0","id":7,"result":{}})");
  EXPECT_EQ(error_response("null", -32700, "bad"),
            R"({"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"bad"}})");
  json::value data = {{"uri", "x"}};
  EXPECT_EQ(error_response("\"a\"", -32602, "no", &data),
            R"({"jsonrpc":"2.0","id":"a","error":{"code":-32602,"message":"no","data":{"uri":"x"}}})");
  EXPECT_EQ(notification("n", {}), R"({"jsonrpc":"2.0","method":"n"})");
}

} // namespace
} // namespace weir::mcp::detail
