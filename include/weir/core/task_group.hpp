#pragma once

#include <weir/core/task.hpp>

#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

namespace weir {

class task_group;

namespace detail {

/// One child of a group: its scope, its task and, where it was spawned from a lambda, the lambda that its frame refers
/// to.
struct group_child : completion {
  explicit group_child(scope& parent) noexcept : inside(parent) {}
  virtual ~group_child() = default;

  scope inside;
  task<void> work;
  task_group* group = nullptr;
  bool cancelled_by_handle = false;
  std::shared_ptr<group_child> self; ///< a child that runs owns itself
};

template <class F>
struct group_child_of final : group_child {
  group_child_of(scope& parent, F f) : group_child(parent), function(std::move(f)) { work = function(); }
  ~group_child_of() override { work = task<void>(); }

  F function;
};

} // namespace detail

/// Refers to a child of a task_group. Copyable; it may outlive the child. Thread-safety: the loop's thread only.
class task_handle {
 public:
  task_handle() noexcept = default;

  /// Asks the child to stop. That is no error for the group. Harmless after its end.
  void cancel() const noexcept;
  /// Returns whether the child has ended.
  bool done() const noexcept { return child_.expired(); }

 private:
  friend class task_group;
  explicit task_handle(std::weak_ptr<detail::group_child> child) noexcept : child_(std::move(child)) {}

  std::weak_ptr<detail::group_child> child_;
};

/// Children that run side by side, of which none outlives the scope: made by `with_task_group`, which is left only when
/// all of them are gone.
/// Fails: the first child that fails cancels the others and the body; its error is rethrown at the end.
/// Thread-safety: the loop's thread only. Cost: one allocation per child, beside its frame.
class task_group {
 public:
  task_group(const task_group&) = delete;
  task_group& operator=(const task_group&) = delete;
  ~task_group();

  /// Starts `work` and runs it up to its first wait. In a cancelled group it is started too, and stops at its first
  /// wait.
  task_handle spawn(task<void> work);

  /// Starts `function()`, which returns a task<void>. The function object is moved into the group and lives as long as
  /// the child, so that a coroutine lambda may use its captures.
  template <class F>
    requires std::same_as<std::invoke_result_t<F&>, task<void>>
  task_handle spawn(F function) {
    return adopt(std::make_shared<detail::group_child_of<F>>(inside_, std::move(function)));
  }

  /// Asks every child, and the body, to stop. No error: `with_task_group` then returns as if all had finished.
  void cancel() noexcept { inside_.cancel(); }

  /// Returns the number of children that have not ended.
  std::size_t size() const noexcept { return alive_; }

 private:
  template <class Body>
  friend auto with_task_group(Body body) -> std::invoke_result_t<Body&, task_group&>;
  friend class task_handle;

  explicit task_group(detail::scope& parent) noexcept : inside_(parent) {}
  task_handle adopt(std::shared_ptr<detail::group_child> child);
  static std::coroutine_handle<> child_ended(detail::completion* self) noexcept;
  void fail(std::exception_ptr failure) noexcept;

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
    }
  };

  detail::scope inside_;
  std::size_t alive_ = 0;
  std::exception_ptr first_failure_;
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
/// Fails: rethrows the first failure of the body or of a child; the rest is cancelled and awaited before.
/// Cancellation: reaches the body and all children; a body with a value that was cut short throws `cancelled`.
template <class Body>
auto with_task_group(Body body) -> std::invoke_result_t<Body&, task_group&> {
  using value_type = typename std::invoke_result_t<Body&, task_group&>::value_type;
  detail::scope& outer = co_await detail::this_scope{};
  task_group group(outer);
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
  if (group.first_failure_) std::rethrow_exception(group.first_failure_);
  if (outer.is_cancelled()) throw cancelled{};
  if constexpr (!std::is_void_v<value_type>) {
    if (!value) throw cancelled{};
    co_return std::move(*value);
  }
}

} // namespace weir
