#pragma once

#include <weir/core/stop.hpp>
#include <weir/core/task.hpp>
#include <weir/offload/detail/thread_call.hpp>
#include <weir/offload/thread_limiter.hpp>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <tuple>
#include <type_traits>
#include <utility>

namespace weir {

/// How a function is run on a thread. Pool threads run at a lower priority (nice + 5) than the loop's, which must
/// answer first.
struct thread_options {
  /// Counts the function: a `thread_limiter*` or a `limiter*` of its own keeps one kind of work from starving another;
  /// nullptr: the loop's `default_thread_limiter`.
  detail::any_limiter limiter = nullptr;
  /// When cancelled while the function runs: do not wait for its end. It runs on; its result is dropped; it counts in
  /// its limiter until it ends. Everything that it uses must outlive it.
  bool abandon = false;
};

/// Returns the limiter (capacity 40, changeable) of the functions of the running loop that name none.
thread_limiter& default_thread_limiter();
/// The same for work that others wait for in order to clean up; capacity 8.
thread_limiter& cleanup_thread_limiter();

/// How long a pool thread, and a loop that waits for one, poll before they sleep: being woken takes some 20 us on a
/// virtual machine. A loop whose last answer came within ten times that although it slept polls five times as long,
/// until one takes longer. What is in vain thrice in a row is left out for a while. 0: never poll; 10 us is what it is
/// from the start, on more than one CPU. Thread-safety: any thread; holds for the whole process.
void set_thread_linger(std::chrono::microseconds at_most);
std::chrono::microseconds thread_linger();

/// What the pool of the process has done and holds.
struct pool_counters {
  std::size_t threads = 0;    ///< that exist
  std::size_t idle = 0;       ///< of them, without work
  std::size_t queued = 0;     ///< functions that wait for a thread or their limiter
  std::size_t running = 0;    ///< functions that run
  std::uint64_t executed = 0; ///< since the start
  std::uint64_t started = 0;  ///< threads, since the start
  std::uint64_t wakes = 0;    ///< of sleeping threads, since the start
};
/// Thread-safety: any thread.
pool_counters threadpool_counters();

namespace detail {

template <class F, class... Args>
constexpr bool takes_stop_token = std::is_invocable_v<F&, std::stop_token, Args...>;

template <class F, class... Args>
struct thread_result_of : std::invoke_result<F&, Args...> {};
template <class F, class... Args>
  requires takes_stop_token<F, Args...>
struct thread_result_of<F, Args...> : std::invoke_result<F&, std::stop_token, Args...> {};

template <class F, class... Args>
using thread_result = typename thread_result_of<F, std::unwrap_ref_decay_t<Args>...>::type;

template <class Bound, class R>
task<R> run_on_thread(thread_options options, std::optional<Bound> bound, bool wants_token) {
  scope& here = *(co_await this_frame{}).current;
  const thread_place place = place_for(options.limiter, here.context);
  permit held;
  if (place.before) held = co_await place.before->acquire();
  auto stop = wants_token ? std::optional<std::stop_token>(token_of(here)) : std::nullopt;
  if (!options.abandon) co_return co_await thread_wait<Bound, R>(bound, std::move(stop), place);

  auto call = std::make_unique<abandonable_call<Bound, R>>(std::move(bound), std::move(stop));
  call->where = place.where;
  call->limit = place.limit;
  call->held = std::move(held);
  if (here.context) call->kept_context = here.context->shared_from_this();
  call->context = call->kept_context.get();
  call->kept_lane = keep(*place.where);
  co_return co_await abandonable_wait<Bound, R>(std::move(call));
}

} // namespace detail

/// Runs `f(args...)`, a plain function that may block or compute, on a pool thread, and gives its result to the
/// awaiting task. Lambdas, function objects, member functions and move-only arguments are welcome; arguments are
/// decayed and moved along, std::ref passes a reference. A callable whose first parameter is a std::stop_token gets one
/// that is set when the caller is cancelled. Values of the caller's context (context_value) are seen by `f`. Returns
/// what `f` returns. Fails: rethrows what `f` threw, the same object; errc::unavailable where no thread can be made.
/// Cancellation: while it waits for its turn, `f` never starts; while it runs, the token is set and its end is awaited
/// (see thread_options::abandon). Order: first come, first served, per limiter. Inside of `f`: from_thread.hpp.
/// Cost: no allocation once warm; about a microsecond while threads and loop are busy, else a wake-up each way, some
/// 20 us on a virtual machine.
template <class F, class... Args>
  requires(!std::same_as<std::remove_cvref_t<F>, thread_options>)
task<detail::thread_result<F, Args...>> run_in_threadpool(thread_options options, F&& f, Args&&... args) {
  using result_type = detail::thread_result<F, Args...>;
  constexpr bool wants_token = detail::takes_stop_token<F, std::unwrap_ref_decay_t<Args>...>;
  auto bound = [function = std::decay_t<F>(std::forward<F>(f)),
                arguments = std::tuple<std::unwrap_ref_decay_t<Args>...>(std::forward<Args>(args)...)](
                   [[maybe_unused]] std::stop_token stop) mutable -> result_type {
    return std::apply(
        [&](auto&... argument) -> result_type {
          if constexpr (wants_token)
            return std::invoke(function, std::move(stop), std::forward<std::unwrap_ref_decay_t<Args>>(argument)...);
          else
            return std::invoke(function, std::forward<std::unwrap_ref_decay_t<Args>>(argument)...);
        },
        arguments);
  };
  using bound_type = decltype(bound);
  return detail::run_on_thread<bound_type, result_type>(options, std::optional<bound_type>(std::move(bound)),
                                                        wants_token);
}

template <class F, class... Args>
  requires(!std::same_as<std::remove_cvref_t<F>, thread_options>)
task<detail::thread_result<F, Args...>> run_in_threadpool(F&& f, Args&&... args) {
  return run_in_threadpool(thread_options{}, std::forward<F>(f), std::forward<Args>(args)...);
}

} // namespace weir
