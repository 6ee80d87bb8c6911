#pragma once

#include <weir/core/loop.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <unordered_map>

namespace weir::detail {

/// Keeps functions that kill worker after worker from being run for a while. Thread-safety: none.
class breaker {
 public:
  static constexpr std::chrono::seconds window{10};

  struct refusal {
    int deaths;
    std::chrono::milliseconds retry_after;
    std::string last_reason;
  };
  /// Whether `function` is refused now.
  std::optional<refusal> refuses(const std::string& function, clock::time_point now);
  /// A worker died of it.
  void died(const std::string& function, clock::time_point now, int max_deaths, std::string reason);
  /// It was done: what came before does not count any more.
  void done(const std::string& function) {
    if (!records_.empty()) records_.erase(function);
  }

 private:
  struct record {
    int deaths = 0;
    clock::time_point first;
    clock::time_point open_until{};
    std::string reason;
  };
  std::unordered_map<std::string, record> records_;
};

} // namespace weir::detail
