#include <weir/mcp/server.hpp>

#include <gtest/gtest.h>
#include <mcp/pipe_client.hpp>

#include <cstdlib>
#include <fstream>

namespace weir::mcp {
namespace {

using namespace testing;

/// One server and one session without a transport.
class desk {
 public:
  explicit desk(server_options options = sample_options()) : server_(quiet(std::move(options))) {
    furnish(server_);
    session_.emplace(server_, [this](std::string text) { pushed.push_back(std::move(text)); });
  }
  std::optional<std::string> raw(std::string text) {
    return run(
        server_.handle(std::move(text), *session_, [this](std::string note) { notes.push_back(std::move(note)); }));
  }
  json::object ask(std::string text) {
    auto answer = raw(std::move(text));
    EXPECT_TRUE(answer);
    return answer ? json::parse(*answer).as_object() : json::object();
  }
  json::object result(std::string text) {
    json::object answer = ask(std::move(text));
    EXPECT_TRUE(answer.contains("result")) << json::serialize(answer);
    return answer.contains("result") ? answer.at("result").as_object() : json::object();
  }
  json::object failure(std::string text) {
    json::object answer = ask(std::move(text));
    EXPECT_TRUE(answer.contains("error")) << json::serialize(answer);
    return answer.contains("error") ? answer.at("error").as_object() : json::object();
  }
  int code(std::string text) { return static_cast<int>(json::int_or(failure(std::move(text)), "code", 0)); }
  json::object initialize(std::string_view version) {
    return result(R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":")" +
                  std::string(version) + R"(","capabilities":{},"clientInfo":{"name":"t","version":"1"}}})");
  }
  server& the_server() { return server_; }

  std::vector<std::string> notes, pushed, logged;

 private:
  server_options quiet(server_options options) {
    options.log = [this](std::string_view line) { logged.emplace_back(line); };
    return options;
  }
  server server_;
  std::optional<session> session_;
};

TEST(McpServer, NegotiatesEveryLegacyRevisionAndElseTheNewest) {
  for (const char* v : {"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"})
    EXPECT_EQ(desk().initialize(v).at("protocolVersion"), v);
  for (const char* v : {"1999-01-01", "2026-07-28", "2030-01-01", ""})
    EXPECT_EQ(desk().initialize(v).at("protocolVersion"), "2025-11-25") << v;
  EXPECT_EQ(desk().code(legacy("1", "initialize")), -32602);
  EXPECT_EQ(desk().code(legacy("1", "initialize", R"("protocolVersion":7)")), -32602);
}

TEST(McpServer, RefusesARequestWithoutEra) {
  desk d;
  EXPECT_EQ(d.code(legacy("1", "tools/list")), -32602);
  EXPECT_TRUE(d.result(legacy("1", "ping")).empty());
  d.initialize("2025-06-18");
  EXPECT_TRUE(d.result(legacy("1", "tools/list")).contains("tools"));
}

TEST(McpServer, ChecksTheMetaOfModernRequests) {
  desk d;
  auto with = [](std::string meta) { return legacy("3", "tools/list", "\"_meta\":" + meta); };
  const std::string version = R"("io.modelcontextprotocol/protocolVersion":)";
  const std::string abilities = R"("io.modelcontextprotocol/clientCapabilities":)";
  EXPECT_EQ(d.code(legacy("3", "server/discover")), -32602);
  EXPECT_EQ(d.code(with("{" + version + "\"2026-07-28\"}")), -32602);
  EXPECT_EQ(d.code(with("{" + abilities + "{}}")), -32602);
  EXPECT_EQ(d.code(with("{" + version + "7," + abilities + "{}}")), -32602);
  EXPECT_EQ(d.code(with("{" + version + "\"2026-07-28\"," + abilities + "[]}")), -32602);
  EXPECT_EQ(d.code(with("[]")), -32602);
  EXPECT_EQ(
      d.code(with("{" + version + "\"2026-07-28\"," + abilities + R"({},"io.modelcontextprotocol/logLevel":"loud"})")),
      -32602);
  EXPECT_TRUE(d.result(with("{" + version + "\"2026-07-28\"," + abilities + "{}}")).contains("tools")); // no clientInfo

  for (std::string v : {"2099-01-01", "2025-11-25", ""}) {
    json::object failure = d.failure(with("{" + version + "\"" + v + "\"," + abilities + "{}}"));
    EXPECT_EQ(failure.at("code"), -32022);
    EXPECT_EQ(failure.at("data").at("requested"), json::value(v));
    EXPECT_EQ(failure.at("data").at("supported"), (json::array{"2026-07-28"}));
  }
}

TEST(McpServer, RemovedAndUnknownMethodsAreNotFound) {
  desk d;
  for (const char* method : {"initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe",
                             "tasks/list", "sampling/createMessage", "", "tools/List"})
    EXPECT_EQ(d.code(modern("1", method)), -32601) << method;
  d.initialize("2025-11-25");
  for (const char* method : {"tasks/get", "nonsense", "notifications/initialized"})
    EXPECT_EQ(d.code(legacy("1", method)), -32601) << method;
}

TEST(McpServer, AnswersNoNotification) {
  desk d;
  EXPECT_FALSE(d.raw(R"({"jsonrpc":"2.0","method":"notifications/initialized"})"));
  EXPECT_FALSE(d.raw(R"({"jsonrpc":"2.0","method":"notifications/whatever","params":{}})"));
  EXPECT_FALSE(d.raw(R"({"jsonrpc":"2.0","method":"tools/call","params":{"name":"echo"}})"));
}

TEST(McpServer, CallsTools) {
  desk d;
  d.initialize("2025-11-25");
  EXPECT_EQ(text_of(d.ask(legacy("1", "tools/call", R"("name":"echo")"))), "nothing"); // no arguments
  EXPECT_EQ(text_of(d.ask(legacy("1", "tools/call", R"("name":"echo","arguments":null)"))), "nothing");
  EXPECT_EQ(d.code(legacy("1", "tools/call", R"("name":"echo","arguments":[])")), -32602);
  EXPECT_EQ(d.code(legacy("1", "tools/call", R"("name":7)")), -32602);
  EXPECT_EQ(d.code(legacy("1", "tools/call")), -32602);
  EXPECT_EQ(d.code(legacy("1", "tools/call", R"("name":"nobody")")), -32602);
  EXPECT_EQ(d.code(modern("1", "tools/call", R"("name":"nobody")")), -32602);
}

TEST(McpServer, FailuresOfToolsAreResultsThatLeakNothing) {
  desk d;
  json::object refused = d.result(modern("1", "tools/call", R"("name":"refuse")"));
  EXPECT_EQ(refused.at("isError"), true);
  EXPECT_EQ(refused.at("content").at(0).at("text"), "size 'huge' is unknown; use small or large");
  json::object crashed = d.result(modern("1", "tools/call", R"("name":"crash")"));
  EXPECT_EQ(crashed.at("isError"), true);
  EXPECT_EQ(json::serialize(crashed).find("secret"), std::string::npos);
  ASSERT_EQ(d.logged.size(), 1U);
  EXPECT_NE(d.logged[0].find("secret"), std::string::npos);
}

TEST(McpServer, DemandsACapabilityOfAModernClient) {
  desk d;
  json::object failure = d.failure(modern("1", "tools/call", R"("name":"ask")"));
  EXPECT_EQ(failure.at("code"), -32021);
  EXPECT_TRUE(failure.at("data").at("requiredCapabilities").at("sampling").is_object());
  std::string able = legacy("1", "tools/call",
                            R"("name":"ask","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
                            R"("io.modelcontextprotocol/clientCapabilities":{"sampling":{}}})");
  EXPECT_EQ(text_of(d.ask(able)), "asked");
  d.initialize("2025-11-25");
  EXPECT_EQ(d.result(legacy("1", "tools/call", R"("name":"ask")")).at("isError"), true);
}

TEST(McpServer, StructuredResultsOnlyWhereTheRevisionKnowsThem) {
  auto measured = [](const char* v) {
    desk d;
    d.initialize(v);
    return d.result(legacy("1", "tools/call", R"("name":"measure")"));
  };
  EXPECT_FALSE(measured("2024-11-05").contains("structuredContent"));
  EXPECT_FALSE(measured("2025-03-26").contains("structuredContent"));
  EXPECT_EQ(measured("2025-06-18").at("structuredContent").at("width"), 640);
  EXPECT_EQ(measured("2025-06-18").at("content").at(0).at("text"), R"({"width":640,"height":480})");
}

TEST(McpServer, ListsAreTheSameBytesEveryTimeAndHaveOnePage) {
  desk d;
  auto first = d.raw(modern("1", "tools/list")), second = d.raw(modern("1", "tools/list"));
  EXPECT_EQ(first, second);
  EXPECT_EQ(d.code(modern("1", "tools/list", R"("cursor":"x")")), -32602);
  EXPECT_EQ(d.code(modern("1", "prompts/list", R"("cursor":"")")), -32602);
  EXPECT_EQ(d.code(modern("1", "resources/templates/list", R"("cursor":7)")), -32602);
  EXPECT_TRUE(d.the_server().remove_tool("crash"));
  EXPECT_FALSE(d.the_server().remove_tool("crash"));
  EXPECT_NE(d.raw(modern("1", "tools/list")), first);
}

TEST(McpServer, ModernAnswersCarryTypeServerAndCacheHints) {
  desk d;
  for (std::string request : {modern("1", "server/discover"), modern("1", "tools/list"), modern("1", "prompts/list"),
                              modern("1", "resources/list"), modern("1", "resources/templates/list"),
                              modern("1", "resources/read", R"("uri":"sample://greeting")")}) {
    json::object result = d.result(request);
    EXPECT_EQ(result.at("resultType"), "complete") << request;
    EXPECT_GE(result.at("ttlMs").as_int64(), 0) << request;
    EXPECT_TRUE(result.at("cacheScope") == "public" || result.at("cacheScope") == "private") << request;
    EXPECT_EQ(result.at("_meta").at("io.modelcontextprotocol/serverInfo").at("name"), "sample");
  }
  json::object called = d.result(modern("1", "tools/call", R"("name":"echo")"));
  EXPECT_EQ(called.at("resultType"), "complete");
  EXPECT_FALSE(called.contains("ttlMs"));
}

TEST(McpServer, ReadsResources) {
  desk d;
  json::object first = d.result(modern("1", "resources/list"));
  EXPECT_EQ(first.at("resources").as_array().size(), 2U); // the fixed one that is listed, and the provider's first
  EXPECT_EQ(first.at("cacheScope"), "private");
  json::object second = d.result(modern("1", "resources/list", R"("cursor":"2")"));
  EXPECT_EQ(second.at("resources").as_array().size(), 1U);
  EXPECT_FALSE(second.contains("nextCursor"));
  EXPECT_EQ(d.code(modern("1", "resources/list", R"("cursor":"9")")), -32602);

  EXPECT_EQ(d.result(modern("1", "resources/read", R"("uri":"sample://greeting")")).at("contents").at(0).at("text"),
            "hello");
  EXPECT_EQ(d.result(modern("1", "resources/read", R"("uri":"media://images/a.png")")).at("contents").at(0).at("blob"),
            "iVBORw0KGgo=");
  json::object unlisted = d.result(modern("1", "resources/read", R"("uri":"ui://sample/page.html")"));
  EXPECT_EQ(unlisted.at("cacheScope"), "public");
  EXPECT_EQ(unlisted.at("ttlMs"), 3'600'000);

  std::string missing = R"("uri":"media://images/none.png")";
  json::object gone = d.failure(modern("1", "resources/read", missing));
  EXPECT_EQ(gone.at("code"), -32602);
  EXPECT_EQ(gone.at("data").at("uri"), "media://images/none.png");
  d.initialize("2025-11-25");
  EXPECT_EQ(d.code(legacy("1", "resources/read", missing)), -32002);
  EXPECT_EQ(d.code(legacy("1", "resources/read")), -32602);
}

TEST(McpServer, GivesPrompts) {
  desk d;
  json::object got = d.result(modern("1", "prompts/get", R"("name":"review","arguments":{"shot":"sh010"})"));
  EXPECT_EQ(got.at("messages").at(0).at("content").at("text"), "Look at sh010");
  EXPECT_EQ(got.at("messages").at(0).at("role"), "user");
  EXPECT_EQ(d.code(modern("1", "prompts/get", R"("name":"review")")), -32602);
  EXPECT_EQ(d.code(modern("1", "prompts/get", R"("name":"review","arguments":{"shot":7})")), -32602);
  EXPECT_EQ(d.code(modern("1", "prompts/get", R"("name":"nobody")")), -32602);
}

TEST(McpServer, CompletesArguments) {
  desk d;
  auto complete = [&](std::string reference, std::string value) {
    return d
        .result(modern("1", "completion/complete",
                       "\"ref\":{" + reference + R"(},"argument":{"name":"shot","value":")" + value + "\"}"))
        .at("completion")
        .as_object();
  };
  EXPECT_EQ(complete(R"("type":"ref/prompt","name":"review")", "sh01").at("values"), (json::array{"sh010"}));
  json::object many = complete(R"("type":"ref/resource","uri":"media://images/{name}")", "");
  EXPECT_EQ(many.at("values").as_array().size(), 100U);
  EXPECT_EQ(many.at("total"), 150);
  EXPECT_EQ(many.at("hasMore"), true);
  EXPECT_TRUE(complete(R"("type":"ref/prompt","name":"nobody")", "x").at("values").as_array().empty());
  EXPECT_EQ(d.code(modern("1", "completion/complete", R"("ref":{"type":"ref/x"},"argument":{"name":"a","value":""})")),
            -32602);
  EXPECT_EQ(d.code(modern("1", "completion/complete", R"("ref":{"type":"ref/prompt","name":"review"})")), -32602);
}

TEST(McpServer, SendsLogsToWhoAskedForThem) {
  desk d;
  d.ask(modern("1", "tools/call", R"("name":"talk")"));
  EXPECT_TRUE(d.notes.empty());
  std::string loud =
      legacy("1", "tools/call",
             R"("name":"talk","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
             R"("io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/logLevel":"debug"})");
  d.ask(loud);
  EXPECT_EQ(d.notes.size(), 2U);
  d.notes.clear();
  d.initialize("2025-06-18");
  EXPECT_TRUE(d.result(legacy("1", "logging/setLevel", R"("level":"warning")")).empty());
  EXPECT_EQ(d.code(legacy("1", "logging/setLevel", R"("level":"loud")")), -32602);
  d.ask(legacy("1", "tools/call", R"("name":"talk")"));
  ASSERT_EQ(d.notes.size(), 1U);
  json::value note = json::parse(d.notes[0]);
  EXPECT_EQ(note.at("method"), "notifications/message");
  EXPECT_EQ(note.at("params").at("level"), "warning");
  EXPECT_EQ(note.at("params").at("data").at("left"), 3);
}

TEST(McpServer, RefusesABadSetUp) {
  EXPECT_THROW(server(server_options{}), error);
  server_options wordy = sample_options();
  wordy.instructions = std::string(2001, 'x');
  EXPECT_THROW(server{wordy}, error);
  wordy.instructions.clear();
  for (int i = 0; i < 2000; ++i) wordy.instructions += "\xC3\xA9"; // 2,000 characters
  EXPECT_NO_THROW(server{wordy});

  server s(sample_options());
  auto nothing = [](call_context&, json::object) -> task<tool_result> { co_return tool_result{}; };
  s.add_tool(make_tool("a", "d", nothing));
  EXPECT_THROW(s.add_tool(make_tool("a", "d", nothing)), error);
  EXPECT_THROW(s.add_tool(make_tool("", "d", nothing)), error);
  EXPECT_THROW(s.add_tool(make_tool("a b", "d", nothing)), error);
  EXPECT_THROW(s.add_tool(make_tool(std::string(65, 'a'), "d", nothing)), error);
  EXPECT_THROW(s.add_tool(make_tool("b", "", nothing)), error);
  EXPECT_THROW(s.add_tool(make_tool("b", "d", nullptr)), error);
  EXPECT_THROW(s.add_tool(make_tool("b", "d", nothing, {{"type", "array"}})), error);
}

TEST(McpServer, NoInitializeInABatchAndNoEmptyContents) {
  desk d;
  d.initialize("2025-03-26");
  json::value answers = json::parse(
      *d.raw("[" + legacy("1", "initialize", R"("protocolVersion":"2025-11-25")") + "," + legacy("2", "ping") + "]"));
  EXPECT_EQ(error_code_of(answers.at(0).as_object()), -32600);
  EXPECT_EQ(answers.at(1).at("id"), 2);
  d.the_server().add_resource({"a://empty", "empty"},
                              [](call_context&, std::string) -> task<std::vector<resource_contents>> {
                                co_return std::vector<resource_contents>{};
                              });
  EXPECT_EQ(d.code(modern("1", "resources/read", R"("uri":"a://empty")")), -32602);
}

TEST(McpServer, SurvivesBentMessages) {
  desk d;
  d.initialize("2025-03-26");
  const std::vector<std::string> good{
      modern("1", "tools/call", R"("name":"echo","arguments":{"text":"x"})"),
      modern("\"a\"", "server/discover"),
      modern("2", "resources/read", R"("uri":"sample://greeting")"),
      modern("3", "completion/complete",
             R"("ref":{"type":"ref/prompt","name":"review"},"argument":{"name":"a","value":"s"})"),
      legacy("4", "prompts/get", R"("name":"review","arguments":{"shot":"x"},"_meta":{"progressToken":1})"),
      legacy("5", "initialize", R"("protocolVersion":"2025-06-18","clientInfo":{"name":"n"},"capabilities":{})"),
      "[" + legacy("6", "ping") + "," + legacy("7", "tools/list") + "]",
  };
  unsigned random = 1;
  auto next = [&random] { return (random = random * 1664525U + 1013904223U) >> 8; };
  constexpr std::string_view spice = "{}[]\",:0123456789nulltruefalse\\\n\0\xff";
  for (int i = 0; i < 20'000; ++i) {
    std::string text = good[next() % good.size()];
    for (unsigned edits = 1 + next() % 4; edits > 0; --edits) {
      std::size_t at = next() % text.size();
      switch (next() % 3) {
      case 0:
        text[at] = spice[next() % spice.size()];
        break;
      case 1:
        text.erase(at, 1 + next() % 8);
        break;
      default:
        text.insert(at, good[next() % good.size()].substr(next() % 40, next() % 40));
        break;
      }
      if (text.empty()) text = "x";
    }
    if (auto answer = d.raw(text)) {
      json::value read = json::parse(*answer);
      ASSERT_TRUE(read.is_array() || read.as_object().at("jsonrpc") == "2.0") << text;
      ASSERT_EQ(answer->find('\n'), std::string::npos) << text;
    }
  }
}

/// Every message shape that differs by revision, against files that were read by eye. WEIR_WRITE_GOLDEN=1 writes them.
TEST(McpServer, GoldenMessagesOfEveryRevision) {
  for (version v : all_versions) {
    desk d;
    std::vector<std::string> requests;
    auto add = [&](std::string id, std::string method, std::string members = "") {
      requests.push_back(is_modern(v) ? modern(id, method, members) : legacy(id, method, members));
    };
    if (is_modern(v))
      add("1", "server/discover");
    else
      requests.push_back(
          legacy("1", "initialize", R"("protocolVersion":")" + std::string(to_string(v)) + R"(","capabilities":{})"));
    add("2", "tools/list");
    add("3", "tools/call", R"("name":"gallery")");
    add("4", "tools/call", R"("name":"measure")");
    add("5", "tools/call", R"("name":"refuse")");
    add("6", "resources/list");
    add("7", "resources/read", R"("uri":"media://images/a.png")");
    add("8", "resources/read", R"("uri":"media://images/none.png")");
    add("9", "resources/templates/list");
    add("10", "prompts/list");
    add("11", "prompts/get", R"("name":"review","arguments":{"shot":"sh010"})");
    std::string got;
    for (std::string& request : requests) got += *d.raw(request) + "\n";

    std::string path = MCP_GOLDEN + std::string(to_string(v)) + ".jsonl";
    if (std::getenv("WEIR_WRITE_GOLDEN")) std::ofstream(path) << got;
    std::ifstream file(path);
    ASSERT_TRUE(file) << path;
    std::string line;
    std::istringstream lines(got);
    for (std::string expected; std::getline(file, expected);) {
      ASSERT_TRUE(std::getline(lines, line));
      EXPECT_EQ(line, expected) << path;
    }
    EXPECT_FALSE(std::getline(lines, line)) << path;
  }
}

} // namespace
} // namespace weir::mcp
