#include "harness.hpp"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace stress {

namespace {

using namespace std::chrono_literals;

/// Ends the program, with the name of what hangs, when nothing has happened for two minutes.
class watchdog {
 public:
  void begins(const property& what, std::uint64_t seed) noexcept {
    seed_ = seed;
    what_ = what.name;
    ++beat_;
  }
  void start() {
    std::thread([this] {
      for (unsigned quiet = 0, seen = 0;; std::this_thread::sleep_for(1s)) {
        quiet = seen == beat_ ? quiet + 1 : 0;
        seen = beat_;
        if (quiet < 120) continue;
        std::printf("stress: %s hangs with WEIR_TEST_SEED=%llu\n", what_.load(),
                    static_cast<unsigned long long>(seed_.load()));
        std::fflush(stdout);
        std::abort();
      }
    }).detach();
  }

 private:
  std::atomic<unsigned> beat_{0};
  std::atomic<std::uint64_t> seed_{0};
  std::atomic<const char*> what_{""};
};

} // namespace

int run_all(const std::vector<property>& properties, double seconds) {
  if (const char* told = std::getenv("WEIR_STRESS_SECONDS")) seconds = std::atof(told);
  const char* only = std::getenv("WEIR_TEST_SEED");
  const auto until = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  static watchdog dog; // its thread lives as long as the process
  dog.start();
  std::uint64_t seeds = 0;
  std::uint64_t seed = only ? std::strtoull(only, nullptr, 10) : 1;
  do {
    for (const property& one : properties) {
      dog.begins(one, seed);
      try {
        one.run(seed);
      } catch (const std::exception& e) {
        std::printf("stress: %s does not hold with WEIR_TEST_SEED=%llu: %s\n", one.name,
                    static_cast<unsigned long long>(seed), e.what());
        return 1;
      }
    }
    ++seeds;
    ++seed;
  } while (!only && std::chrono::steady_clock::now() < until);
  std::printf("stress: %zu properties hold for %llu seeds\n", properties.size(),
              static_cast<unsigned long long>(seeds));
  return 0;
}

} // namespace stress
