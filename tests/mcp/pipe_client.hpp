#pragma once

#include <weir/core/run.hpp>
#include <weir/core/unique_fd.hpp>
#include <weir/mcp/stdio.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <mcp/sample_server.hpp>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <thread>

namespace weir::mcp::testing {

/// A client with blocking calls at the other end of real pipes (or of a socket); the server runs on a thread of its
/// own.
class pipe_client {
 public:
  struct settings {
    stdio_options stdio = {};
    bool socket = false;
    std::function<void(server&)> furnish_more = {};
  };

  pipe_client() : pipe_client(settings{}) {}
  explicit pipe_client(settings with) {
    int to_server[2], from_server[2];
    if (with.socket) {
      EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, to_server), 0);
      from_server[0] = ::dup(to_server[1]);
      from_server[1] = ::dup(to_server[0]);
    } else {
      EXPECT_EQ(::pipe2(to_server, O_CLOEXEC), 0);
      EXPECT_EQ(::pipe2(from_server, O_CLOEXEC), 0);
    }
    in_.reset(to_server[1]);
    out_.reset(from_server[0]);
    thread_ = std::thread([this, with, in = to_server[0], out = from_server[1]] {
      unique_fd close_in(in), close_out(out);
      server to(sample_options());
      seen_ = furnish(to);
      if (with.furnish_more) with.furnish_more(to);
      run_options options;
      options.handle_signals = false;
      run(serve_stdio(to, in, out, with.stdio), options);
      ended_ = std::chrono::steady_clock::now();
    });
  }
  ~pipe_client() {
    in_.reset();
    out_.reset();
    join();
  }

  void send(std::string text) { send_raw(text + "\n"); }
  void send_raw(std::string_view bytes) {
    while (!bytes.empty()) {
      ssize_t put = ::write(in_.get(), bytes.data(), bytes.size());
      ASSERT_GT(put, 0);
      bytes.remove_prefix(static_cast<std::size_t>(put));
    }
  }

  /// The next line, or nothing within `limit`, or at the end of the stream.
  std::optional<std::string> line(std::chrono::milliseconds limit = std::chrono::seconds(20)) {
    auto until = std::chrono::steady_clock::now() + limit;
    for (;;) {
      if (std::size_t end = buffer_.find('\n', scanned_); end != std::string::npos) {
        std::string out = buffer_.substr(0, end);
        buffer_.erase(0, end + 1);
        scanned_ = 0;
        return out;
      }
      scanned_ = buffer_.size();
      auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
      pollfd question{out_.get(), POLLIN, 0};
      if (::poll(&question, 1, std::max<int>(0, static_cast<int>(left.count()))) <= 0) return std::nullopt;
      char chunk[65536];
      ssize_t got = ::read(out_.get(), chunk, sizeof chunk);
      if (got <= 0) return std::nullopt;
      buffer_.append(chunk, static_cast<std::size_t>(got));
    }
  }
  json::object receive() {
    auto text = line();
    EXPECT_TRUE(text) << "no message came";
    return text ? json::parse(*text).as_object() : json::object();
  }
  bool is_quiet(std::chrono::milliseconds for_long) { return !line(for_long); }

  json::object ask(std::string text) {
    send(std::move(text));
    return receive();
  }
  json::object initialize(std::string_view version = "2025-11-25") {
    return ask(R"({"jsonrpc":"2.0","id":"init","method":"initialize","params":{"protocolVersion":")" +
               std::string(version) + R"(","capabilities":{},"clientInfo":{"name":"test","version":"0"}}})");
  }

  void close_input() {
    if (in_) ::shutdown(in_.get(), SHUT_WR);
    in_.reset();
  }
  void close_output() { out_.reset(); }
  /// Waits for the server's end; returns when it ended.
  std::chrono::steady_clock::time_point join() {
    if (thread_.joinable()) thread_.join();
    return ended_;
  }
  int output() const { return out_.get(); }
  sightings& seen() { return *seen_; }

 private:
  unique_fd in_, out_;
  std::string buffer_;
  std::size_t scanned_ = 0;
  std::shared_ptr<sightings> seen_;
  std::chrono::steady_clock::time_point ended_;
  std::thread thread_;
};

inline const std::string modern_meta =
    R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}})";

/// A request of the legacy or of the modern era. `members` are members of `params` ("\"name\":\"echo\"").
inline std::string legacy(std::string_view id, std::string_view method, std::string_view members = "") {
  return R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"method":")" + std::string(method) + R"(","params":{)" +
         std::string(members) + "}}";
}
inline std::string modern(std::string_view id, std::string_view method, std::string_view members = "") {
  return legacy(id, method, std::string(members) + (members.empty() ? "" : ",") + modern_meta);
}

inline int error_code_of(const json::object& answer) {
  const json::value* failure = json::find(answer, "error");
  return failure ? static_cast<int>(json::int_or(failure->as_object(), "code", 0)) : 0;
}
inline std::string text_of(const json::object& answer) {
  const json::value* result = json::find(answer, "result");
  if (!result) return "no result: " + json::serialize(answer);
  const json::array& content = result->at("content").as_array();
  return content.empty() ? "" : std::string(content[0].at("text").as_string());
}

} // namespace weir::mcp::testing
