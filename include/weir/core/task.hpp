#pragma once

#include <weir/core/cancelled.hpp>
#include <weir/core/detail/frame.hpp>
#include <weir/core/detail/scope.hpp>

#include <concepts>
#include <coroutine>
#include <exception>
#include <source_location>
#include <type_traits>
#include <utility>
#include <variant>

namespace weir {

template <class T = void>
class task;

namespace detail {

template <class T>
struct promise : promise_base {
  std::variant<std::monostate, T, std::exception_ptr> outcome;

  task<T> get_return_object() noexcept;
  template <class U = T>
    requires std::convertible_to<U&&, T>
  void return_value(U&& value) {
    outcome.template emplace<1>(std::forward<U>(value));
  }
  void unhandled_exception() noexcept { outcome.template emplace<2>(std::current_exception()); }
  std::exception_ptr failure() const noexcept {
    return outcome.index() == 2 ? std::get<2>(outcome) : std::exception_ptr();
  }
  T take() {
    if (outcome.index() == 2) std::rethrow_exception(std::get<2>(outcome));
    return std::move(std::get<1>(outcome));
  }
};

template <class T>
struct promise<T&> : promise_base {
  std::variant<std::monostate, T*, std::exception_ptr> outcome;

  task<T&> get_return_object() noexcept;
  void return_value(T& value) noexcept { outcome.template emplace<1>(&value); }
  void unhandled_exception() noexcept { outcome.template emplace<2>(std::current_exception()); }
  std::exception_ptr failure() const noexcept {
    return outcome.index() == 2 ? std::get<2>(outcome) : std::exception_ptr();
  }
  T& take() {
    if (outcome.index() == 2) std::rethrow_exception(std::get<2>(outcome));
    return *std::get<1>(outcome);
  }
};

template <>
struct promise<void> : promise_base {
  std::exception_ptr error;

  task<void> get_return_object() noexcept;
  void return_void() noexcept {}
  void unhandled_exception() noexcept { error = std::current_exception(); }
  std::exception_ptr failure() const noexcept { return error; }
  void take() {
    if (error) std::rethrow_exception(error);
  }
};

} // namespace detail

/// A piece of asynchronous work that gives a T, or fails, or is cancelled. Lazy: nothing runs until it is awaited,
/// gathered or spawned. Move-only; awaited once. It always resumes on the loop that it was started on, and inherits the
/// scope (deadline, cancellation) of whoever awaits it.
///
///     weir::task<int> twice(int x) {
///       co_await weir::sleep_for(10ms);
///       co_return 2 * x;
///     }
///
/// Fails: awaiting rethrows what the body threw. Cancellation: the awaited body sees it at its next wait.
/// Thread-safety: none; a task belongs to one loop. Cost: one frame, about 17 ns to create and await.
template <class T>
class [[nodiscard("a task does nothing until it is awaited or spawned")]] task {
 public:
  using value_type = T;
  using promise_type = detail::promise<T>;
  using handle_type = std::coroutine_handle<promise_type>;

  task() noexcept = default;
  explicit task(handle_type handle) noexcept : handle_(handle) {}
  task(task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  task& operator=(task&& other) noexcept {
    if (this != &other) {
      if (handle_) handle_.destroy();
      handle_ = std::exchange(other.handle_, {});
    }
    return *this;
  }
  ~task() {
    if (handle_) handle_.destroy();
  }

  explicit operator bool() const noexcept { return static_cast<bool>(handle_); }

  struct awaiter {
    handle_type child;

    bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> parent,
                                          std::source_location at = std::source_location::current()) noexcept {
      child.promise().awaited_by(parent, parent.promise().current, at);
      return child;
    }
    T await_resume() { return child.promise().take(); }
  };
  awaiter operator co_await() && noexcept { return awaiter{handle_}; }

  // For the other headers of this room.
  handle_type handle() const noexcept { return handle_; }

 private:
  handle_type handle_;
};

namespace detail {

template <class T>
task<T> promise<T>::get_return_object() noexcept {
  return task<T>(std::coroutine_handle<promise>::from_promise(*this));
}
template <class T>
task<T&> promise<T&>::get_return_object() noexcept {
  return task<T&>(std::coroutine_handle<promise>::from_promise(*this));
}
inline task<void> promise<void>::get_return_object() noexcept {
  return task<void>(std::coroutine_handle<promise>::from_promise(*this));
}

/// Starts `work` in `where`; `done` is told at its end. Runs it up to its first wait.
template <class T>
void start(task<T>& work, scope& where, completion& done) noexcept {
  auto& promise = work.handle().promise();
  promise.current = &where;
  promise.done = &done;
  scope* before = std::exchange(current_scope, &where);
  work.handle().resume();
  current_scope = before;
}

/// Awaits `work` in another scope than the awaiting task's own.
template <class T>
struct in_scope {
  task<T> work;
  scope& where;
  scope* outer = nullptr;

  bool await_ready() const noexcept { return false; }
  template <class Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> parent,
                                        std::source_location at = std::source_location::current()) noexcept {
    outer = parent.promise().current;
    work.handle().promise().awaited_by(parent, &where, at);
    current_scope = &where;
    return work.handle();
  }
  T await_resume() {
    current_scope = outer;
    return work.handle().promise().take();
  }
};

/// The awaiting coroutine's own promise, without suspending.
struct this_frame {
  promise_base* found = nullptr;

  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> waiter) noexcept {
    found = &waiter.promise();
    return false;
  }
  promise_base& await_resume() const noexcept { return *found; }
};

/// void as a value: std::monostate.
template <class T>
using unvoid = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

} // namespace detail

/// Lets everything else that is ready run first. Fails: throws `cancelled` in a cancelled scope.
struct [[nodiscard]] yield_now : detail::wait_node {
  yield_now() noexcept : wait_node(kind) {}
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> waiter,
                     std::source_location at = std::source_location::current()) noexcept {
    if (!begin(waiter, at)) return false;
    finish();
    return true;
  }
  void await_resume() const { check(); }

 private:
  static constexpr detail::wait_kind kind{"its turn", &leave_queue};
};

} // namespace weir
