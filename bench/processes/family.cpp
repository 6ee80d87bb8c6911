#include "family.hpp"

#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>

namespace weir::bench {

namespace {

double cpu_us(pid_t pid) {
  clockid_t clock{};
  timespec spent{};
  if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &spent) != 0) return 0;
  return 1e6 * static_cast<double>(spent.tv_sec) + static_cast<double>(spent.tv_nsec) / 1e3;
}

double with_descendants(pid_t pid) {
  double sum = cpu_us(pid);
  std::error_code gone;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task", gone)) {
    std::ifstream children(thread.path() / "children");
    for (pid_t child; children >> child;) sum += with_descendants(child);
  }
  return sum;
}

} // namespace

double family_cpu_us() { return with_descendants(::getpid()); }

stretch::stretch(std::chrono::duration<double> length)
    : begin_(clock::now() + std::chrono::milliseconds(100)),
      end_(begin_ + std::chrono::duration_cast<clock::duration>(length)) {
  taken_us_.reserve(16'000'000); // address space: a page is used when it is written
}

bool stretch::note(clock::time_point begin, clock::time_point end) {
  if (begin < begin_) {
    if (end >= begin_ && from_ == clock::time_point()) {
      cpu_from_ = family_cpu_us();
      from_ = clock::now();
    }
    return true;
  }
  if (end < end_) {
    taken_us_.push_back(std::chrono::duration<float, std::micro>(end - begin).count());
    return true;
  }
  if (to_ == clock::time_point()) {
    to_ = clock::now();
    cpu_to_ = family_cpu_us();
  }
  return false;
}

void stretch::print() {
  if (taken_us_.empty()) {
    std::puts("{}");
    return;
  }
  const auto at = [&](double part) {
    const auto place = taken_us_.begin() + static_cast<std::ptrdiff_t>(part * static_cast<double>(taken_us_.size()));
    std::nth_element(taken_us_.begin(), place, taken_us_.end());
    return static_cast<double>(*place);
  };
  const auto count = static_cast<double>(taken_us_.size());
  std::printf("{\"per_second\":%.1f,\"p50_us\":%.3f,\"p99_us\":%.3f,\"cpu_us\":%.4f}\n",
              count / std::chrono::duration<double>(to_ - from_).count(), at(0.5), at(0.99),
              (cpu_to_ - cpu_from_) / count);
}

double quantile(std::vector<double> values, double part) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, static_cast<std::size_t>(part * static_cast<double>(values.size())))];
}

} // namespace weir::bench
