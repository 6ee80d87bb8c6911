#pragma once

#include <weir/core/loop.hpp>
#include <weir/core/task_group.hpp>
#include <weir/mcp/http_transport.hpp>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <mcp/pipe_client.hpp>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <map>
#include <string>
#include <thread>

namespace weir::mcp::testing {

/// An MCP server on a port of its own and a thread of its own.
class http_fixture {
 public:
  explicit http_fixture(http_options options = {}, std::function<void(server&)> more = {}) {
    std::promise<int> ready;
    auto port = ready.get_future();
    thread_ = std::thread([this, options, more, &ready] {
      server to(sample_options());
      seen_ = furnish(to);
      if (more) more(to);
      run_options signals;
      signals.handle_signals = false;
      run(
          [](http_fixture& self, server& of, http_options with, std::promise<int>& started) -> task<void> {
            http::server listener(http::server_options{});
            http_transport transport(of, std::move(with));
            transport.attach(listener);
            self.listener_ = &listener;
            self.loop_ = &loop::current();
            started.set_value(listener.port());
            co_await listener.serve();
          }(*this, to, options, ready),
          signals);
    });
    port_ = port.get();
  }
  ~http_fixture() { stop(); }
  void stop() {
    if (!thread_.joinable()) return;
    loop_->post([this] { listener_->stop(); });
    thread_.join();
  }
  int port() const { return port_; }
  sightings& seen() { return *seen_; }

 private:
  int port_ = 0;
  http::server* listener_ = nullptr;
  loop* loop_ = nullptr;
  std::shared_ptr<sightings> seen_;
  std::thread thread_;
};

/// What came back.
struct http_answer {
  int status = 0;
  std::map<std::string, std::string> fields; ///< names in lower case
  std::string body;

  json::object json() const { return body.empty() ? json::object() : json::parse(body).as_object(); }
  /// The messages of an event stream.
  std::vector<json::object> events() const {
    std::vector<json::object> out;
    std::size_t at = 0;
    while ((at = body.find("data: ", at)) != std::string::npos) {
      std::size_t end = body.find('\n', at);
      out.push_back(json::parse(body.substr(at + 6, end - at - 6)).as_object());
      at = end;
    }
    return out;
  }
};

/// One connection with blocking calls.
class http_connection {
 public:
  explicit http_connection(int port) {
    fd_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_.get(), reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  }
  using fields = std::map<std::string, std::string>;

  void send(const std::string& method, const std::string& body, const fields& more = {}) {
    fields all{{"Host", "127.0.0.1"},
               {"Content-Type", "application/json"},
               {"Accept", "application/json, text/event-stream"},
               {"Content-Length", std::to_string(body.size())}};
    for (const auto& [name, value] : more) all[name] = value;
    std::string text = method + " /mcp HTTP/1.1\r\n";
    for (const auto& [name, value] : all)
      if (value != "-") text += name + ": " + value + "\r\n";
    send_raw(text + "\r\n" + body);
  }
  void send_raw(std::string_view bytes) {
    while (!bytes.empty()) {
      ssize_t put = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      ASSERT_GT(put, 0);
      bytes.remove_prefix(static_cast<std::size_t>(put));
    }
  }
  /// Reads until `text` has come. Returns whether it did.
  bool read_until(std::string_view text, std::chrono::milliseconds limit = std::chrono::seconds(20)) {
    auto until = std::chrono::steady_clock::now() + limit;
    while (buffer_.find(text) == std::string::npos) {
      auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
      pollfd question{fd_.get(), POLLIN, 0};
      if (left.count() <= 0 || ::poll(&question, 1, static_cast<int>(left.count())) <= 0) return false;
      if (!more()) return false;
    }
    return true;
  }
  http_answer receive() {
    http_answer out;
    if (!read_until("\r\n\r\n")) {
      ADD_FAILURE() << "no answer came; so far: " << buffer_;
      return out;
    }
    std::size_t end = buffer_.find("\r\n\r\n");
    std::istringstream head(buffer_.substr(0, end));
    buffer_.erase(0, end + 4);
    std::string line;
    std::getline(head, line);
    out.status = std::atoi(line.c_str() + 9);
    while (std::getline(head, line)) {
      std::size_t colon = line.find(':');
      std::string name = line.substr(0, colon);
      for (char& c : name) c = static_cast<char>(std::tolower(c));
      std::string value = line.substr(colon + 2);
      if (value.ends_with('\r')) value.pop_back();
      out.fields[name] = value;
    }
    if (out.fields.contains("transfer-encoding"))
      read_chunks(out);
    else {
      std::size_t length = out.fields.contains("content-length") ? std::stoul(out.fields["content-length"]) : 0;
      while (buffer_.size() < length && more()) {}
      out.body = buffer_.substr(0, length);
      buffer_.erase(0, length);
    }
    return out;
  }
  http_answer post(const std::string& body, const fields& more = {}) {
    send("POST", body, more);
    return receive();
  }
  void close() { fd_.reset(); }
  /// What has come and was not taken by `receive`.
  const std::string& seen() const { return buffer_; }

 private:
  void read_chunks(http_answer& out) {
    for (;;) {
      if (!read_until("\r\n")) return;
      std::size_t end = buffer_.find("\r\n");
      std::size_t size = std::stoul(buffer_.substr(0, end), nullptr, 16);
      buffer_.erase(0, end + 2);
      while (buffer_.size() < size + 2 && more()) {}
      out.body += buffer_.substr(0, size);
      buffer_.erase(0, size + 2);
      if (size == 0) return;
    }
  }
  bool more() {
    char chunk[65536];
    ssize_t got = ::recv(fd_.get(), chunk, sizeof chunk, 0);
    if (got > 0) buffer_.append(chunk, static_cast<std::size_t>(got));
    return got > 0;
  }

  unique_fd fd_;
  std::string buffer_;
};

/// The headers of a modern request.
inline http_connection::fields modern_fields(std::string method, std::string name = "-") {
  return {{"MCP-Protocol-Version", "2026-07-28"}, {"Mcp-Method", std::move(method)}, {"Mcp-Name", std::move(name)}};
}

} // namespace weir::mcp::testing
