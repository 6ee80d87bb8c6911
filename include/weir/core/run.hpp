#pragma once

#include <weir/core/gather.hpp>

#include <chrono>

namespace weir {

/// How `run` treats the process's signals.
struct run_options {
  /// SIGINT and SIGTERM cancel the task; a second one ends the process at once (exit code 130).
  bool handle_signals = true;
  /// How long after the first signal the process may take before it is ended with a report on stderr (exit code 130).
  std::chrono::milliseconds grace{10'000};
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

 private:
  struct signals;
  loop loop_;
  scope root_;
  std::unique_ptr<signals> signals_;
};

} // namespace detail

/// Makes a loop on this thread and runs `main_task` on it to its end.
/// Returns its value. Fails: rethrows its error. Cancellation: a signal cancels it; `cancelled` then leaves `run`.
/// Thread-safety: any thread that runs no loop; only one of them can handle signals, the first.
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
  return main_task.handle().promise().take();
}

} // namespace weir
