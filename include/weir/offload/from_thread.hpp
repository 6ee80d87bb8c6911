#pragma once

#include <weir/core/loop_handle.hpp>
#include <weir/core/task.hpp>
#include <weir/offload/detail/loop_call.hpp>

#include <concepts>
#include <functional>
#include <type_traits>
#include <utility>

namespace weir {

/// About the function that `run_in_threadpool` runs on this thread.
namespace this_job {

/// Returns whether this thread runs such a function.
bool exists() noexcept;
/// Returns the loop that waits for it. Fails: errc::unavailable on another thread.
loop_handle home();
/// Returns whether its caller was asked to stop. Fails: errc::unavailable on another thread.
bool is_cancelled();
/// Fails: throws `cancelled` where its caller was asked to stop; errc::unavailable on another thread.
void throw_if_cancelled();

} // namespace this_job

/// Calls `f()` on the loop that waits for this thread's function, and does not wait for it. `f` must not throw.
/// Fails: errc::unavailable where this thread runs no function of run_in_threadpool, or the loop is gone (an abandoned
/// function may outlive it).
template <std::invocable F>
void post_to_loop(F f) {
  if (!this_job::home().post(std::move(f))) detail::throw_loop_gone();
}

/// The same for any thread, with a loop_handle in the place of a caller. Returns false when the loop is gone.
template <std::invocable F>
bool post_to_loop(const loop_handle& where, F f) {
  return where.post(std::move(f));
}

/// Runs `f()` on the loop that waits for this thread's function, blocks until it is done, and gives its result. `f` is
/// a plain function, or gives a task, which is then awaited there: so a function on a thread can await, report
/// progress, or touch what belongs to the loop. It runs inside of the caller's scope: cancelling the caller cancels it.
/// For an abandonable function it runs beside the loop's main task instead. It sees the context values of this thread's
/// function. Functions that it runs on threads under the same limiter take this one's place, one at a time: no limit
/// can make this a deadlock. Returns the result. Fails: rethrows what `f` or its task threw; `cancelled` where the task
/// was cancelled; errc::unavailable where this thread runs no function of run_in_threadpool, or the loop is gone;
/// errc::deadlock on a thread that runs a loop, which must not block: await the task there. Cost: two wake-ups.
template <std::invocable F>
detail::loop_call_result<F> run_on_loop(F&& f) {
  detail::refuse_on_loop_thread();
  return detail::call_on_loop(detail::caller_of_this_job(), std::forward<F>(f));
}

/// The same for any thread that runs no loop: the task runs beside the loop's main task, and is cancelled when that
/// ends.
template <std::invocable F>
detail::loop_call_result<F> run_on_loop(const loop_handle& where, F&& f) {
  detail::refuse_on_loop_thread();
  return detail::call_on_loop(detail::caller_by_handle(where), std::forward<F>(f));
}

} // namespace weir
