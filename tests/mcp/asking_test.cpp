#include <gtest/gtest.h>
#include <mcp/http_client.hpp>
#include <mcp/pipe_client.hpp>
#include <mcp/request_state.hpp>

namespace weir::mcp {
namespace {

using namespace std::chrono_literals;
using namespace testing;

void add_asking(server& to) {
  tool t = make_tool("confirm", "Asks twice.",
                     [](call_context& call, json::object arguments) -> task<tool_result> {
                       std::vector<input_request> first, second;
                       first.push_back({"size", "elicitation/create", {{"message", "Which size?"}}});
                       auto size = co_await call.ask(std::move(first));
                       second.push_back({"sure", "elicitation/create", {{"message", "Sure?"}}});
                       auto sure = co_await call.ask(std::move(second));
                       co_return tool_result::text(json::string_or(arguments, "what") + " " +
                                                   json::serialize(size.at("size")) + json::serialize(sure.at("sure")));
                     },
                     {{"type", "object"}});
  t.asks_client = true;
  to.add_tool(std::move(t));
  to.add_tool(
      make_tool("rude", "Asks without having said so.", [](call_context& call, json::object) -> task<tool_result> {
        std::vector<input_request> round;
        round.push_back({"x", "elicitation/create", {}});
        co_await call.ask(std::move(round));
        co_return tool_result::text("never");
      }));
}

class asked_desk {
 public:
  asked_desk() : server_(sample_options()), session_(server_) { add_asking(server_); }

  json::object call(std::string more, std::string arguments = R"({"what":"tea"})", std::string name = "confirm",
                    std::string capabilities = R"({"elicitation":{}})") {
    std::string text = legacy("1", "tools/call",
                              R"("name":")" + name + R"(","arguments":)" + arguments + more +
                                  R"(,"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
                                  R"("io.modelcontextprotocol/clientCapabilities":)" +
                                  capabilities + "}");
    return json::parse(*run(server_.handle(text, session_))).as_object();
  }

 private:
  server server_;
  session session_;
};

std::string state_of(const json::object& answer) {
  return std::string(answer.at("result").at("requestState").as_string());
}
std::string with(const std::string& responses, const std::string& state) {
  return R"(,"inputResponses":)" + responses + R"(,"requestState":)" + json::serialize(json::value(state));
}

TEST(McpAsking, AModernClientAnswersByAskingAgain) {
  asked_desk d;
  json::object first = d.call("");
  EXPECT_EQ(first.at("result").at("resultType"), "input_required");
  EXPECT_EQ(first.at("result").at("inputRequests").at("size").at("method"), "elicitation/create");
  json::object second = d.call(with(R"({"size":{"a":1}})", state_of(first)));
  EXPECT_EQ(second.at("result").at("resultType"), "input_required");
  EXPECT_TRUE(second.at("result").at("inputRequests").as_object().contains("sure"));
  EXPECT_FALSE(second.at("result").at("inputRequests").as_object().contains("size"));
  json::object third = d.call(with(R"({"sure":{"b":2}})", state_of(second))); // the first answer is in the state
  EXPECT_EQ(third.at("result").at("resultType"), "complete");
  EXPECT_EQ(text_of(third), R"(tea {"a":1}{"b":2})");
}

TEST(McpAsking, AsksAgainForWhatIsMissingOrOdd) {
  asked_desk d;
  for (const char* responses : {"{}", R"({"other":{}})", R"({"size":7})", R"({"size":null})"})
    EXPECT_TRUE(d.call(std::string(R"(,"inputResponses":)") + responses)
                    .at("result")
                    .at("inputRequests")
                    .as_object()
                    .contains("size"))
        << responses;
  EXPECT_EQ(error_code_of(d.call(R"(,"inputResponses":null)")), -32602);
  EXPECT_EQ(error_code_of(d.call(R"(,"inputResponses":[])")), -32602);
}

TEST(McpAsking, RefusesAStateThatIsNotItsOwn) {
  asked_desk d, other;
  std::string state = state_of(d.call(""));
  EXPECT_EQ(error_code_of(d.call(with("{}", state))), 0);
  EXPECT_EQ(error_code_of(d.call(with("{}", state + "x"))), -32602);
  EXPECT_EQ(error_code_of(d.call(with("{}", "0" + state.substr(1)))) +
                error_code_of(d.call(with("{}", "1" + state.substr(1)))),
            state[0] == '0' || state[0] == '1' ? -32602 : 2 * -32602);
  EXPECT_EQ(error_code_of(d.call(with("{}", ""))), -32602);
  EXPECT_EQ(error_code_of(d.call(with("{}", state), R"({"what":"coffee"})")), -32602); // another request
  EXPECT_EQ(error_code_of(other.call(with("{}", state))), -32602);                     // another server
  EXPECT_EQ(error_code_of(d.call(R"(,"requestState":7)")), -32602);
}

TEST(McpAsking, AsksOnlyForWhatTheClientDeclared) {
  asked_desk d;
  EXPECT_EQ(error_code_of(d.call("", "{}", "confirm", "{}")), -32021);
  EXPECT_EQ(d.call("", "{}", "rude").at("result").at("isError"), true);
}

TEST(McpAsking, SealedStatesExpireAndAreBound) {
  detail::state_sealer sealer;
  auto now = std::chrono::system_clock::now();
  std::string sealed = sealer.seal({{"k", {{"v", 1}}}}, "purpose", now + 10s);
  ASSERT_TRUE(sealer.open(sealed, "purpose", now));
  EXPECT_EQ(sealer.open(sealed, "purpose", now)->at("k").at("v"), 1);
  EXPECT_FALSE(sealer.open(sealed, "another", now));
  EXPECT_FALSE(sealer.open(sealed, "purpose", now + 12s));
  EXPECT_FALSE(detail::state_sealer().open(sealed, "purpose", now));
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    std::string bent = sealed;
    bent[i] = static_cast<char>(bent[i] ^ 1);
    EXPECT_FALSE(sealer.open(bent, "purpose", now)) << i;
    EXPECT_FALSE(sealer.open(sealed.substr(0, i), "purpose", now)) << i;
  }
}

TEST(McpAsking, ALegacyClientIsAskedWhileTheHandlerWaits) {
  pipe_client::settings settings;
  settings.furnish_more = add_asking;
  pipe_client client(settings);
  client.ask(R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18",)"
             R"("capabilities":{"elicitation":{}},"clientInfo":{"name":"t","version":"1"}}})");
  client.send(legacy("1", "tools/call", R"("name":"confirm","arguments":{"what":"tea"})"));
  for (const char* expected : {"Which size?", "Sure?"}) {
    json::object question = client.receive();
    EXPECT_EQ(question.at("method"), "elicitation/create");
    EXPECT_EQ(question.at("params").at("message"), expected);
    client.send(R"({"jsonrpc":"2.0","id":"weir-nobody","result":{}})"); // to nothing
    client.send(R"({"jsonrpc":"2.0","id":)" + json::serialize(question.at("id")) + R"(,"result":{"ok":true}})");
  }
  EXPECT_EQ(text_of(client.receive()), R"(tea {"ok":true}{"ok":true})");

  client.send(legacy("2", "tools/call", R"("name":"confirm")"));
  json::object question = client.receive();
  client.send(R"({"jsonrpc":"2.0","id":)" + json::serialize(question.at("id")) +
              R"(,"error":{"code":-1,"message":"not now"}})");
  json::object refused = client.receive();
  EXPECT_EQ(refused.at("result").at("isError"), true);
  EXPECT_NE(text_of(refused).find("not now"), std::string::npos);

  client.send(legacy("3", "tools/call", R"("name":"confirm")")); // cancelled while it waits for the answer
  client.receive();
  client.send(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":3}})");
  EXPECT_TRUE(client.is_quiet(50ms));
}

TEST(McpAsking, ALegacyClientOverHttpIsAskedOnTheStream) {
  http_fixture at({}, add_asking);
  http_connection calling(at.port()), answering(at.port());
  calling.send("POST", legacy("1", "tools/call", R"("name":"confirm","arguments":{"what":"tea"})"),
               {{"MCP-Protocol-Version", "2025-11-25"}});
  std::size_t asked = 0;
  for (const char* expected : {"Which size?", "Sure?"}) {
    ASSERT_TRUE(calling.read_until(expected));
    std::size_t from = calling.seen().find("\"id\":\"weir-", asked) + 5;
    asked = calling.seen().find('"', from + 1) + 1;
    std::string id = calling.seen().substr(from, asked - from);
    EXPECT_EQ(answering.post(R"({"jsonrpc":"2.0","id":)" + id + R"(,"result":{"ok":1}})").status, 202);
  }
  auto events = calling.receive().events();
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(text_of(events[2]), R"(tea {"ok":1}{"ok":1})");
  // A client that cannot read a stream cannot be asked.
  http_answer plain =
      answering.post(legacy("2", "tools/call", R"("name":"confirm")"), {{"Accept", "application/json"}});
  EXPECT_EQ(plain.json().at("result").at("isError"), true);
}

} // namespace
} // namespace weir::mcp
