#pragma once

#include <weir/testing/run_test.hpp>

#include <gtest/gtest.h>

#include <optional>

/// GoogleTest for tasks; the only header of Weir that needs it.
///
///     WEIR_TASK_TEST(downloads, give_up_after_the_limit) {
///       WEIR_ASSERT_EQ(co_await answer(), 42);
///     }
///
/// The body is a task<void> on a loop of its own. The test fails, beside what its EXPECT_... say, when the body throws,
/// when nothing can run any more (with the tree of tasks), and when it leaves behind a task, a descriptor or a thread
/// (leaks.hpp). SIGUSR1 and a debugger apart, nothing else is in the process: the program runs test after test.

/// A test whose body is a task.
#define WEIR_TASK_TEST(suite, name) WEIR_TASK_TEST_(suite, name, ::testing::Test, {}, 1)

/// The same in a fixture; the suite has the fixture's name.
#define WEIR_TASK_TEST_F(fixture, name) WEIR_TASK_TEST_(fixture, name, fixture, {}, 1)

/// A test without waiting: its sleeps and time limits go by a manual_clock, `*context.clock`.
#define WEIR_TASK_TEST_MANUAL_CLOCK(suite, name)                                                                       \
  WEIR_TASK_TEST_(suite, name, ::testing::Test, (::weir::testing::test_options{.with_manual_clock = true}), 1)

/// A test that is run `seeds` times, each under other faults (`*context.faults`) and by a manual clock. The first seed
/// that fails is told and ends the test; WEIR_TEST_SEED=n in the environment runs that one alone.
#define WEIR_FAULT_TEST(suite, name, seeds) WEIR_TASK_TEST_(suite, name, ::testing::Test, {}, seeds, true)

/// ASSERT_... of GoogleTest return from their function, which a coroutine cannot do: the compiler refuses them. These
/// throw instead, so they end the test from any depth and any type of task; tasks beside it are cancelled and awaited
/// on the way. EXPECT_... work as they are. A message is added with <<.
#define WEIR_ASSERT_EQ(a, b) WEIR_ASSERT_(::testing::internal::EqHelper::Compare(#a, #b, a, b))
#define WEIR_ASSERT_NE(a, b) WEIR_ASSERT_(::testing::internal::CmpHelperNE(#a, #b, a, b))
#define WEIR_ASSERT_LT(a, b) WEIR_ASSERT_(::testing::internal::CmpHelperLT(#a, #b, a, b))
#define WEIR_ASSERT_LE(a, b) WEIR_ASSERT_(::testing::internal::CmpHelperLE(#a, #b, a, b))
#define WEIR_ASSERT_GT(a, b) WEIR_ASSERT_(::testing::internal::CmpHelperGT(#a, #b, a, b))
#define WEIR_ASSERT_GE(a, b) WEIR_ASSERT_(::testing::internal::CmpHelperGE(#a, #b, a, b))
#define WEIR_ASSERT_TRUE(condition) WEIR_ASSERT_(::weir::testing::detail::is(condition, true, #condition))
#define WEIR_ASSERT_FALSE(condition) WEIR_ASSERT_(::weir::testing::detail::is(condition, false, #condition))
/// Ends the test as failed.
#define WEIR_FAIL()                                                                                                    \
  ::weir::testing::detail::ending{__FILE__, __LINE__, "Failed", ::testing::TestPartResult::kFatalFailure} =            \
      ::testing::Message()
/// Ends the test as skipped: `WEIR_SKIP() << "there is no network"`.
#define WEIR_SKIP()                                                                                                    \
  ::weir::testing::detail::ending{__FILE__, __LINE__, "", ::testing::TestPartResult::kSkip} = ::testing::Message()

namespace weir::testing::detail {

struct ending {
  const char* file;
  int line;
  std::string text;
  ::testing::TestPartResult::Type kind;

  [[noreturn]] void operator=(const ::testing::Message& message) const {
    ::testing::internal::AssertHelper(kind, file, line, text.c_str()) = message;
    throw assertion_failed{};
  }
};

template <class T>
::testing::AssertionResult is(const T& condition, bool wanted, const char* text) {
  if (static_cast<bool>(condition) == wanted) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "Value of: " << text << "\n  Actual: " << (wanted ? "false" : "true")
                                       << "\nExpected: " << (wanted ? "true" : "false");
}

/// Runs a test, once or per seed, and tells GoogleTest what was wrong.
inline void run_in_gtest(const std::function<task<void>(test_context&)>& body, test_options options, const char* file,
                         int line, std::size_t seeds, bool with_faults) {
  for (const std::uint64_t seed : with_faults ? seeds_to_try(seeds) : std::vector<std::uint64_t>{0}) {
    std::optional<::testing::ScopedTrace> trace;
    if (with_faults) {
      options.seed = &seed;
      trace.emplace(file, line, "run it alone with WEIR_TEST_SEED=" + std::to_string(seed));
    }
    for (const std::string& problem : run_test(body, options)) ADD_FAILURE_AT(file, line) << problem;
    if (::testing::Test::HasFailure() || ::testing::Test::IsSkipped()) return;
  }
}

} // namespace weir::testing::detail

#define WEIR_ASSERT_(outcome)                                                                                          \
  switch (0)                                                                                                           \
  case 0:                                                                                                              \
  default:                                                                                                             \
    if (const ::testing::AssertionResult weir_outcome = (outcome))                                                     \
      ;                                                                                                                \
    else                                                                                                               \
      ::weir::testing::detail::ending{__FILE__, __LINE__, weir_outcome.failure_message(),                              \
                                      ::testing::TestPartResult::kFatalFailure} = ::testing::Message()

// The class derives from the fixture, so that the body sees its members; the factory's type tells GoogleTest which.
#define WEIR_TASK_TEST_(suite, name, fixture, options, seeds, ...)                                                     \
  class suite##_##name##_task final : public fixture {                                                                 \
    void TestBody() override {                                                                                         \
      ::weir::testing::detail::run_in_gtest(                                                                           \
          [this](::weir::testing::test_context& context) { return task_body(context); }, options, __FILE__, __LINE__,  \
          seeds, false __VA_OPT__(|| __VA_ARGS__));                                                                    \
    }                                                                                                                  \
    ::weir::task<void> task_body(::weir::testing::test_context& context);                                              \
    static ::testing::TestInfo* const registered_;                                                                     \
  };                                                                                                                   \
  ::testing::TestInfo* const suite##_##name##_task::registered_ = ::testing::RegisterTest(                             \
      #suite, #name, nullptr, nullptr, __FILE__, __LINE__, []() -> fixture* { return new suite##_##name##_task; });    \
  ::weir::task<void> suite##_##name##_task::task_body([[maybe_unused]] ::weir::testing::test_context& context)
