#pragma once

#include <weir/core/loop.hpp>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

namespace weir::tests {

/// The number of this process's threads with this name.
inline std::size_t threads_named(const std::string& wanted) {
  std::size_t found = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string name;
    std::getline(std::ifstream(entry.path() / "comm"), name);
    found += name == wanted;
  }
  return found;
}

inline std::size_t pool_threads() { return threads_named("weir-worker"); }

/// Waits until `condition()` holds, generously. Returns whether it does.
template <class F>
bool becomes_true(F condition, std::chrono::milliseconds limit = std::chrono::seconds(20)) {
  const auto until = clock::now() + limit;
  while (!condition()) {
    if (clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

} // namespace weir::tests
