#pragma once

#include <weir/core/callback.hpp>
#include <weir/core/gather.hpp>
#include <weir/offload/detail/process_job.hpp>
#include <weir/offload/process_errors.hpp>
#include <weir/offload/process_options.hpp>
#include <weir/offload/remote_exception.hpp>
#include <weir/offload/shared_buffer.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace weir {

/// A line that a function wrote to its stdout or stderr.
struct process_output {
  int pid = 0;
  std::uint64_t job = 0; ///< counted from 1 in each pool; 0: between jobs
  bool is_stderr = false;
  std::string_view text; ///< unchecked bytes of the job, without the newline
};

/// How a loop's worker processes are kept.
struct process_pool_options {
  /// Workers that exist at once; 0: one for each CPU that this process may use (affinity and cgroup quota).
  std::size_t max_workers = 0;
  /// Workers that are started ahead of need, once the first was needed.
  std::size_t spare_workers = 1;
  /// A worker without work for so long ends.
  std::chrono::milliseconds idle_time{60'000};
  /// A worker is replaced after so many functions; 0: never.
  std::uint64_t max_jobs_per_worker = 0;
  /// ... when it holds so much more private memory than after its first function; 0: never.
  std::uint64_t max_growth_bytes = std::uint64_t{300} << 20;
  /// ... when it is so old.
  clock::duration max_age = clock::duration::max();
  /// A function whose workers have died so often in a row, within ten seconds, is refused for as long
  /// (function_suspended).
  int max_deaths = 5;
  /// Takes what functions write, on the loop; it must not throw. Empty: lines go to this process's stderr, with the
  /// worker's process number and the job's number.
  callback<void(const process_output&)> on_output;
};

struct process_pool_counters {
  std::size_t workers = 0;
  std::size_t busy = 0;
  std::size_t queued = 0;
  std::uint64_t completed = 0; ///< functions that gave a value or threw
  std::uint64_t started = 0;   ///< workers
  std::uint64_t died = 0;      ///< workers that were not told to
  std::uint64_t killed = 0;    ///< for a deadline, a cancellation or a limit
  std::uint64_t recycled = 0;
  std::uint64_t retried = 0;
};

/// Changes how the worker processes of the running loop are kept, from now on. Thread-safety: the loop's thread.
void configure_process_pool(process_pool_options options);
/// Returns what they are doing. Thread-safety: the loop's thread.
process_pool_counters processpool_counters();
/// Starts a worker with these options now, so that the first call need not wait for it. Fails: worker_unavailable.
task<void> warm_up_processpool(process_options options = {});

/// Runs `f(args...)` in a worker process and gives its result to the awaiting task. `f` is any free function or
/// captureless lambda (or a constant: `run_in_processpool<&f>(args...)`): nothing needs to be registered, and `main`
/// needs no guard. Arguments and results are values that codec.hpp can send; what cannot be sent is a compile error in
/// plain words. Large data travels without a copy in a shared_buffer.
///
/// Use it for what may crash, hang or be hostile, and what must be stopped by force: threads run in parallel too, but
/// only a process can be killed, and only its own memory can be damaged.
///
/// Returns what `f` returns. Fails: with what `f` threw: standard and registered types as themselves, others as
/// remote_exception (remote_exception.hpp); worker_crashed, worker_exited, job_timeout, job_memory_limit,
/// function_suspended, worker_unavailable (process_errors.hpp): such a call fails alone, the pool goes on.
/// Cancellation: a function that has not started never does; one that runs is killed, after `grace` where it takes a
/// std::stop_token as its first parameter. Runs at most once, unless marked idempotent.
/// Thread-safety: the loop's thread. Cost: some 20 us each way where worker and loop sleep, below 1 us where they are
/// busy; a worker's start 1 ms, the first one 5 ms.
template <class F, class... Args>
  requires(!std::same_as<std::remove_cvref_t<F>, process_options>)
auto run_in_processpool(process_options options, F&& f, Args&&... args) {
  using call = detail::process_call<std::decay_t<F>, Args...>;
  call::explain();
  if constexpr (call::can_be_sent())
    return detail::run_in_process<call, std::decay_t<F>>(std::move(options), std::decay_t<F>(std::forward<F>(f)),
                                                         call::convert(std::forward<Args>(args)...));
}

template <class F, class... Args>
  requires(!std::same_as<std::remove_cvref_t<F>, process_options>)
auto run_in_processpool(F&& f, Args&&... args) {
  return run_in_processpool(process_options{}, std::forward<F>(f), std::forward<Args>(args)...);
}

/// The same for a function that is known at compile time: `run_in_processpool<&resize>(image, 128)`.
template <auto F, class... Args>
auto run_in_processpool(process_options options, Args&&... args) {
  return run_in_processpool(std::move(options), detail::constant_function<F>{}, std::forward<Args>(args)...);
}
template <auto F, class... Args>
  requires(sizeof...(Args) == 0 || !(std::same_as<std::remove_cvref_t<Args>, process_options> || ...))
auto run_in_processpool(Args&&... args) {
  return run_in_processpool(process_options{}, detail::constant_function<F>{}, std::forward<Args>(args)...);
}

namespace detail {

/// Calls F for each of a chunk, in the worker.
template <class F, class T>
struct call_for_each {
  using result = std::decay_t<std::invoke_result_t<F, T&>>;
  std::vector<result> operator()(std::vector<T> values) const {
    std::vector<result> results;
    results.reserve(values.size());
    for (T& value : values) results.push_back(F{}(value));
    return results;
  }
};

template <class F, class T>
task<std::vector<typename call_for_each<F, T>::result>> map_chunks(process_options options, std::vector<T> values,
                                                                   std::size_t chunk) {
  using result = typename call_for_each<F, T>::result;
  std::vector<task<std::vector<result>>> calls;
  for (std::size_t from = 0; from < values.size(); from += chunk) {
    const auto to = std::min(from + chunk, values.size());
    std::vector<T> part(std::make_move_iterator(values.begin() + static_cast<std::ptrdiff_t>(from)),
                        std::make_move_iterator(values.begin() + static_cast<std::ptrdiff_t>(to)));
    calls.push_back(run_in_processpool(options, call_for_each<F, T>{}, std::move(part)));
  }
  std::vector<result> all;
  all.reserve(values.size());
  for (auto& part : co_await gather(std::move(calls)))
    for (auto& one : part) all.push_back(std::move(one));
  co_return all;
}

std::size_t chunk_for(std::size_t count);

template <auto F>
struct constant_call {
  template <class T>
  decltype(auto) operator()(T& value) const {
    return std::invoke(F, value);
  }
};

} // namespace detail

/// Runs `f(value)` for each of `values` in worker processes, several in one call, and gives the results in order. `f`
/// is a captureless lambda. `chunk`: how many go in one call; 0: a few calls for each worker. Fails: with the first
/// failure; the others are cancelled. Everything else as run_in_processpool.
template <class T, class F>
auto map_in_processpool(process_options options, std::vector<T> values, F, std::size_t chunk = 0) {
  return detail::map_chunks<F, T>(std::move(options), std::move(values),
                                  chunk ? chunk : detail::chunk_for(values.size()));
}
template <class T, class F>
  requires(!std::same_as<F, std::size_t>)
auto map_in_processpool(std::vector<T> values, F f, std::size_t chunk = 0) {
  return map_in_processpool(process_options{}, std::move(values), f, chunk);
}
/// The same for a function that is known at compile time: `map_in_processpool<&thumbnail>(images)`.
template <auto F, class T>
auto map_in_processpool(std::vector<T> values, process_options options = {}, std::size_t chunk = 0) {
  return map_in_processpool(std::move(options), std::move(values), detail::constant_call<F>{}, chunk);
}

} // namespace weir
