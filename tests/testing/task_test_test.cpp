#include <weir/core/error.hpp>
#include <weir/core/sleep.hpp>
#include <weir/core/timeout.hpp>
#include <weir/offload/threadpool.hpp>
#include <weir/testing/task_test.hpp>

#include <sys/wait.h>

#include <cstdio>

using namespace std::chrono_literals;

namespace {

WEIR_TASK_TEST(task_test, runs_a_task) {
  co_await weir::sleep_for(1ms);
  WEIR_ASSERT_EQ(co_await weir::run_in_threadpool([] { return 2; }), 2) << "on a thread";
  WEIR_ASSERT_TRUE(weir::loop::current_or_null() != nullptr);
  WEIR_ASSERT_LT(1, 2);
  WEIR_ASSERT_LE(1, 1);
  WEIR_ASSERT_GT(2, 1);
  WEIR_ASSERT_GE(2, 2);
  WEIR_ASSERT_NE(2, 1);
  WEIR_ASSERT_FALSE(false);
}

struct with_fixture : ::testing::Test {
  void SetUp() override { number = 7; }
  int number = 0;
};

WEIR_TASK_TEST_F(with_fixture, sees_its_members) {
  co_await weir::yield_now();
  EXPECT_EQ(number, 7);
}

WEIR_TASK_TEST_F(with_fixture, is_fresh_each_time) {
  EXPECT_EQ(number++, 7);
  co_return;
}

WEIR_TASK_TEST_MANUAL_CLOCK(task_test, sleeps_in_no_time) {
  const auto began = std::chrono::steady_clock::now();
  co_await weir::sleep_for(1000h);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 1h);
  WEIR_ASSERT_TRUE(context.clock);
  EXPECT_EQ(context.clock->now(), weir::loop::current().now());
}

int fault_runs = 0;
WEIR_FAULT_TEST(task_test, is_run_per_seed, 25) {
  ++fault_runs;
  WEIR_ASSERT_TRUE(context.faults);
  EXPECT_EQ(context.faults->seed(), static_cast<std::uint64_t>(fault_runs));
  co_await weir::sleep_for(1h);
  if (context.faults->seed() == 25) EXPECT_EQ(fault_runs, 25);
}

/// Runs one test of the failing program. Returns what it said, and its status in `status`.
std::string run_failing(const std::string& name, int& status, const std::string& environment = "") {
  const std::string command =
      environment + " " WEIR_FAILING_PROGRAM " --gtest_color=no --gtest_filter=failing." + name + " 2>&1";
  std::FILE* pipe = ::popen(command.c_str(), "r");
  EXPECT_TRUE(pipe);
  std::string text;
  char part[4096];
  for (std::size_t n; pipe && (n = std::fread(part, 1, sizeof part, pipe)) > 0;) text.append(part, n);
  status = pipe ? ::pclose(pipe) : -1;
  return text;
}

struct failure {
  const char* name;
  std::vector<const char*> says;
  bool goes_on = false;
};

class a_failing_test : public ::testing::TestWithParam<failure> {};

TEST_P(a_failing_test, fails_and_says_why) {
  int status = 0;
  const std::string text = run_failing(GetParam().name, status);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 1) << "status " << status << "\n" << text;
  for (const char* part : GetParam().says) EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  EXPECT_EQ(text.find("it went on") != std::string::npos, GetParam().goes_on) << text;
  EXPECT_NE(text.find("failing.cpp:"), std::string::npos) << text;
}

INSTANTIATE_TEST_SUITE_P(
    each, a_failing_test,
    ::testing::Values(
        failure{"throws", {"the test failed with not_found: no such thing"}},
        failure{"throws_twice",
                {"the test failed with not_found: the first", "and a task failed with corrupt: the second"}},
        failure{"is_stuck", {"the test failed with deadlock: nothing can run any more", "waits for event"}},
        failure{"leaks_a_task", {"the test leaked 1 task"}},
        failure{"leaks_a_descriptor", {"the test leaked descriptor ", ": /dev/zero"}},
        failure{"leaks_a_thread", {"the test leaked thread 'forgotten'"}},
        failure{"asserts_in_depth", {"number % 2", "halving 7"}},
        failure{"asserts_a_condition", {"Value of: 2 < 3", "Actual: true", "of course"}},
        failure{"says_so", {"for a reason"}}, failure{"expects", {"co_await one()", "Which is: 1"}, true},
        failure{"under_faults", {"first come, first to go on?", "run it alone with WEIR_TEST_SEED="}}),
    [](const auto& one) { return std::string(one.param.name); });

TEST(task_test, skips) {
  int status = -1;
  const std::string text = run_failing("is_skipped", status);
  EXPECT_EQ(status, 0) << text;
  EXPECT_NE(text.find("[  SKIPPED ] failing.is_skipped"), std::string::npos) << text;
  EXPECT_NE(text.find("not here"), std::string::npos) << text;
  EXPECT_EQ(text.find("it went on"), std::string::npos) << text;
}

TEST(task_test, the_seed_of_a_failure_fails_alone) {
  int status = 0;
  const std::string text = run_failing("under_faults", status);
  const std::string key = "WEIR_TEST_SEED=";
  const auto found = text.find(key);
  ASSERT_NE(found, std::string::npos) << text;
  const std::string seed = text.substr(found, text.find_first_not_of("0123456789", found + key.size()) - found);
  const std::string again = run_failing("under_faults", status, seed);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 1) << again;
  EXPECT_NE(again.find(seed), std::string::npos) << again;
}

TEST(task_test, the_engine_needs_no_framework) {
  const auto problems = weir::testing::run_test([](weir::testing::test_context&) -> weir::task<void> {
    co_await weir::yield_now();
    throw weir::error(weir::errc::corrupt, "broken");
  });
  EXPECT_EQ(problems, (std::vector<std::string>{"the test failed with corrupt: broken"}));
  EXPECT_TRUE(weir::testing::run_test([](weir::testing::test_context&) -> weir::task<void> { co_return; }).empty());
}

} // namespace
