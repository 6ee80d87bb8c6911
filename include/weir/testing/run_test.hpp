#pragma once

#include <weir/core/task.hpp>
#include <weir/testing/faults.hpp>
#include <weir/testing/leaks.hpp>
#include <weir/testing/manual_clock.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace weir::testing {

/// Thrown by the WEIR_ASSERT_... of task_test.hpp: it ends the test, whose failure has been told already. No
/// std::exception, so that the code under test does not take it for an error of its own.
struct assertion_failed {};

/// What the body of a test gets. Members that the kind of test does not have are null.
struct test_context {
  manual_clock* clock = nullptr;
  fault_injection* faults = nullptr;
};

/// What kind of test it is.
struct test_options {
  bool with_manual_clock = false;
  /// Faults from this seed, and a manual clock.
  const std::uint64_t* seed = nullptr;
  fault_options faults;
  leak_options leaks;
};

/// Runs `body(context)` as a task on a loop of its own: the engine of task_test.hpp, for any test framework.
/// Returns a sentence for everything that was wrong: an exception, a deadlock (with the tree of tasks), and each leaked
/// task, descriptor and thread. Empty: it passed. Thread-safety: any thread that runs no loop.
std::vector<std::string> run_test(const std::function<task<void>(test_context&)>& body,
                                  const test_options& options = {});

/// Returns the seeds of a test with faults: 1 to `count`; only WEIR_TEST_SEED, where that is set in the environment.
std::vector<std::uint64_t> seeds_to_try(std::size_t count);

} // namespace weir::testing
