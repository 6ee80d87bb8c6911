#include <gtest/gtest.h>
#include <mcp/http_client.hpp>
#include <mcp/legacy_clients.hpp>

namespace weir::mcp {
namespace {

using namespace std::chrono_literals;
using namespace testing;

void add_poke(server& to) {
  to.add_tool(make_tool("poke", "Announces changes.", [&to](call_context&, json::object) -> task<tool_result> {
    to.resources_changed();
    to.resource_updated("a://mine");
    to.resource_updated("a://other");
    co_return tool_result::text("poked");
  }));
}

std::string open_session(http_connection& client) {
  http_answer opened = client.post(legacy("0", "initialize", R"("protocolVersion":"2025-11-25")"));
  EXPECT_EQ(opened.json().at("result").at("capabilities").at("resources").at("subscribe"), true);
  return opened.fields["mcp-session-id"];
}

TEST(McpLegacyClients, GetOpensTheStreamOfASession) {
  http_fixture at({}, add_poke);
  http_connection client(at.port()), stream(at.port()), second(at.port());
  http_connection::fields session{{"Mcp-Session-Id", open_session(client)}};
  EXPECT_TRUE(client.post(legacy("1", "resources/subscribe", R"("uri":"a://mine")"), session)
                  .json()
                  .at("result")
                  .as_object()
                  .empty());
  stream.send("GET", "", session);
  ASSERT_TRUE(stream.read_until("text/event-stream"));
  second.send("GET", "", session);
  EXPECT_EQ(second.receive().status, 409);
  client.post(legacy("2", "tools/call", R"("name":"poke")"), session);
  ASSERT_TRUE(stream.read_until("a://mine"));
  EXPECT_NE(stream.seen().find("resources/list_changed"), std::string::npos);
  EXPECT_EQ(stream.seen().find("a://other"), std::string::npos);

  client.post(legacy("3", "resources/unsubscribe", R"("uri":"a://mine")"), session);
  client.post(legacy("4", "resources/subscribe", R"("uri":"a://other")"), session);
  client.post(legacy("5", "tools/call", R"("name":"poke")"), session);
  ASSERT_TRUE(stream.read_until("a://other"));
  at.stop();
  http_answer all = stream.receive(); // ended in good order
  EXPECT_EQ(all.events().size(), 4U);
}

TEST(McpLegacyClients, AStreamThatWentMakesRoomForAnother) {
  http_fixture at({}, add_poke);
  http_connection client(at.port());
  http_connection::fields session{{"Mcp-Session-Id", open_session(client)}};
  {
    http_connection stream(at.port());
    stream.send("GET", "", session);
    ASSERT_TRUE(stream.read_until("text/event-stream"));
  }
  int status = 409;
  for (int i = 0; i < 100 && status == 409; ++i) {
    http_connection stream(at.port());
    stream.send("GET", "", session);
    ASSERT_TRUE(stream.read_until("\r\n\r\n"));
    status = std::atoi(stream.seen().c_str() + 9);
    std::this_thread::sleep_for(10ms);
  }
  EXPECT_EQ(status, 200);
}

TEST(McpLegacyClients, OnlySessionsHaveStreams) {
  http_fixture at;
  http_connection client(at.port());
  client.send("GET", "", {});
  EXPECT_EQ(client.receive().status, 405);
  client.send("GET", "", {{"Mcp-Session-Id", "made-up"}});
  EXPECT_EQ(client.receive().status, 405);
  client.send("GET", "", {{"Mcp-Session-Id", open_session(client)}, {"Accept", "application/json"}});
  EXPECT_EQ(client.receive().status, 405);
  EXPECT_EQ(error_code_of(client.post(legacy("1", "resources/subscribe", R"("uri":"a://b")")).json()), -32601);
}

TEST(McpLegacyClients, RemembersTheLogLevelOfASession) {
  http_fixture at;
  http_connection client(at.port());
  http_connection::fields session{{"Mcp-Session-Id", open_session(client)}};
  auto messages = [&] { return client.post(legacy("1", "tools/call", R"("name":"talk")"), session).events().size(); };
  EXPECT_EQ(messages(), 2U); // a warning, and the response
  client.post(legacy("2", "logging/setLevel", R"("level":"debug")"), session);
  EXPECT_EQ(messages(), 3U);
  client.post(legacy("2", "logging/setLevel", R"("level":"error")"), session);
  EXPECT_EQ(messages(), 0U); // plain JSON
}

TEST(McpLegacyClients, ForgetsTheOldestOfAThousand) {
  detail::engine engine(sample_options());
  detail::legacy_clients clients(engine);
  clients.find_or_make("streaming", version::v2025_06_18)->deliver = [](const std::string&) {};
  for (int i = 0; i < 3000; ++i) clients.find_or_make("s" + std::to_string(i), version::v2025_06_18);
  EXPECT_EQ(engine.peers.size(), 1000U);
  EXPECT_TRUE(clients.find("streaming"));
  EXPECT_FALSE(clients.find("s0"));
  EXPECT_TRUE(clients.find("s2999"));
}

} // namespace
} // namespace weir::mcp
