#pragma once

#include "http/fault_server.hpp"

#include <algorithm>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace weir::test {

/// Serves `content` with ranges and If-Range, its 416 without Content-Range, and does wrong on request.
class ranged_server {
 public:
  explicit ranged_server(std::string content) : content_(std::move(content)) {}

  std::string url(std::string_view path = "/clip") const { return server_.url(path); }

  /// The next answers end after so many bytes of their body, or, with -1, before their head; one each.
  void cut(std::vector<long> after) {
    const std::lock_guard guard(lock_);
    cuts_ = std::move(after);
  }
  /// The next answers have this status and body instead; one each.
  void refuse(int status, std::string body, int times = 1) {
    const std::lock_guard guard(lock_);
    for (int i = 0; i < times; ++i) refusals_.emplace_back(status, body);
  }
  /// From now on it is another file.
  void change(std::string content, std::string validator) {
    const std::lock_guard guard(lock_);
    content_ = std::move(content);
    validator_ = std::move(validator);
  }
  /// After so many bytes of a body it waits until the client goes.
  void stall_after(long bytes) {
    const std::lock_guard guard(lock_);
    stall_ = bytes;
  }
  /// Pieces of 16 KB come at this distance.
  void slow_down(int ms) {
    const std::lock_guard guard(lock_);
    pace_ms_ = ms;
  }
  /// What an unsatisfiable range is told beside the status.
  void extra_for_416(std::string text) {
    const std::lock_guard guard(lock_);
    extra_ = std::move(text);
  }

  /// The heads that were asked with so far.
  std::vector<std::string> heads() {
    const std::lock_guard guard(lock_);
    return heads_;
  }
  std::string last_range() { return header_of(heads().back(), "Range"); }

 private:
  void serve(const std::string& head, wire& w) {
    std::string content, validator, extra;
    std::pair<int, std::string> refusal;
    long cut = -2, stall = -1;
    int pace = 0;
    {
      const std::lock_guard guard(lock_);
      heads_.push_back(head);
      content = content_;
      validator = validator_;
      extra = extra_;
      stall = stall_;
      pace = pace_ms_;
      if (!refusals_.empty()) {
        refusal = refusals_.front();
        refusals_.erase(refusals_.begin());
      } else if (!cuts_.empty()) {
        cut = cuts_.front();
        cuts_.erase(cuts_.begin());
      }
    }
    if (refusal.first != 0) {
      w.answer(refusal.first, refusal.second);
      return;
    }
    if (cut == -1) {
      w.close();
      return;
    }
    std::size_t from = 0;
    const std::string range = header_of(head, "Range");
    // Whatever stands behind the first colon of "ETag: ..." or "Last-Modified: ..." is the validator.
    const std::size_t colon = validator.find(": ");
    const bool same = colon != std::string::npos && header_of(head, "If-Range") + "\r\n" ==
                                                        validator.substr(colon + 2, validator.find('\n') - colon - 1);
    if (range.starts_with("bytes=") && same) {
      from = std::stoull(range.substr(6));
      if (from >= content.size()) {
        w.answer(416, R"({"message": "no such range"})", validator + extra);
        return;
      }
    }
    const std::size_t rest = content.size() - from;
    std::string text = "HTTP/1.1 200 OK\r\n";
    if (from != 0)
      text = "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes " + std::to_string(from) + "-" +
             std::to_string(content.size() - 1) + "/" + std::to_string(content.size()) + "\r\n";
    text += validator + "Content-Type: video/mp4\r\nContent-Length: " + std::to_string(rest) + "\r\n\r\n";
    const std::size_t size = std::min(rest, cut >= 0 ? static_cast<std::size_t>(cut) : rest);
    w.send(text);
    for (std::size_t at = 0; at < size;) {
      const bool stalls = stall >= 0 && from + at >= static_cast<std::size_t>(stall);
      if (stalls) w.wait_for_close(20'000);
      const std::size_t piece = pace != 0 || stall >= 0 ? std::size_t{16 * 1024} : size;
      if (stalls || !w.send(std::string_view(content).substr(from + at, std::min(piece, size - at)))) return;
      at += std::min(piece, size - at);
      if (pace != 0) std::this_thread::sleep_for(std::chrono::milliseconds(pace));
    }
    if (size < rest) w.close();
  }

  std::string content_;
  std::string validator_ = "ETag: \"v1\"\r\n";
  std::string extra_;
  std::vector<long> cuts_;
  std::vector<std::pair<int, std::string>> refusals_;
  long stall_ = -1;
  int pace_ms_ = 0;
  std::mutex lock_;
  std::vector<std::string> heads_;
  fault_server server_{fault_server::per_request([this](const std::string& head, wire& w) { serve(head, w); })};
};

} // namespace weir::test
