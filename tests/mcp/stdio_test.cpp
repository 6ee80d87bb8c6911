#include <weir/mcp/stdio.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <mcp/pipe_client.hpp>
#include <sys/wait.h>

#include <fstream>
#include <set>

namespace weir::mcp {
namespace {

using namespace std::chrono_literals;
using namespace testing;

std::string rest_call(const std::string& id, int milliseconds, std::string_view more = "") {
  return legacy(id, "tools/call",
                R"("name":"rest","arguments":{"milliseconds":)" + std::to_string(milliseconds) + "}" +
                    std::string(more));
}

TEST(McpStdio, SpeaksBothErasOnOnePipeInAnyOrder) {
  pipe_client client;
  EXPECT_EQ(client.ask(modern("1", "server/discover")).at("result").at("supportedVersions").at(0), "2026-07-28");
  EXPECT_EQ(client.initialize("2025-06-18").at("result").at("protocolVersion"), "2025-06-18");
  json::object old = client.ask(legacy("2", "tools/call", R"("name":"echo","arguments":{"text":"old"})"));
  EXPECT_EQ(text_of(old), "old");
  EXPECT_FALSE(old.at("result").as_object().contains("resultType"));
  json::object fresh = client.ask(modern("3", "tools/call", R"("name":"echo","arguments":{"text":"new"})"));
  EXPECT_EQ(text_of(fresh), "new");
  EXPECT_EQ(fresh.at("result").at("resultType"), "complete");
  EXPECT_TRUE(client.ask(legacy("4", "ping")).at("result").as_object().empty());
  EXPECT_EQ(error_code_of(client.ask(modern("5", "ping"))), -32601);
}

TEST(McpStdio, WorksOnASocket) {
  pipe_client client({{}, true, {}});
  client.initialize();
  EXPECT_EQ(text_of(client.ask(legacy("1", "tools/call", R"("name":"echo","arguments":{"text":"x"})"))), "x");
}

TEST(McpStdio, WorksWithFilesAtBothEnds) {
  char folder[] = "/tmp/weir-mcp-XXXXXX";
  ASSERT_NE(::mkdtemp(folder), nullptr);
  std::string in = std::string(folder) + "/in", out = std::string(folder) + "/out";
  {
    std::ofstream file(in);
    for (int i = 0; i < 2000; ++i)
      file << modern(std::to_string(i), "tools/call",
                     R"("name":"echo","arguments":{"text":")" + std::string(100, 'x') + "\"}")
           << "\n";
  }
  {
    unique_fd read(::open(in.c_str(), O_RDONLY | O_CLOEXEC));
    unique_fd write(::open(out.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    server to(sample_options());
    furnish(to);
    run(serve_stdio(to, read.get(), write.get()));
  }
  std::ifstream file(out);
  std::set<std::int64_t> ids;
  for (std::string line; std::getline(file, line);) ids.insert(json::parse(line).at("id").as_int64());
  EXPECT_EQ(ids.size(), 2000U);
  ::unlink(in.c_str());
  ::unlink(out.c_str());
  ::rmdir(folder);
}

TEST(McpStdio, ToleratesLineEndingsMarksAndBlankLines) {
  pipe_client client;
  client.send_raw("\r\n\n   \n\xEF\xBB\xBF" + legacy("1", "ping") + "\r\n");
  EXPECT_EQ(client.receive().at("id"), 1);
  std::string split = legacy("2", "ping") + "\n";
  for (char c : split) client.send_raw(std::string(1, c));
  EXPECT_EQ(client.receive().at("id"), 2);
  client.send_raw(legacy("3", "ping") + "\n" + legacy("4", "ping") + "\n");
  EXPECT_EQ(client.receive().at("id"), 3);
  EXPECT_EQ(client.receive().at("id"), 4);
}

TEST(McpStdio, AnswersGarbageWithAnErrorAndGoesOn) {
  pipe_client client;
  client.send_raw(R"({"jsonrpc":"2.0","id":1,"method":"ping","x":")" + std::string(1, '\0') + "\"}\n");
  EXPECT_EQ(error_code_of(client.receive()), -32700);
  EXPECT_EQ(error_code_of(client.ask("\xff\xfe{}")), -32700);
  EXPECT_EQ(error_code_of(client.ask("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xc3\x28\"}")), -32700);
  EXPECT_EQ(error_code_of(client.ask("Content-Length: 20")), -32700);
  EXPECT_EQ(error_code_of(client.ask(std::string(50'000, '['))), -32700);
  json::object null_id = client.ask(R"({"jsonrpc":"2.0","id":null,"method":"ping"})");
  EXPECT_EQ(error_code_of(null_id), -32600);
  EXPECT_TRUE(null_id.at("id").is_null());
  client.send(R"({"jsonrpc":"2.0","id":9,"result":{}})"); // a response: to nothing
  EXPECT_EQ(client.ask(legacy("1", "ping")).at("id"), 1);
}

TEST(McpStdio, SkipsALineOf30MegabytesWithoutHoldingIt) {
  auto resident_kib = [] {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
      if (line.starts_with("VmRSS:")) return std::stol(line.substr(6));
    return 0L;
  };
  pipe_client client;
  client.ask(legacy("1", "ping"));
  long before = resident_kib();
  std::string chunk(std::size_t{1} << 20, 'x');
  for (int i = 0; i < 30; ++i) client.send_raw(chunk);
  json::object refused = client.receive(); // comes before the line's end
  EXPECT_EQ(error_code_of(refused), -32600);
  EXPECT_TRUE(refused.at("id").is_null());
  EXPECT_LT(resident_kib() - before, 16 * 1024);
  client.send_raw("\n" + legacy("2", "ping") + "\n");
  EXPECT_EQ(client.receive().at("id"), 2);
}

TEST(McpStdio, TakesALineJustUnderTheLimit) {
  pipe_client::settings with;
  with.stdio.max_line_bytes = 100'000;
  pipe_client client(with);
  std::string text(99'000, 'x');
  EXPECT_EQ(text_of(client.ask(modern("1", "tools/call", R"("name":"echo","arguments":{"text":")" + text + "\"}"))),
            text);
  EXPECT_EQ(error_code_of(client.ask(std::string(100'001, 'x'))), -32600);
}

TEST(McpStdio, CancelsByNotificationWithoutAResponse) {
  pipe_client client;
  client.initialize();
  client.send(rest_call("\"slow\"", 60'000));
  client.send(rest_call("8", 60'000));
  client.ask(legacy("1", "ping"));
  client.send(
      R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"slow","reason":"enough"}})");
  client.send(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":8}})");
  EXPECT_TRUE(client.is_quiet(200ms));
  EXPECT_EQ(client.seen().cancelled, 2);
  // The id is free again, and a late, unknown or malformed cancellation does nothing.
  client.send(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"8"}})");
  client.send(R"({"jsonrpc":"2.0","method":"notifications/cancelled"})");
  client.send(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":{}}})");
  EXPECT_EQ(text_of(client.ask(rest_call("8", 10))), "rested");
}

TEST(McpStdio, CancelsModernRequestsTheSameWay) {
  pipe_client client;
  client.send(modern("1", "tools/call", R"("name":"rest","arguments":{"milliseconds":60000})"));
  client.send(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}})");
  EXPECT_TRUE(client.is_quiet(150ms));
  EXPECT_EQ(client.seen().cancelled, 1);
}

TEST(McpStdio, RefusesAnIdThatIsInUse) {
  pipe_client client;
  client.initialize();
  client.send(rest_call("5", 300));
  EXPECT_EQ(error_code_of(client.ask(rest_call("5", 300))), -32600);
  EXPECT_EQ(text_of(client.receive()), "rested");
}

TEST(McpStdio, SendsProgressBeforeTheResponseAndOnlyWhenAsked) {
  pipe_client client;
  client.initialize();
  client.send(legacy("1", "tools/call",
                     R"("name":"rest","arguments":{"milliseconds":90,"steps":3},"_meta":{"progressToken":"tok"})"));
  double last = 0;
  for (int step = 1; step <= 3; ++step) {
    json::object note = client.receive();
    ASSERT_EQ(note.at("method"), "notifications/progress");
    EXPECT_EQ(note.at("params").at("progressToken"), "tok");
    EXPECT_EQ(note.at("params").at("total"), 3);
    EXPECT_GT(*json::as_number(note.at("params").at("progress")), last);
    last = *json::as_number(note.at("params").at("progress"));
  }
  EXPECT_EQ(text_of(client.receive()), "rested");
  EXPECT_EQ(text_of(client.ask(rest_call("2", 30))), "rested");
  EXPECT_TRUE(client.is_quiet(100ms));
}

TEST(McpStdio, RunsAThousandCallsAtOnceAndStaysAwake) {
  pipe_client client;
  client.initialize();
  for (int i = 0; i < 1000; ++i) client.send(rest_call(std::to_string(i), 2'000));
  auto asked = std::chrono::steady_clock::now();
  json::object first = client.ask(legacy("\"quick\"", "ping"));
  EXPECT_EQ(first.at("id"), "quick");
  EXPECT_LT(std::chrono::steady_clock::now() - asked, 2s);
  std::set<std::int64_t> ids;
  for (int i = 0; i < 1000; ++i) ids.insert(client.receive().at("id").as_int64());
  EXPECT_EQ(ids.size(), 1000U);
}

TEST(McpStdio, RefusesTheNewestBeyondTheLimitAndGoesOnReading) {
  pipe_client::settings with;
  with.stdio.max_in_flight = 3;
  pipe_client client(with);
  client.initialize();
  for (int i = 1; i <= 4; ++i) client.send(rest_call(std::to_string(i), 300));
  json::object refused = client.receive();
  EXPECT_EQ(refused.at("id"), 4);
  EXPECT_EQ(error_code_of(refused), -32603);
  EXPECT_EQ(client.ask(legacy("9", "ping")).at("id"), 9);
  for (int i = 1; i <= 3; ++i) EXPECT_EQ(text_of(client.receive()), "rested");
}

TEST(McpStdio, EndsPromptlyWithTheInput) {
  pipe_client client;
  client.initialize();
  for (int i = 0; i < 50; ++i) client.send(rest_call(std::to_string(i), 60'000));
  client.ask(legacy("\"sync\"", "ping"));
  auto closed = std::chrono::steady_clock::now();
  client.close_input();
  EXPECT_LT(client.join() - closed, 5s); // 50 ms on an idle machine
  EXPECT_EQ(client.seen().cancelled, 50);
  EXPECT_TRUE(client.is_quiet(0ms));
}

TEST(McpStdio, LetsQuickWorkFinishAfterTheInputEnded) {
  pipe_client::settings with;
  with.stdio.grace = 2s;
  pipe_client client(with);
  client.send_raw(modern("1", "tools/call", R"("name":"rest","arguments":{"milliseconds":30})")); // no newline
  client.close_input();
  EXPECT_EQ(text_of(client.receive()), "rested");
}

TEST(McpStdio, EndsQuietlyWhenNobodyReads) {
  pipe_client client;
  client.initialize();
  client.send(rest_call("1", 60'000));
  client.ask(legacy("2", "ping"));
  client.close_output();
  client.send(legacy("3", "ping"));
  client.join(); // its input is still open
  EXPECT_EQ(client.seen().cancelled, 1);
}

TEST(McpStdio, AReaderThatIsSlowNeitherDeafensNorFloodsTheServer) {
  pipe_client::settings with;
  with.stdio.max_unwritten_bytes = 256 * 1024;
  pipe_client client(with);
  client.initialize();
  // Nobody reads, yet a cancellation gets through while there is room.
  client.send(rest_call("\"long\"", 60'000));
  std::string big(50'000, 'y');
  for (int i = 0; i < 3; ++i)
    client.send(legacy(std::to_string(i), "tools/call", R"("name":"echo","arguments":{"text":")" + big + "\"}"));
  client.send(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"long"}})");
  for (int i = 0; i < 200 && client.seen().cancelled == 0; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_EQ(client.seen().cancelled, 1);

  // Then the server stops reading: its output does not grow without bound, and nothing is lost.
  constexpr int calls = 400;
  std::atomic<int> sent = 0;
  std::thread writer([&] {
    for (int i = 3; i < calls; ++i) {
      client.send(legacy(std::to_string(i), "tools/call", R"("name":"echo","arguments":{"text":")" + big + "\"}"));
      ++sent;
    }
  });
  std::this_thread::sleep_for(300ms);
  EXPECT_LT(sent, 50);
  std::set<std::int64_t> ids;
  for (int i = 0; i < calls; ++i) {
    json::object answer = client.receive();
    EXPECT_EQ(text_of(answer), big);
    ids.insert(answer.at("id").as_int64());
  }
  writer.join();
  EXPECT_EQ(ids.size(), std::size_t{calls});
}

TEST(McpStdio, AnswersBatchesOnlyWhere20250326WasNegotiated) {
  std::string batch = "[" + legacy("1", "ping") + "," + rest_call("2", 20) +
                      R"(,{"jsonrpc":"2.0","method":"notifications/initialized"},7,)" + legacy("3", "initialize") + "]";
  {
    pipe_client client;
    EXPECT_EQ(error_code_of(client.ask(batch)), -32600); // nothing negotiated
    client.initialize("2025-06-18");
    EXPECT_EQ(error_code_of(client.ask(batch)), -32600);
  }
  pipe_client client;
  client.initialize("2025-03-26");
  client.send(batch);
  json::array answers = json::parse(*client.line()).as_array();
  ASSERT_EQ(answers.size(), 4U);
  std::set<std::string> ids;
  for (const json::value& answer : answers) ids.insert(json::serialize(answer.at("id")));
  EXPECT_EQ(ids, (std::set<std::string>{"1", "2", "3", "null"}));
  client.send(R"([{"jsonrpc":"2.0","method":"notifications/initialized"}])");
  EXPECT_TRUE(client.is_quiet(50ms));
  EXPECT_EQ(error_code_of(client.ask("[]")), -32600);
}

TEST(McpStdio, CarriesSubscriptionsOfBothEras) {
  pipe_client::settings with;
  with.furnish_more = [](server& to) {
    tool poke = make_tool("poke", "Announces changes.", [&to](call_context&, json::object) -> task<tool_result> {
      to.resources_changed();
      to.resource_updated("media://images/a.png");
      to.resource_updated("media://images/other.png");
      co_return tool_result::text("poked");
    });
    to.add_tool(std::move(poke));
    to.add_tool(make_tool("shut", "Ends subscriptions.", [&to](call_context&, json::object) -> task<tool_result> {
      to.close();
      co_return tool_result::text("shut");
    }));
  };
  pipe_client client(with);
  client.send(modern("\"sub\"", "subscriptions/listen",
                     R"("notifications":{"toolsListChanged":true,"resourceSubscriptions":["media://images/a.png"]})"));
  json::object ack = client.receive();
  EXPECT_EQ(ack.at("method"), "notifications/subscriptions/acknowledged");
  EXPECT_EQ(ack.at("params").at("_meta").at("io.modelcontextprotocol/subscriptionId"), "sub");
  EXPECT_FALSE(ack.at("params").at("notifications").as_object().contains("toolsListChanged")); // the list never changes
  EXPECT_EQ(ack.at("params").at("notifications").at("resourceSubscriptions").as_array().size(), 1U);

  client.send(modern("1", "tools/call", R"("name":"poke")"));
  json::object update = client.receive();
  EXPECT_EQ(update.at("method"), "notifications/resources/updated");
  EXPECT_EQ(update.at("params").at("uri"), "media://images/a.png");
  EXPECT_EQ(update.at("params").at("_meta").at("io.modelcontextprotocol/subscriptionId"), "sub");
  EXPECT_EQ(text_of(client.receive()), "poked");

  client.initialize();
  EXPECT_TRUE(client.ask(legacy("2", "resources/subscribe", R"("uri":"media://images/other.png")"))
                  .at("result")
                  .as_object()
                  .empty());
  client.send(legacy("3", "tools/call", R"("name":"poke")"));
  std::multiset<std::string> methods;
  for (int i = 0; i < 3; ++i) methods.emplace(client.receive().at("method").as_string());
  EXPECT_EQ(methods,
            (std::multiset<std::string>{"notifications/resources/list_changed", "notifications/resources/updated",
                                        "notifications/resources/updated"}));
  EXPECT_EQ(text_of(client.receive()), "poked");

  client.send(modern("4", "tools/call", R"("name":"shut")"));
  std::map<std::string, json::object> last;
  for (int i = 0; i < 3; ++i) {
    json::object m = client.receive();
    last[m.contains("method") ? "notice" : json::serialize(m.at("id"))] = m;
  }
  EXPECT_EQ(last["\"sub\""].at("result").at("resultType"), "complete");
  EXPECT_EQ(last["\"sub\""].at("result").at("_meta").at("io.modelcontextprotocol/subscriptionId"), "sub");
  EXPECT_EQ(last["notice"].at("params").at("requestId"), "sub");
}

TEST(McpStdio, ASubscriptionIsCancelledByNotification) {
  pipe_client::settings with;
  with.furnish_more = [](server& to) {
    to.add_tool(make_tool("poke", "Announces a change.", [&to](call_context&, json::object) -> task<tool_result> {
      to.resources_changed();
      co_return tool_result::text("poked");
    }));
  };
  pipe_client client(with);
  client.send(modern("1", "subscriptions/listen", R"("notifications":{"resourcesListChanged":true})"));
  EXPECT_EQ(client.receive().at("method"), "notifications/subscriptions/acknowledged");
  client.send(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}})");
  EXPECT_TRUE(client.is_quiet(50ms));
  EXPECT_EQ(text_of(client.ask(modern("2", "tools/call", R"("name":"poke")"))), "poked"); // and no news before it
  client.send(modern("1", "subscriptions/listen", R"("notifications":{})"));              // the id is free again
  EXPECT_EQ(client.receive().at("method"), "notifications/subscriptions/acknowledged");
}

/// Runs the sample server as a process; returns what it wrote on stdout, and how it ended.
struct outcome {
  std::string out;
  int status = -1;
  std::chrono::milliseconds took{0};
};
outcome run_process(const std::string& input) {
  int in[2], out[2];
  EXPECT_EQ(::pipe2(in, O_CLOEXEC), 0);
  EXPECT_EQ(::pipe2(out, O_CLOEXEC), 0);
  pid_t child = ::fork();
  if (child == 0) {
    ::dup2(in[0], 0);
    ::dup2(out[1], 1);
    ::execl(MCP_SAMPLE_SERVER, MCP_SAMPLE_SERVER, nullptr);
    ::_exit(127);
  }
  ::close(in[0]);
  ::close(out[1]);
  EXPECT_EQ(::write(in[1], input.data(), input.size()), static_cast<ssize_t>(input.size()));
  auto closed = std::chrono::steady_clock::now();
  ::close(in[1]);
  outcome done;
  char chunk[4096];
  for (ssize_t got; (got = ::read(out[0], chunk, sizeof chunk)) > 0;) done.out.append(chunk, std::size_t(got));
  ::close(out[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  done.took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - closed);
  done.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return done;
}

TEST(McpStdio, AProcessAnswersAndLeaves) {
  outcome done = run_process(modern("1", "server/discover") + "\n");
  EXPECT_EQ(done.status, 0);
  EXPECT_LT(done.took, 2s);
  EXPECT_EQ(json::parse(done.out.substr(0, done.out.find('\n'))).at("id"), 1);
  EXPECT_EQ(run_process("").status, 0);
  EXPECT_EQ(run_process("").out, "");
}

TEST(McpStdio, KeepsStdoutForTheProtocol) {
  outcome done =
      run_process(modern("1", "tools/call", R"("name":"crash")") + "\n" + // it logs
                  modern("2", "tools/call", R"("name":"noisy")") + "\n" + modern("3", "server/discover") + "\n");
  EXPECT_EQ(std::count(done.out.begin(), done.out.end(), '\n'), 3); // nor did the child eat the third request
  EXPECT_EQ(done.out.find("noise of"), std::string::npos);
  EXPECT_EQ(json::parse(done.out.substr(0, done.out.find('\n'))).at("id"), 1);
}

} // namespace
} // namespace weir::mcp
