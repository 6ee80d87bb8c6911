#pragma once

#include <weir/core/detail/group_child.hpp>
#include <weir/core/error.hpp>
#include <weir/core/event.hpp>
#include <weir/core/other_errors.hpp>
#include <weir/core/task.hpp>

#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace weir {

/// Refers to a child of a task_group. Copyable; it may outlive the child and the group.
/// Thread-safety: the loop's thread only.
class task_handle {
 public:
  task_handle() noexcept = default;

  /// Asks the child to stop. That is no error for the group. Harmless after its end.
  void cancel() const noexcept;
  /// Returns whether the child has ended (true for a handle of nothing).
  bool done() const noexcept { return status() != task_status::running; }
  task_status status() const noexcept { return child_ ? child_->status : task_status::finished; }
  /// The name that it was spawned with; empty: none.
  std::string_view name() const noexcept { return child_ ? std::string_view(child_->label) : std::string_view(); }
  /// Returns what it failed with, or nullptr. Also `cancelled` counts.
  std::exception_ptr failure() const noexcept { return child_ ? child_->failure : nullptr; }

  /// Waits for the child's end, whatever it is. Cancellation: ends the wait, not the child.
  detail::child_end join() const noexcept { return detail::child_end(child_); }

 private:
  friend class task_group;
  template <class T>
  friend class task_result;
  explicit task_handle(std::shared_ptr<detail::group_child> child) noexcept : child_(std::move(child)) {}

  std::shared_ptr<detail::group_child> child_;
};

/// A task_handle of a child that gives a value.
template <class T>
class task_result : public task_handle {
 public:
  task_result() noexcept = default;

  /// Waits for the child's end. Returns its value, which is moved out: once. Fails: rethrows the child's error, or
  /// `cancelled` where the child was cancelled. Cancellation: ends the wait, not the child.
  task<T> value() const {
    auto child = std::static_pointer_cast<detail::group_child_with<T>>(child_);
    co_await detail::child_end(child);
    if (child->failure) std::rethrow_exception(child->failure);
    co_return std::move(*child->value);
  }

 private:
  friend class task_group;
  using task_handle::task_handle;
};

/// Given to a child that is started by `task_group::start`: it says when it is ready. T is what it is ready with.
template <class T = void>
class started {
 public:
  /// Lets `start` return. Fails: errc::invalid_argument when it was called before.
  void operator()(detail::unvoid<T> value = {}) {
    if (value_) throw error(errc::invalid_argument, "a child of a task group said twice that it is ready");
    value_.emplace(std::move(value));
    event_.set();
  }

 private:
  friend class task_group;
  std::optional<detail::unvoid<T>> value_;
  std::exception_ptr failure_;
  bool waited_for_ = true;
  event event_;
};

/// Children that run side by side, of which none outlives the scope: made by `with_task_group`, which is left only when
/// all of them are gone.
/// Fails: the first child that fails cancels the others and the body; its error is rethrown at the end, with those of
/// others attached (other_errors).
/// Thread-safety: the loop's thread only. Cost: one allocation per child, beside its frame.
class task_group {
 public:
  task_group(const task_group&) = delete;
  task_group& operator=(const task_group&) = delete;
  ~task_group();

  /// Starts `work` and runs it up to its first wait. In a cancelled group it is started too, and stops at its first
  /// wait. `name` appears in reports. Fails: errc::invalid_argument when the group has ended.
  task_handle spawn(task<void> work, std::string name = {}) { return adopt_task(std::move(work), std::move(name)); }
  /// As above for a child that gives a value.
  template <class T>
  task_result<T> spawn(task<T> work, std::string name = {}) {
    return task_result<T>(adopt_task(std::move(work), std::move(name)).child_);
  }

  /// Starts `function()`, which returns a task. The function object is moved into the group and lives as long as the
  /// child, so that a coroutine lambda may use its captures.
  template <class F, class Task = std::invoke_result_t<F&>, class T = typename Task::value_type>
  auto spawn(F function, std::string name = {}) {
    auto handle = adopt(std::make_shared<detail::group_child_of<T, F>>(inside_, std::move(name), std::move(function)));
    if constexpr (std::is_void_v<T>)
      return handle;
    else
      return task_result<T>(handle.child_);
  }

  /// Starts `function(ready)` and waits until the child calls `ready(value)`; it then runs on as any other child.
  ///
  ///     const int port = co_await group.start<int>([&](weir::started<int>& ready) -> weir::task<void> {
  ///       auto listener = listen();
  ///       ready(listener.port());
  ///       co_await serve(listener);
  ///     });
  ///
  /// Returns the value. Fails: what the child throws before it is ready is thrown here and does not touch the group;
  /// errc::invalid_argument when it ends without being ready. Cancellation: the child is cancelled and awaited.
  template <class T = void, class F>
  task<T> start(F function, std::string name = {}) {
    auto ready = std::make_shared<started<T>>();
    task_handle child = spawn(
        [ready, function = std::move(function)]() mutable { return run_started(function, ready); }, std::move(name));
    try {
      co_await ready->event_.wait();
    } catch (const cancelled&) {
      child.cancel();
      ready->waited_for_ = false;
      throw;
    }
    if (ready->failure_) std::rethrow_exception(ready->failure_);
    if constexpr (!std::is_void_v<T>) co_return std::move(*ready->value_);
  }

  /// Asks every child, and the body, to stop. No error: `with_task_group` then returns as if all had finished.
  void cancel() noexcept { inside_.cancel(); }
  bool is_cancelled() const noexcept { return inside_.is_cancelled(); }

  /// Returns the number of children that have not ended.
  std::size_t size() const noexcept { return alive_; }

 private:
  template <class Body>
  friend auto with_task_group(Body body) -> std::invoke_result_t<Body&, task_group&>;
  friend class embedded_loop;

  explicit task_group(detail::promise_base& opener) noexcept : inside_(opener, "task_group") {}
  explicit task_group(detail::scope& root) noexcept : inside_(root) {}

  template <class T>
  task_handle adopt_task(task<T> work, std::string name) {
    auto child = std::make_shared<detail::group_child_with<T>>(inside_, std::move(name));
    child->work = std::move(work);
    return adopt(std::move(child));
  }
  task_handle adopt(std::shared_ptr<detail::group_child> child);
  static std::coroutine_handle<> child_ended(detail::completion* child) noexcept;
  void fail(std::exception_ptr failure) noexcept;

  template <class F, class T>
  static task<void> run_started(F& function, std::shared_ptr<started<T>> ready) {
    std::exception_ptr failure;
    try {
      co_await function(*ready);
    } catch (...) {
      failure = std::current_exception();
    }
    if (!ready->value_ && ready->waited_for_) {
      ready->failure_ = failure ? failure
                                : std::make_exception_ptr(error(errc::invalid_argument,
                                                                "a child of a task group ended before it was ready"));
      ready->event_.set();
      failure = nullptr;
    }
    if (failure) std::rethrow_exception(failure);
  }

  struct everybody_gone {
    task_group& group;
    detail::scope* outer = nullptr;

    bool await_ready() const noexcept { return group.alive_ == 0; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> waiter) noexcept {
      outer = waiter.promise().current;
      group.waiter_ = waiter;
    }
    void await_resume() const noexcept {
      if (outer) detail::current_scope = outer;
      group.ended_ = true;
    }
  };

  detail::scope inside_;
  std::size_t alive_ = 0;
  bool ended_ = false;
  detail::failures failed_;
  std::coroutine_handle<> waiter_;
};

/// Runs `body(group)` with a fresh group and returns its value once the body and all children have ended.
///
///     co_await weir::with_task_group([&](weir::task_group& group) -> weir::task<void> {
///       group.spawn(watch());
///       co_await serve();
///       group.cancel();
///     });
///
/// Fails: rethrows the first failure of the body or of a child, with the others attached (other_errors); the rest is
/// cancelled and awaited before. Cancellation: reaches the body and all children; a body with a value that was cut
/// short throws `cancelled`.
template <class Body>
auto with_task_group(Body body) -> std::invoke_result_t<Body&, task_group&> {
  using value_type = typename std::invoke_result_t<Body&, task_group&>::value_type;
  detail::promise_base& here = co_await detail::this_frame{};
  task_group group(here);
  std::optional<detail::unvoid<value_type>> value;
  try {
    detail::in_scope<value_type> inside{body(group), group.inside_};
    if constexpr (std::is_void_v<value_type>) {
      co_await inside;
      value.emplace();
    } else {
      value.emplace(co_await inside);
    }
  } catch (...) {
    group.fail(std::current_exception());
  }
  co_await task_group::everybody_gone{group};
  group.failed_.rethrow();
  if (here.current->is_cancelled()) throw cancelled{};
  if constexpr (!std::is_void_v<value_type>) {
    if (!value) throw cancelled{};
    co_return std::move(*value);
  }
}

} // namespace weir
