#pragma once

#include "http/fault_server.hpp"

#include <weir/json/value.hpp>
#include <weir/kitsu/client.hpp>

#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace weir::test {

/// A Kitsu server that answers what a test has put down, and remembers what it was asked.
class scripted_studio {
 public:
  using answer = std::function<void(const std::string& head, wire& line)>;

  scripted_studio()
      : server_(fault_server::per_request([this](const std::string& head, wire& line) { serve(head, line); })) {}

  /// `route` is "GET /data/tasks", without parameters.
  void on(const std::string& route, answer how) {
    const std::lock_guard lock(mutex_);
    answers_[route] = std::move(how);
  }
  void on(const std::string& route, const json::value& what) { on(route, json_answer(200, json::serialize(what))); }
  void file(const std::string& route, std::string content) {
    on("GET " + route, [content = std::move(content)](const std::string&, wire& line) {
      line.answer(200, content, "Content-Type: application/octet-stream\r\nETag: \"1\"\r\n");
    });
  }
  static answer json_answer(int status, std::string body) {
    return [status, body = std::move(body)](const std::string& head, wire& line) {
      line.read_body_of(head);
      line.answer(status, body, "Content-Type: application/json\r\n");
    };
  }

  /// The requests whose route begins so.
  std::size_t asked(const std::string& beginning) const {
    const std::lock_guard lock(mutex_);
    std::size_t count = 0;
    for (const std::string& each : requests_) count += each.starts_with(beginning);
    return count;
  }
  std::vector<std::string> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

  kitsu::client client() const {
    kitsu::client_options options;
    options.proxy = "";
    options.retry = http::retry_policy::never();
    return kitsu::client(server_.url("/api"), kitsu::tokens{"token", ""}, std::move(options));
  }

 private:
  void serve(const std::string& head, wire& line) {
    std::string route = request_line(head);
    route.erase(route.find("/api"), 4);
    route.erase(std::min(route.find('?'), route.size()));
    answer how;
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(route);
      const auto found = answers_.find(route);
      how = found != answers_.end() ? found->second : json_answer(404, R"({"error":true,"message":"no such thing"})");
    }
    how(head, line);
  }

  mutable std::mutex mutex_;
  std::map<std::string, answer> answers_;
  std::vector<std::string> requests_;
  fault_server server_;
};

/// An id that ends in `number`.
inline std::string id_of(int number) {
  std::string tail = std::to_string(number);
  return "1a2b3c4d-0000-4000-8000-" + std::string(12 - tail.size(), '0') + tail;
}

} // namespace weir::test
