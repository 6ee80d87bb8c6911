#include "offload/process/breaker.hpp"

#include <utility>

namespace weir::detail {

std::optional<breaker::refusal> breaker::refuses(const std::string& function, clock::time_point now) {
  if (records_.empty()) return std::nullopt;
  const auto found = records_.find(function);
  if (found == records_.end() || found->second.open_until <= now) return std::nullopt;
  return refusal{found->second.deaths, std::chrono::ceil<std::chrono::milliseconds>(found->second.open_until - now),
                 found->second.reason};
}

void breaker::died(const std::string& function, clock::time_point now, int max_deaths, std::string reason) {
  constexpr std::size_t max_functions = 1024; // labels come from the program, but their number is nobody's promise
  if (records_.size() >= max_functions) records_.clear();
  record& mine = records_[function];
  if (mine.deaths == 0 || now - mine.first > window) {
    mine.deaths = 0;
    mine.first = now;
  }
  ++mine.deaths;
  mine.reason = std::move(reason);
  // After the pause one more death is enough: it is still in a row.
  if (mine.deaths >= max_deaths) mine.open_until = now + window;
}

} // namespace weir::detail
