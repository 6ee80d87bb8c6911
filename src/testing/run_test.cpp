#include <weir/core/error.hpp>
#include <weir/core/other_errors.hpp>
#include <weir/core/run.hpp>
#include <weir/testing/run_test.hpp>

#include <cstdlib>
#include <optional>

namespace weir::testing {

static task<void> equipped(const std::function<task<void>(test_context&)>& body, const test_options& options) {
  std::optional<manual_clock> clock;
  std::optional<fault_injection> faults;
  test_context context;
  if (options.with_manual_clock || options.seed) context.clock = &clock.emplace();
  if (options.seed) context.faults = &faults.emplace(*options.seed, options.faults);
  co_await body(context);
}

static std::string describe(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const assertion_failed&) {
    return {};
  } catch (const error& e) {
    return "failed with " + std::string(to_string(e.code())) + ": " + e.what();
  } catch (const std::exception& e) {
    return std::string("failed with ") + e.what();
  } catch (const cancelled&) {
    return "was cancelled";
  } catch (...) {
    return "failed with an exception that is no std::exception";
  }
}

std::vector<std::string> run_test(const std::function<task<void>(test_context&)>& body, const test_options& options) {
  std::vector<std::string> problems;
  const leak_check before(options.leaks);
  try {
    run(equipped(body, options), {.handle_signals = false, .deadlock = on_deadlock::fail});
  } catch (...) {
    const auto failure = std::current_exception();
    const auto others = other_errors();
    if (std::string what = describe(failure); !what.empty()) problems.push_back("the test " + std::move(what));
    for (const auto& other : others)
      if (std::string what = describe(other); !what.empty()) problems.push_back("and a task " + std::move(what));
  }
  for (std::string& leak : before.leaks()) problems.push_back("the test " + std::move(leak));
  return problems;
}

std::vector<std::uint64_t> seeds_to_try(std::size_t count) {
  std::vector<std::uint64_t> seeds;
  if (const char* only = std::getenv("WEIR_TEST_SEED")) {
    seeds.push_back(std::strtoull(only, nullptr, 10));
    return seeds;
  }
  for (std::size_t seed = 1; seed <= count; ++seed) seeds.push_back(seed);
  return seeds;
}

} // namespace weir::testing
