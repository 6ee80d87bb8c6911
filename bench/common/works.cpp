#include "works.hpp"

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string_view>
#include <vector>

namespace weir::bench {

namespace {

double read_ns(clockid_t id) {
  timespec now{};
  ::clock_gettime(id, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

} // namespace

stopwatch::stopwatch() : wall_ns_(read_ns(CLOCK_MONOTONIC)), cpu_ns_(read_ns(CLOCK_PROCESS_CPUTIME_ID)) {}

cost stopwatch::per_item(std::size_t items) const {
  const auto count = static_cast<double>(items);
  return {(read_ns(CLOCK_MONOTONIC) - wall_ns_) / count, (read_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_ns_) / count, 0};
}

double resident_bytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  long all = 0, resident = 0;
  if (!file || std::fscanf(file, "%ld %ld", &all, &resident) != 2) std::abort();
  std::fclose(file);
  return static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

cost repeated(std::size_t items, const std::function<void()>& once) {
  once();
  std::vector<double> wall, cpu;
  for (double total = 0; wall.size() < 3 || (total < 0.2e9 && wall.size() < 1000);) {
    const stopwatch watch;
    once();
    const cost taken = watch.per_item(items);
    wall.push_back(taken.wall_ns);
    cpu.push_back(taken.cpu_ns);
    total += taken.wall_ns * static_cast<double>(items);
  }
  return {median(wall), median(cpu), 0};
}

int run_works(int argc, char** argv, std::span<const work> works) {
  const auto named = [&](const work& one) { return argc == 4 && std::string_view(one.name) == argv[1]; };
  const auto found = std::find_if(works.begin(), works.end(), named);
  if (found == works.end()) {
    std::fprintf(stderr, "use: %s WORK SIZE TIMES; the works are:", argv[0]);
    for (const auto& one : works) std::fprintf(stderr, " %s", one.name);
    std::fputs("\n", stderr);
    return 2;
  }
  try {
    const cost each = found->measure(std::strtoul(argv[2], nullptr, 10), std::strtoul(argv[3], nullptr, 10));
    std::printf("{\"wall_ns\":%.3f,\"cpu_ns\":%.3f,\"bytes\":%.1f}\n", each.wall_ns, each.cpu_ns, each.bytes);
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "%s: %s\n", argv[0], failure.what());
    return 1;
  }
  return 0;
}

} // namespace weir::bench
