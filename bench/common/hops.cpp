#include "hops.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace weir::bench {

std::optional<hop_options> read_hop_options(int argc, char** argv) {
  if (argc != 5 && argc != 6) {
    std::fprintf(stderr, "use: %s FORM WAITERS THREADS SECONDS [LINGER_US]\n", argv[0]);
    return std::nullopt;
  }
  return hop_options{argv[1], std::strtoul(argv[2], nullptr, 10), std::strtoul(argv[3], nullptr, 10),
                     std::chrono::duration<double>(std::strtod(argv[4], nullptr)),
                     std::chrono::microseconds(argc == 6 ? std::strtol(argv[5], nullptr, 10) : 0)};
}

hop_times::hop_times(const hop_options& options)
    : begin_(clock::now() + std::chrono::milliseconds(100)),
      end_(begin_ + std::chrono::duration_cast<clock::duration>(options.seconds)) {
  taken_us_.reserve(16'000'000); // address space: a page is used when it is written
}

bool hop_times::note(clock::time_point begin, clock::time_point end) {
  if (begin < begin_) {
    if (end >= begin_) watch_.emplace();
    return true;
  }
  if (end < end_) {
    taken_us_.push_back(std::chrono::duration<float, std::micro>(end - begin).count());
    return true;
  }
  if (!spent_ && watch_ && !taken_us_.empty()) spent_ = watch_->per_item(taken_us_.size());
  return false;
}

void hop_times::print() {
  if (!spent_) {
    std::puts("{}");
    return;
  }
  const auto at = [&](double part) {
    const auto place = taken_us_.begin() + static_cast<std::ptrdiff_t>(part * static_cast<double>(taken_us_.size()));
    std::nth_element(taken_us_.begin(), place, taken_us_.end());
    return static_cast<double>(*place);
  };
  std::printf("{\"per_second\":%.1f,\"p50_us\":%.3f,\"p99_us\":%.3f,\"cpu_us\":%.4f}\n", 1e9 / spent_->wall_ns, at(0.5),
              at(0.99), spent_->cpu_ns / 1e3);
}

[[gnu::noinline]] int nothing_much() noexcept {
  asm volatile("");
  return 1;
}

} // namespace weir::bench
