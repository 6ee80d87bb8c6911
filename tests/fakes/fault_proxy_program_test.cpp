// weir-fault-proxy: the proxy as a process, with plans and commands in JSON.
#include "fakes/fault_proxy_kit.hpp"

#include <fcntl.h>
#include <sys/wait.h>

#include <csignal>

namespace {

using namespace weir::fakes::testing;

class program {
 public:
  explicit program(std::vector<std::string> arguments) {
    int in[2], out[2];
    if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) std::abort();
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(in[0], 0);
      ::dup2(out[1], 1);
      std::vector<char*> words{const_cast<char*>(WEIR_FAULT_PROXY)};
      for (std::string& a : arguments) words.push_back(a.data());
      words.push_back(nullptr);
      ::execv(words[0], words.data());
      ::_exit(127);
    }
    ::close(in[0]);
    ::close(out[1]);
    to_ = in[1];
    from_ = out[0];
  }
  ~program() { end(); }

  std::string ask(std::string line) {
    line += "\n";
    if (::write(to_, line.data(), line.size()) < 0) return {};
    return read_line();
  }
  std::string read_line() {
    std::string line;
    for (char c; ::read(from_, &c, 1) == 1 && c != '\n';) line += c;
    return line;
  }
  /// Closes its stdin and returns its exit status.
  int end() {
    if (pid_ < 0) return -1;
    ::close(to_);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    ::close(from_);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  int pid_ = -1, to_ = -1, from_ = -1;
};

int port_in(const std::string& line) {
  const std::size_t at = line.find("\"port\":");
  return at == std::string::npos ? 0 : std::stoi(line.substr(at + 7));
}

TEST(fault_proxy_program, follows_its_plan_and_commands_and_ends_with_its_stdin) {
  const fault_server up(hello());
  program p({"--to", "127.0.0.1:" + std::to_string(up.port()), "--plan",
             R"([{"path_prefix": "/a", "nth": 2, "name": "second",
                  "actions": [{"action": "wrong_length", "change": 4}, {"action": "replace_header", "header": "etag", "value": "x"}]}])"});
  const std::string address = p.read_line();
  const int port = port_in(address);
  ASSERT_GT(port, 0) << address;
  EXPECT_NE(address.find("\"url\":\"http://127.0.0.1:" + std::to_string(port) + "\""), std::string::npos);
  raw_peer client(port);
  client.send(get("/a/1"));
  EXPECT_EQ(client.read(hello_answer.size()), hello_answer);
  client.send(get("/a/2"));
  const std::string changed = client.read_head();
  EXPECT_EQ(header_of(changed, "Content-Length"), "30");
  EXPECT_EQ(header_of(changed, "ETag"), "x");
  EXPECT_EQ(client.read_to_end().size(), 26u);

  const std::string journal = p.ask(R"({"journal": true})");
  EXPECT_NE(journal.find(R"("target":"/a/2","status":200)"), std::string::npos) << journal;
  EXPECT_NE(journal.find(R"("rule":"second")"), std::string::npos) << journal;
  EXPECT_EQ(p.ask(R"({"count": "^/a/", "method": "GET"})"), R"({"count":2})");
  EXPECT_EQ(p.ask(R"({"max_in_flight": ""})"), R"({"max_in_flight":1})");
  EXPECT_EQ(p.ask(R"({"rules": [{"action": "status", "status": 401, "body": {"msg": "no"}}]})"), R"({"rules":1})");
  raw_peer refused(port);
  refused.send(get("/"));
  EXPECT_TRUE(refused.read_head().starts_with("HTTP/1.1 401 Unauthorized\r\n"));
  EXPECT_EQ(refused.read(12), R"({"msg":"no"})");
  EXPECT_EQ(p.ask(R"({"refuse_ms": 100000})"), R"({"refusing":true})");
  EXPECT_FALSE(raw_peer(port).connected());
  EXPECT_EQ(p.ask(R"({"reset": true})"), R"({"reset":true})");
  EXPECT_EQ(p.ask(R"({"count": ""})"), R"({"count":0})");
  EXPECT_EQ(p.end(), 0);
}

TEST(fault_proxy_program, names_what_it_does_not_know) {
  program p({"--to", "127.0.0.1:1"});
  ASSERT_GT(port_in(p.read_line()), 0);
  EXPECT_NE(p.ask(R"({"rules": [{"action": "explode"}]})").find("unknown action \\\"explode\\\""), std::string::npos);
  EXPECT_NE(p.ask(R"({"rules": [{"action": "delay"}]})").find("member \\\"ms\\\" is missing"), std::string::npos);
  EXPECT_NE(p.ask(R"({"rules": [{"action": "delay", "ms": 1, "md": 2}]})").find("unknown member \\\"md\\\""),
            std::string::npos);
  EXPECT_NE(p.ask(R"({"jump": 1})").find("unknown command"), std::string::npos);
  EXPECT_NE(p.ask("{").find("error"), std::string::npos);
  EXPECT_EQ(program({"--to"}).end(), 2);
  EXPECT_EQ(program({"--to", "127.0.0.1:1", "--plan", "{}"}).end(), 2);
}

} // namespace
