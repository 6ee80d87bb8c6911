#include <weir/mcp/http_transport.hpp>

#include <gtest/gtest.h>
#include <mcp/http_client.hpp>

namespace weir::mcp {
namespace {

using namespace std::chrono_literals;
using namespace testing;
using fields = http_connection::fields;

const fields modern_list = modern_fields("tools/list");

std::string call(const std::string& id, const std::string& name, const std::string& arguments = "{}",
                 const std::string& meta = "") {
  return legacy(id, "tools/call",
                R"("name":")" + name + R"(","arguments":)" + arguments + (meta.empty() ? "" : R"(,"_meta":)" + meta));
}
std::string modern_call(const std::string& id, const std::string& name, const std::string& arguments = "{}") {
  return modern(id, "tools/call", R"("name":")" + name + R"(","arguments":)" + arguments);
}
template <class F>
bool eventually(F done) {
  for (int i = 0; i < 500; ++i) {
    if (done()) return true;
    std::this_thread::sleep_for(10ms);
  }
  return false;
}

TEST(McpHttp, SpeaksBothErasOnOneConnection) {
  http_fixture at;
  http_connection client(at.port());
  http_answer found = client.post(modern("1", "server/discover"), modern_fields("server/discover"));
  EXPECT_EQ(found.status, 200);
  EXPECT_EQ(found.fields["content-type"], "application/json");
  EXPECT_EQ(found.json().at("result").at("resultType"), "complete");
  EXPECT_FALSE(found.fields.contains("mcp-session-id"));

  http_answer opened = client.post(legacy("2", "initialize", R"("protocolVersion":"2025-06-18","capabilities":{})"));
  EXPECT_EQ(opened.json().at("result").at("protocolVersion"), "2025-06-18");
  std::string session = opened.fields["mcp-session-id"];
  ASSERT_FALSE(session.empty());
  fields old{{"Mcp-Session-Id", session}, {"MCP-Protocol-Version", "2025-06-18"}};
  EXPECT_EQ(client.post(R"({"jsonrpc":"2.0","method":"notifications/initialized"})", old).status, 202);
  json::object listed = client.post(legacy("3", "tools/list"), old).json();
  EXPECT_FALSE(listed.at("result").as_object().contains("resultType"));
  EXPECT_EQ(text_of(client.post(call("4", "echo", R"({"text":"hi"})"), old).json()), "hi");
  EXPECT_EQ(client.post(modern("5", "tools/list"), modern_list).json().at("result").at("resultType"), "complete");
}

TEST(McpHttp, TheSessionIdKnowsTheRevision) {
  http_fixture at;
  http_connection client(at.port());
  std::string old =
      client.post(legacy("1", "initialize", R"("protocolVersion":"2024-11-05")")).fields["mcp-session-id"];
  auto first_tool = [&](fields with) {
    return client.post(legacy("2", "tools/list"), with).json().at("result").at("tools").at(0).as_object();
  };
  EXPECT_FALSE(first_tool({{"Mcp-Session-Id", old}}).contains("annotations"));
  EXPECT_TRUE(first_tool({}).contains("annotations")); // without anything: 2025-03-26
  EXPECT_FALSE(first_tool({}).contains("title"));
  EXPECT_TRUE(first_tool({{"MCP-Protocol-Version", "2025-06-18"}}).contains("title"));
  EXPECT_EQ(client.post(legacy("2", "tools/list"), {{"Mcp-Session-Id", "gone"}}).status, 404);
  EXPECT_EQ(client
                .post(modern("2", "tools/list"), fields{{"Mcp-Session-Id", "gone"},
                                                        {"MCP-Protocol-Version", "2026-07-28"},
                                                        {"Mcp-Method", "tools/list"}})
                .status,
            200); // ignored in the modern era
}

TEST(McpHttp, RefusesForeignHostsAndOrigins) {
  http_options options;
  options.allowed_hosts = {"studio.example", "exact.example:8443"};
  options.allowed_origins = {"https://app.example"};
  http_fixture at(options);
  auto status = [&](fields with) {
    http_connection client(at.port());
    for (const auto& [name, value] : modern_list) with.emplace(name, value);
    return client.post(modern("1", "tools/list"), with).status;
  };
  for (const char* host : {"localhost", "localhost:1234", "127.0.0.1:80", "[::1]:9", "LOCALHOST", "studio.example",
                           "studio.example:8080", "exact.example:8443"})
    EXPECT_EQ(status({{"Host", host}}), 200) << host;
  for (const char* host : {"evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "exact.example",
                           "exact.example:1", "studio.example.evil", "notstudio.example", "169.254.169.254"})
    EXPECT_EQ(status({{"Host", host}}), 403) << host;
  for (const char* origin : {"http://localhost:5173", "https://127.0.0.1", "https://app.example",
                             "https://studio.example", "http://[::1]:3000"})
    EXPECT_EQ(status({{"Origin", origin}}), 200) << origin;
  for (const char* origin : {"null", "https://evil.example", "http://localhost.evil.example", "file://", "localhost",
                             "https://app.example.evil", "http://localhost@evil.example", ""})
    EXPECT_EQ(status({{"Origin", origin}}), 403) << origin;

  http_connection client(at.port());
  client.send("GET", "", {{"Origin", "https://evil.example"}});
  EXPECT_EQ(client.receive().status, 403); // checked on every request
}

TEST(McpHttp, GivesCorsHeadersToListedOriginsOnly) {
  http_options options;
  options.allowed_origins = {"https://app.example"};
  http_fixture at(options);
  http_connection client(at.port());
  client.send("OPTIONS", "", {{"Origin", "https://app.example"}, {"Access-Control-Request-Method", "POST"}});
  http_answer allowed = client.receive();
  EXPECT_EQ(allowed.status, 204);
  EXPECT_EQ(allowed.fields["access-control-allow-origin"], "https://app.example");
  client.send("OPTIONS", "", {{"Origin", "http://localhost:3000"}});
  EXPECT_FALSE(client.receive().fields.contains("access-control-allow-origin"));
  fields with = modern_list;
  with["Origin"] = "https://app.example";
  EXPECT_EQ(client.post(modern("1", "tools/list"), with).fields["access-control-allow-origin"], "https://app.example");
  EXPECT_FALSE(client.post(modern("1", "tools/list"), modern_list).fields.contains("access-control-allow-origin"));
}

TEST(McpHttp, TakesPostOfJsonOnly) {
  http_fixture at;
  http_connection client(at.port());
  for (const char* method : {"GET", "DELETE", "PUT", "PATCH"}) {
    client.send(method, "");
    http_answer refused = client.receive();
    EXPECT_EQ(refused.status, 405) << method;
    EXPECT_NE(refused.fields["allow"].find("POST"), std::string::npos);
  }
  std::string body = modern("1", "tools/list");
  auto status = [&](const char* name, const char* value) {
    fields with = modern_list;
    with[name] = value;
    return client.post(body, with).status;
  };
  EXPECT_EQ(status("Content-Type", "text/plain"), 415);
  EXPECT_EQ(status("Content-Type", "-"), 415);
  EXPECT_EQ(status("Content-Type", "application/json-seq"), 415);
  EXPECT_EQ(status("Content-Type", "Application/JSON; charset=utf-8"), 200);
  EXPECT_EQ(status("Accept", "text/html"), 406);
  EXPECT_EQ(status("Accept", "-"), 200);
  EXPECT_EQ(status("Accept", "*/*"), 200);
  EXPECT_EQ(status("Accept", "application/json"), 200);
  EXPECT_EQ(status("Accept", "text/event-stream;q=0.5, application/json"), 200);
}

TEST(McpHttp, StrictAcceptWantsBoth) {
  http_options options;
  options.strict_accept = true;
  http_fixture at(options);
  http_connection client(at.port());
  fields with = modern_list;
  with["Accept"] = "application/json";
  EXPECT_EQ(client.post(modern("1", "tools/list"), with).status, 406);
  with["Accept"] = "application/json, text/event-stream";
  EXPECT_EQ(client.post(modern("1", "tools/list"), with).status, 200);
}

TEST(McpHttp, AnswersAsAStreamWhereOnlyThatIsAccepted) {
  http_fixture at;
  http_connection client(at.port());
  fields with = modern_list;
  with["Accept"] = "text/event-stream";
  http_answer listed = client.post(modern("1", "tools/list"), with);
  EXPECT_EQ(listed.fields["content-type"], "text/event-stream");
  ASSERT_EQ(listed.events().size(), 1U);
  with["Mcp-Method"] = "tools/call";
  with["Mcp-Name"] = "echo";
  http_answer called = client.post(modern_call("2", "echo", R"({"text":"x"})"), with);
  ASSERT_EQ(called.events().size(), 1U);
  EXPECT_EQ(text_of(called.events()[0]), "x");
}

TEST(McpHttp, RefusesBadBodies) {
  http_fixture at;
  http_connection client(at.port());
  auto code = [&](std::string body, int expected_status, const fields& with = {}) {
    http_answer answer = client.post(body, with);
    EXPECT_EQ(answer.status, expected_status) << body.substr(0, 80);
    return error_code_of(answer.json());
  };
  EXPECT_EQ(code("", 400), -32700);
  EXPECT_EQ(code("{", 400), -32700);
  EXPECT_EQ(code("\xff", 400), -32700);
  EXPECT_EQ(code(std::string(100'000, '['), 400), -32700);
  EXPECT_EQ(code("7", 400), -32600);
  EXPECT_EQ(code(R"({"jsonrpc":"2.0","id":null,"method":"ping"})", 400), -32600);
  EXPECT_EQ(code(legacy("1", "tools/list"), 400, {{"MCP-Protocol-Version", "1999-01-01"}}), -32600);
  EXPECT_EQ(client.post(R"({"jsonrpc":"2.0","method":"x"})", {{"MCP-Protocol-Version", "1999-01-01"}}).status, 400);
  EXPECT_EQ(client.post(R"({"jsonrpc":"2.0","id":1,"result":{}})").status, 202);
}

TEST(McpHttp, RefusesABodyOverTheLimit) {
  http_fixture at;
  http_connection client(at.port());
  client.send_raw(
      "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9000000\r\n\r\n");
  EXPECT_EQ(client.receive().status, 413);
}

TEST(McpHttp, ComparesHeadersWithTheBody) {
  http_fixture at;
  http_connection client(at.port());
  auto mismatch = [&](const std::string& body, fields with) {
    http_answer answer = client.post(body, with);
    return answer.status == 400 && error_code_of(answer.json()) == -32020;
  };
  std::string list = modern("1", "tools/list");
  std::string echo = modern_call("1", "echo");
  fields good = modern_fields("tools/call", "echo");
  EXPECT_EQ(client.post(echo, good).status, 200);
  EXPECT_TRUE(mismatch(list, {{"Mcp-Method", "tools/list"}}));                                         // no version
  EXPECT_TRUE(mismatch(list, {{"Mcp-Method", "tools/list"}, {"MCP-Protocol-Version", "2025-11-25"}})); // another
  EXPECT_TRUE(mismatch(list, {{"MCP-Protocol-Version", "2026-07-28"}}));                               // no method
  EXPECT_TRUE(mismatch(list, modern_fields("prompts/list")));
  EXPECT_TRUE(mismatch(list, modern_fields("TOOLS/LIST")));
  EXPECT_TRUE(mismatch(echo, modern_fields("tools/call")));
  EXPECT_TRUE(mismatch(echo, modern_fields("tools/call", "Echo")));
  EXPECT_TRUE(mismatch(modern("1", "resources/read", R"("uri":"sample://greeting")"),
                       modern_fields("resources/read", "sample://other")));
  EXPECT_TRUE(mismatch(modern("1", "prompts/get", R"("name":"review")"), modern_fields("prompts/get")));

  EXPECT_EQ(client.post(echo, modern_fields("tools/call", "=?base64?ZWNobw==?=")).status, 200);
  EXPECT_TRUE(mismatch(echo, modern_fields("tools/call", "=?base64?ZWNobw?=")));
  EXPECT_TRUE(mismatch(echo, modern_fields("tools/call", "=?base64?ZWNobw!=?=")));
  EXPECT_TRUE(mismatch(echo, modern_fields("tools/call", "=?BASE64?ZWNobw==?=")));
  EXPECT_TRUE(mismatch(echo, modern_fields("tools/call", "ech\xC3\xB6")));
  EXPECT_EQ(
      client
          .post(echo, {{"mcp-protocol-version", "2026-07-28"}, {"MCP-METHOD", "tools/call"}, {"mCP-name", "  echo  "}})
          .status,
      200);
  // The id of the request is in the answer.
  EXPECT_EQ(client.post(modern("\"a\"", "tools/list"), modern_fields("x")).json().at("id"), "a");
}

TEST(McpHttp, ComparesMirroredArguments) {
  http_fixture at;
  http_connection client(at.port());
  auto code = [&](const char* arguments, const char* header) {
    fields with = modern_fields("tools/call", "routed");
    with["Mcp-Param-Region"] = header;
    return error_code_of(client.post(modern_call("1", "routed", arguments), with).json());
  };
  EXPECT_EQ(code(R"({"region":"west"})", "west"), 0);
  EXPECT_EQ(code(R"({"region":"w\u00e9st"})", "=?base64?d8Opc3Q=?="), 0);
  EXPECT_EQ(code(R"({"region":"west"})", "east"), -32020);
  EXPECT_EQ(code(R"({"region":"west"})", "-"), -32020);
  EXPECT_EQ(code(R"({"region":null})", "-"), 0);
  EXPECT_EQ(code("{}", "-"), 0);
  EXPECT_EQ(code("{}", "west"), -32020);
}

TEST(McpHttp, MapsErrorsOfTheModernEraToStatuses) {
  http_fixture at;
  http_connection client(at.port());
  auto answer = [&](const std::string& body, const std::string& method, const std::string& name = "-") {
    http_answer got = client.post(body, modern_fields(method, name));
    return std::pair(got.status, error_code_of(got.json()));
  };
  using expected = std::pair<int, int>;
  EXPECT_EQ(answer(legacy("1", "tools/list"), "tools/list"), expected(400, -32602)); // by the header it is modern
  EXPECT_EQ(answer(legacy("1", "server/discover"), "server/discover"), expected(400, -32602));
  EXPECT_EQ(answer(modern("1", "ping"), "ping"), expected(404, -32601));
  EXPECT_EQ(answer(modern("1", "initialize"), "initialize"), expected(404, -32601));
  EXPECT_EQ(answer(modern("1", "tasks/list"), "tasks/list"), expected(404, -32601));
  EXPECT_EQ(answer(modern_call("1", "ask"), "tools/call", "ask"), expected(400, -32021));
  EXPECT_EQ(answer(modern_call("1", "nobody"), "tools/call", "nobody"), expected(200, -32602));
  http_answer unknown = client.post(
      legacy(
          "1", "tools/list",
          R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2099-01-01","io.modelcontextprotocol/clientCapabilities":{}})"),
      {{"MCP-Protocol-Version", "2099-01-01"}});
  EXPECT_EQ(unknown.status, 400);
  EXPECT_EQ(error_code_of(unknown.json()), -32022);
  // An initialize is legacy whatever its headers say.
  EXPECT_EQ(
      client.post(legacy("1", "initialize", R"("protocolVersion":"2025-11-25")"), modern_fields("initialize")).status,
      200);
}

TEST(McpHttp, StreamsProgressAndThenTheResponse) {
  http_fixture at;
  http_connection client(at.port());
  http_answer answer = client.post(call("1", "rest", R"({"milliseconds":60,"steps":3})", R"({"progressToken":5})"),
                                   {{"MCP-Protocol-Version", "2025-06-18"}});
  EXPECT_EQ(answer.fields["content-type"], "text/event-stream");
  EXPECT_EQ(answer.fields["x-accel-buffering"], "no");
  auto events = answer.events();
  ASSERT_EQ(events.size(), 4U);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(events[i].at("params").at("progress"), i + 1);
  EXPECT_EQ(events[0].at("params").at("progressToken"), 5);
  EXPECT_EQ(text_of(events[3]), "rested");
  // Without a token, or for a client that reads JSON only, it is plain.
  EXPECT_EQ(client.post(call("1", "rest", R"({"milliseconds":20,"steps":2})")).fields["content-type"],
            "application/json");
  http_answer plain = client.post(call("1", "rest", R"({"milliseconds":20,"steps":2})", R"({"progressToken":5})"),
                                  {{"Accept", "application/json"}});
  EXPECT_EQ(text_of(plain.json()), "rested");
}

TEST(McpHttp, ALongCallBecomesAStreamThatIsKeptAlive) {
  http_options options;
  options.stream_after = 50ms;
  options.keep_alive = 50ms;
  http_fixture at(options);
  http_connection client(at.port());
  http_answer answer = client.post(call("1", "rest", R"({"milliseconds":300})"));
  EXPECT_EQ(answer.fields["content-type"], "text/event-stream");
  EXPECT_TRUE(answer.body.starts_with(": "));
  EXPECT_NE(answer.body.find("\n\n: "), std::string::npos);
  ASSERT_EQ(answer.events().size(), 1U);
  EXPECT_EQ(text_of(answer.events()[0]), "rested");
  EXPECT_EQ(text_of(client.post(call("2", "echo", R"({"text":"x"})")).json()), "x"); // the connection lives on
}

TEST(McpHttp, ClosingTheConnectionCancelsAModernCallOnly) {
  http_fixture at;
  {
    http_connection client(at.port());
    client.send("POST", modern_call("1", "rest", R"({"milliseconds":60000})"), modern_fields("tools/call", "rest"));
    ASSERT_TRUE(eventually([&] { return at.seen().started == 1; }));
  }
  EXPECT_TRUE(eventually([&] { return at.seen().cancelled == 1; }));
  {
    http_connection client(at.port());
    client.send("POST", call("1", "rest", R"({"milliseconds":300})"));
    ASSERT_TRUE(eventually([&] { return at.seen().started == 2; }));
  }
  EXPECT_TRUE(eventually([&] { return at.seen().finished == 1; }));
  EXPECT_EQ(at.seen().cancelled, 1);
}

TEST(McpHttp, ANotificationCancelsALegacyCallOnAnotherConnection) {
  http_fixture at;
  http_connection calling(at.port()), telling(at.port());
  std::string session =
      calling.post(legacy("0", "initialize", R"("protocolVersion":"2025-11-25")")).fields["mcp-session-id"];
  std::string other =
      telling.post(legacy("0", "initialize", R"("protocolVersion":"2025-11-25")")).fields["mcp-session-id"];
  fields mine{{"Mcp-Session-Id", session}}, theirs{{"Mcp-Session-Id", other}};
  calling.send("POST", call("7", "rest", R"({"milliseconds":60000})"), mine);
  ASSERT_TRUE(eventually([&] { return at.seen().started == 1; }));
  auto cancel = [](const char* id) {
    return std::string(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":)") + id + "}}";
  };
  EXPECT_EQ(telling.post(cancel("7"), theirs).status, 202); // somebody else's 7
  EXPECT_EQ(telling.post(cancel("\"7\""), mine).status, 202);
  EXPECT_EQ(telling.post(cancel("8"), mine).status, 202);
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(at.seen().cancelled, 0);
  EXPECT_EQ(telling.post(cancel("7"), mine).status, 202);
  http_answer end = calling.receive();
  EXPECT_EQ(end.status, 202);
  EXPECT_TRUE(end.body.empty()); // no response
  EXPECT_EQ(at.seen().cancelled, 1);

  // Without a session the address stands for the client, as long as the id is unique.
  calling.send("POST", call("9", "rest", R"({"milliseconds":60000})"));
  ASSERT_TRUE(eventually([&] { return at.seen().started == 2; }));
  telling.post(cancel("9"));
  calling.receive();
  EXPECT_EQ(at.seen().cancelled, 2);
  http_connection third(at.port());
  calling.send("POST", call("9", "rest", R"({"milliseconds":400})"));
  third.send("POST", call("9", "rest", R"({"milliseconds":400})"));
  ASSERT_TRUE(eventually([&] { return at.seen().started == 4; }));
  telling.post(cancel("9")); // whose?
  EXPECT_EQ(text_of(calling.receive().json()), "rested");
  EXPECT_EQ(text_of(third.receive().json()), "rested");
}

TEST(McpHttp, CancelsAStreamThatHasBegun) {
  http_fixture at;
  http_connection calling(at.port()), telling(at.port());
  calling.send("POST", call("7", "rest", R"({"milliseconds":60000,"steps":1000})", R"({"progressToken":1})"));
  ASSERT_TRUE(calling.read_until("notifications/progress"));
  telling.post(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}})");
  http_answer end = calling.receive();
  EXPECT_EQ(end.status, 200);
  for (const json::object& event : end.events()) EXPECT_TRUE(event.contains("method"));
}

TEST(McpHttp, KeepsASubscriptionOpenUntilTheServerStops) {
  auto poke = [](server& to) {
    to.add_tool(make_tool("poke", "Announces a change.", [&to](call_context&, json::object) -> task<tool_result> {
      to.resources_changed();
      to.resource_updated("a://b");
      co_return tool_result::text("poked");
    }));
  };
  http_fixture at({}, poke);
  http_connection listening(at.port()), calling(at.port());
  listening.send("POST",
                 modern("\"s\"", "subscriptions/listen",
                        R"("notifications":{"resourcesListChanged":true,"promptsListChanged":true})"),
                 modern_fields("subscriptions/listen"));
  ASSERT_TRUE(listening.read_until("acknowledged"));
  EXPECT_EQ(calling.post(modern_call("1", "poke"), modern_fields("tools/call", "poke")).status, 200);
  ASSERT_TRUE(listening.read_until("resources/list_changed"));
  auto stopping = std::chrono::steady_clock::now();
  at.stop();
  EXPECT_LT(std::chrono::steady_clock::now() - stopping, 4s);
  http_answer stream = listening.receive();
  auto events = stream.events();
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[0].at("method"), "notifications/subscriptions/acknowledged");
  EXPECT_EQ(events[0].at("params").at("notifications"), (json::object{{"resourcesListChanged", true}}));
  EXPECT_EQ(events[1].at("params").at("_meta").at("io.modelcontextprotocol/subscriptionId"), "s");
  EXPECT_EQ(events[2].at("result").at("resultType"), "complete");
}

TEST(McpHttp, AnswersBatchesOnlyWhere20250326WasNegotiated) {
  http_fixture at;
  http_connection client(at.port());
  std::string batch = "[" + legacy("1", "ping") + "," + call("2", "echo", R"({"text":"x"})") +
                      R"(,{"jsonrpc":"2.0","method":"notifications/initialized"}])";
  EXPECT_EQ(client.post(batch).status, 400);
  EXPECT_EQ(client.post(batch, {{"MCP-Protocol-Version", "2025-06-18"}}).status, 400);
  EXPECT_EQ(client.post(batch, modern_fields("ping")).status, 400);
  std::string session =
      client.post(legacy("0", "initialize", R"("protocolVersion":"2025-03-26")")).fields["mcp-session-id"];
  http_answer answered = client.post(batch, {{"Mcp-Session-Id", session}});
  EXPECT_EQ(answered.status, 200);
  EXPECT_EQ(json::parse(answered.body).as_array().size(), 2U);
  EXPECT_EQ(client.post(R"([{"jsonrpc":"2.0","method":"x"}])", {{"MCP-Protocol-Version", "2025-03-26"}}).status, 202);
}

TEST(McpHttp, ServesManyAtOnce) {
  http_fixture at;
  std::vector<std::unique_ptr<http_connection>> clients;
  for (int i = 0; i < 200; ++i) {
    clients.push_back(std::make_unique<http_connection>(at.port()));
    clients.back()->send("POST", call(std::to_string(i), "rest", R"({"milliseconds":300})"));
  }
  http_connection quick(at.port());
  EXPECT_EQ(quick.post(legacy("1", "ping")).status, 200);
  for (auto& client : clients) EXPECT_EQ(text_of(client->receive().json()), "rested");
}

} // namespace
} // namespace weir::mcp
