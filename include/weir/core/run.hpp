#pragma once

#include <weir/core/gather.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace weir {

/// What `run` does when nothing can run any more (no timer, no descriptor, no call on another thread, nobody who could
/// post) and a task still waits.
enum class on_deadlock {
  report, ///< says so once, with the tree of tasks, and goes on waiting
  fail,   ///< cancels the task; `run` throws errc::deadlock, with the tree of tasks
  ignore,
};

/// How `run` treats the process and what it reports.
struct run_options {
  /// SIGINT and SIGTERM cancel the task; a second one ends the process at once (exit code 130). SIGUSR1, where nobody
  /// handles it already, prints the tree of tasks (task_tree.hpp). One `run` of a process handles signals, the first.
  bool handle_signals = true;
  /// How long after the first signal the process may take before it is ended, with the tree of tasks that are stuck on
  /// stderr (exit code 130).
  std::chrono::milliseconds grace{10'000};
  /// Reports when the loop has not turned for so long, with the place that blocks it; 0: does not watch. Watched by a
  /// thread, in the `run` that handles signals.
  std::chrono::milliseconds blocked_limit{50};
  on_deadlock deadlock = on_deadlock::report;
  /// Takes the reports, whole lines, on any thread; empty: stderr.
  callback<void(std::string_view)> report;
};

namespace detail {

/// A loop and a root scope on this thread, for as long as one task runs.
class runner {
 public:
  explicit runner(const run_options& options);
  ~runner();
  loop& the_loop() noexcept { return loop_; }
  scope& root() noexcept { return root_; }
  void until(const bool& done);
  /// Throws where a deadlock was the end.
  void check_deadlock() const;

 private:
  struct signals;
  void stuck();
  void say(std::string_view text) const;

  run_options options_;
  loop loop_;
  scope root_;
  std::string deadlock_;
  std::unique_ptr<signals> signals_;
};

} // namespace detail

/// Makes a loop on this thread and runs `main_task` on it to its end.
/// Returns its value. Fails: rethrows its error; errc::deadlock, see run_options. Cancellation: a signal cancels it;
/// `cancelled` then leaves `run`. Thread-safety: any thread that runs no loop; only one of them can handle signals, the
/// first.
template <class T>
T run(task<T> main_task, const run_options& options = {}) {
  detail::runner runner(options);
  struct ending : detail::completion {
    bool done = false;
  } end;
  end.finished = [](detail::completion* self) noexcept -> std::coroutine_handle<> {
    static_cast<ending*>(self)->done = true;
    return std::noop_coroutine();
  };
  detail::start(main_task, runner.root(), end);
  runner.until(end.done);
  runner.check_deadlock();
  return main_task.handle().promise().take();
}

} // namespace weir
