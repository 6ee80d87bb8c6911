#include "measure.hpp"

#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

namespace weir::bench {

std::string samples::to_json() {
  std::sort(taken_.begin(), taken_.end());
  const auto at = [&](double part) {
    if (taken_.empty()) return 0.0;
    return taken_[std::min(taken_.size() - 1, static_cast<std::size_t>(part * static_cast<double>(taken_.size())))];
  };
  char text[200];
  std::snprintf(text, sizeof text, R"("count":%zu,"p50_us":%.1f,"p99_us":%.1f,"max_us":%.1f)", taken_.size(), at(0.5),
                at(0.99), taken_.empty() ? 0.0 : taken_.back());
  return text;
}

double cpu_seconds_of(pid_t process) {
  clockid_t id;
  timespec used{};
  if (::clock_getcpuclockid(process, &id) != 0 || ::clock_gettime(id, &used) != 0) return 0;
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

long memory_kib_of(pid_t process, const char* which) {
  std::ifstream status("/proc/" + std::to_string(process) + "/status");
  const std::string key = std::string(which) + ":";
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(key)) return std::atol(line.c_str() + key.size());
  return 0;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) fail("cannot read " + path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void fail(const std::string& why) {
  std::fprintf(stderr, "weir-bench-load: %s\n", why.c_str());
  std::exit(1);
}

std::string with_id(const std::string& text, unsigned long id) {
  std::string made;
  std::size_t from = 0;
  for (auto at = text.find("@ID@"); at != std::string::npos; at = text.find("@ID@", from)) {
    made.append(text, from, at - from).append(std::to_string(id));
    from = at + std::strlen("@ID@");
  }
  return made.append(text, from);
}

} // namespace weir::bench
