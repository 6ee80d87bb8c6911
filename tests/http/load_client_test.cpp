#include <weir/core/gather.hpp>
#include <weir/core/run.hpp>
#include <weir/http/client.hpp>
#include <weir/http/load_client.hpp>
#include <weir/offload/threadpool.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <fstream>
#include <string>
#include <utility>

using namespace weir;

namespace {

bool has_libcurl() {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);)
    if (line.find("/libcurl") != std::string::npos) return true;
  return false;
}

TEST(load_client, brings_the_library_on_a_thread_of_the_pool_and_once) {
  static bool repeated = false; // --gtest_repeat
  const std::uint64_t loads = std::exchange(repeated, true) ? 0 : 1;
  run([loads]() -> task<void> {
    const auto before = threadpool_counters().executed;
    co_await gather(http::load_client(), http::load_client(), http::load_client());
    EXPECT_TRUE(has_libcurl());
    EXPECT_EQ(threadpool_counters().executed, before + loads);
    co_await http::load_client();
    EXPECT_EQ(threadpool_counters().executed, before + loads);
  }());
  run([]() -> task<void> {
    co_await http::load_client();
    http::client works;
  }());
}

} // namespace
