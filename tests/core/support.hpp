#pragma once

#include <weir/core/cancelled.hpp>
#include <weir/core/detail/manual_time.hpp>
#include <weir/core/error.hpp>
#include <weir/core/run.hpp>
#include <weir/core/sleep.hpp>

#include <gtest/gtest.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <string>
#include <utility>

namespace weir::testing {

using namespace std::chrono_literals;

/// Runs a coroutine lambda, whose captures live until it has ended.
template <class F>
auto on_loop(F body, const run_options& options = {}) {
  return run(body(), options);
}

/// As above, with no eye on how long it keeps the loop.
template <class F>
auto on_loop_unwatched(F body) {
  return run(body(), run_options{.handle_signals = false});
}

namespace detail {
template <class F>
auto by_manual_time(F& body, weir::detail::manual_time& time) -> std::invoke_result_t<F&> {
  struct use {
    explicit use(weir::detail::manual_time& t) { loop::current().use_manual_time(&t); }
    ~use() { loop::current().use_manual_time(nullptr); }
  } until_the_end(time);
  co_return co_await body();
}
} // namespace detail

/// As above; no sleep and no time limit takes real time.
template <class F>
auto on_manual_time(F body) {
  weir::detail::manual_time time{clock::now(), true};
  return run(detail::by_manual_time(body, time));
}

/// "cancelled", "not_found: gone", or the text of another exception; "nothing" where there is none.
inline std::string text_of(const std::exception_ptr& failure) {
  if (!failure) return "nothing";
  try {
    std::rethrow_exception(failure);
  } catch (const cancelled&) {
    return "cancelled";
  } catch (const error& e) {
    return std::string(to_string(e.code())) + ": " + e.what();
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "something";
  }
}

/// What `work` ends with, as text.
template <class T>
task<std::string> failure_of(task<T> work) {
  try {
    co_await std::move(work);
  } catch (...) {
    co_return text_of(std::current_exception());
  }
  co_return "nothing";
}

/// What the plain call `f()` throws, as text.
template <class F>
std::string failure_of_call(F&& f) {
  try {
    (void)f();
  } catch (...) {
    return text_of(std::current_exception());
  }
  return "nothing";
}

inline task<int> after(clock::duration delay, int value) {
  co_await sleep_for(delay);
  co_return value;
}

inline task<int> failing(clock::duration delay, const char* why = "gone") {
  co_await sleep_for(delay);
  throw error(errc::not_found, why);
}

/// Waits until it is cancelled and counts that.
inline task<int> noting_cancellation(int& seen) {
  try {
    co_await until_cancelled();
  } catch (const cancelled&) {
    ++seen;
    throw;
  }
  co_return 0;
}

inline task<void> noting_cancellation_void(int& seen) { co_await noting_cancellation(seen); }

/// Nanoseconds of this thread's CPU per item of `work(size)`: the best of several tries. Not of the clock on the wall,
/// which goes on while other programs have the core.
template <class F>
double cost_per_item(F work, std::size_t size, int tries = 5) {
  const auto now = [] {
    timespec spent{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
    return static_cast<double>(spent.tv_sec) * 1e9 + static_cast<double>(spent.tv_nsec);
  };
  double best = 1e300;
  for (int i = 0; i < tries; ++i) {
    const double begin = now();
    work(size);
    best = std::min(best, now() - begin);
  }
  return best / static_cast<double>(size);
}

/// `work(n)` may cost no sum of squares. A hundred times as many would cost a hundred times as much each then; what
/// is linear costs up to ten times as much each where a few fit into the nearest cache and many into none of a busy
/// machine's, and a heap twice that.
template <class F>
void expect_linear(F work) {
  const double few = cost_per_item(work, 1'000, 20);
  const double many = cost_per_item(work, 100'000, 5);
  EXPECT_LE(many, 30 * few) << "ns per item of 100 000; of 1 000: " << few;
}

} // namespace weir::testing
