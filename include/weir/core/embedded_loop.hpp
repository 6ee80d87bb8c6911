#pragma once

#include <weir/core/loop.hpp>
#include <weir/core/task_group.hpp>

#include <exception>
#include <string>

namespace weir {

/// A loop inside of somebody else's: Qt, GLib, a DCC application, a plain poll(2). The host watches one descriptor and
/// calls `run_ready` when it is readable; nothing here blocks.
///
///     weir::embedded_loop guest;
///     guest.spawn(work());
///     pollfd watched{guest.descriptor(), POLLIN, 0};
///     while (!guest.is_idle()) {
///       poll(&watched, 1, -1);
///       guest.run_ready();
///     }
///
/// One per thread, and the only loop of its thread. Its tasks run inside of `spawn`, `cancel` and `run_ready`.
/// Thread-safety: the thread that made it; other threads post through a loop_handle.
class embedded_loop : private loop {
 public:
  /// Fails: errno_error where the system has no descriptors left.
  embedded_loop();
  /// Aborts, with the tree of tasks, while tasks are alive: cancel, and go on calling `run_ready` until `is_idle`.
  ~embedded_loop();

  /// Readable (POLLIN) when there is something to do: for poll, epoll, QSocketNotifier, g_unix_fd_add ... Only to be
  /// watched, never read. Valid as long as this object.
  int descriptor() const noexcept { return descriptor_; }

  /// Runs what is ready. Bounded: where more is ready than a turn takes, the descriptor stays readable.
  /// Fails: rethrows the first error of a task, once all the others, which it cancels, have ended.
  void run_ready();

  /// Starts `work` and runs it up to its first wait.
  task_handle spawn(task<void> work, std::string name = {});
  /// As above for a function object that returns a task; it lives as long as the task.
  template <class F>
    requires std::same_as<std::invoke_result_t<F&>, task<void>>
  task_handle spawn(F function, std::string name = {}) {
    task_handle handle = group().spawn(std::move(function), std::move(name));
    prepare_for_host();
    return handle;
  }

  /// Asks every task to stop. What is spawned later stops at its first wait, until all have ended.
  void cancel() noexcept;
  /// Returns whether no task is alive.
  bool is_idle() const noexcept { return (!group_ || group_->size() == 0) && guests() == 0; }

  loop& the_loop() noexcept { return *this; }

 private:
  task_group& group();

  int descriptor_;
  detail::scope root_;
  std::unique_ptr<task_group> group_;
};

} // namespace weir
