#pragma once

#include <weir/core/detail/async_iterator.hpp>
#include <weir/core/error.hpp>
#include <weir/core/task.hpp>

#include <concepts>
#include <coroutine>
#include <exception>
#include <iterator>
#include <memory>
#include <optional>
#include <source_location>
#include <type_traits>
#include <utility>

namespace weir {

template <class T>
class async_generator;

namespace detail {

/// What a generator keeps between two elements: a value by itself, of a reference its address.
template <class T>
using yielded = std::conditional_t<std::is_reference_v<T>, std::remove_reference_t<T>*, std::optional<T>>;

struct generator_promise_base : promise_base {
  std::exception_ptr error;
  bool asked = false; ///< the body runs or waits on behalf of somebody
  bool ended = false;

  /// Goes back to whoever asked.
  struct hand_over {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) noexcept {
      promise_base& promise = self.promise();
      running_at.store(promise.awaited_at, std::memory_order_relaxed);
      return promise.continuation;
    }
    void await_resume() const noexcept {}
  };
  void return_void() noexcept { ended = true; }
  void unhandled_exception() noexcept {
    ended = true;
    error = std::current_exception();
  }
  [[noreturn]] static void refuse_second();
  [[noreturn]] static void die() noexcept;
};

template <class T>
struct generator_promise : generator_promise_base {
  yielded<T> element{};

  async_generator<T> get_return_object() noexcept;
  template <class U = T>
    requires std::constructible_from<T, U&&> || std::is_reference_v<T>
  hand_over yield_value(U&& value) {
    if constexpr (std::is_reference_v<T>)
      element = std::addressof(value);
    else
      element.emplace(std::forward<U>(value));
    return {};
  }
};

} // namespace detail

/// A coroutine that gives many values, one whenever it is asked, and may wait in between: `co_yield value`, and
/// `co_await` as in a task.
///
///     weir::async_generator<std::string> lines(weir::descriptor& from);
///
///     auto all = lines(file);
///     while (auto line = co_await all.next()) use(*line);
///     for (auto line = co_await all.begin(); line != all.end(); co_await ++line) use(*line); // the same
///
/// Lazy: the body runs from one `co_yield` to the next, inside of whoever asks: in their scope, with their time limit,
/// cancellation and context values. T may be move-only, or a reference.
/// Destroyed between two elements, it destroys the locals of the body. Thread-safety: none; one loop, and one who asks
/// at a time. Cost: one frame; no allocation per element.
template <class T>
class [[nodiscard("a generator does nothing until it is asked")]] async_generator {
 public:
  using value_type = T;
  using promise_type = detail::generator_promise<T>;
  using handle_type = std::coroutine_handle<promise_type>;

  async_generator() noexcept = default;
  explicit async_generator(handle_type handle) noexcept : handle_(handle) {}
  async_generator(async_generator&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  async_generator& operator=(async_generator&& other) noexcept {
    if (this != &other) {
      reset();
      handle_ = std::exchange(other.handle_, {});
    }
    return *this;
  }
  /// Aborts where somebody still waits for an element (a programming error).
  ~async_generator() { reset(); }

  class [[nodiscard]] next_awaiter {
   public:
    explicit next_awaiter(handle_type body) noexcept : body_(body) {}
    bool await_ready() const noexcept { return !body_ || body_.promise().ended; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> waiter,
                                          std::source_location at = std::source_location::current()) noexcept {
      auto& promise = body_.promise();
      if (promise.asked) return waiter;
      promise.asked = mine_ = true;
      promise.awaited_by(waiter, waiter.promise().current, at);
      return body_;
    }
    detail::yielded<T> await_resume() {
      if (!body_) return {};
      auto& promise = body_.promise();
      if (!mine_ && promise.asked) promise.refuse_second();
      promise.asked = false;
      if (promise.error) std::rethrow_exception(std::exchange(promise.error, nullptr));
      detail::yielded<T> element = std::move(promise.element);
      if constexpr (std::is_reference_v<T>)
        promise.element = nullptr;
      else
        promise.element.reset();
      return element;
    }

   private:
    handle_type body_;
    bool mine_ = false;
  };

  /// Runs the body to its next `co_yield`.
  /// Returns the value (for a reference: a pointer), or nothing once the body has ended. The value of a reference is
  /// there until the next call. Fails: rethrows what the body throws, once; it has ended then.
  /// errc::invalid_argument while another task waits for an element. Cancellation: the body sees it at its next wait.
  next_awaiter next() noexcept { return next_awaiter(handle_); }

  struct ask {
    next_awaiter operator()(async_generator& from) const noexcept { return from.next(); }
  };
  /// For a loop over what is left.
  auto begin() noexcept { return typename detail::async_iterator<async_generator, ask>::first(*this); }
  std::default_sentinel_t end() const noexcept { return {}; }

  explicit operator bool() const noexcept { return static_cast<bool>(handle_); }

 private:
  void reset() noexcept {
    if (!handle_) return;
    if (handle_.promise().asked) detail::generator_promise_base::die();
    handle_.destroy();
  }

  handle_type handle_;
};

namespace detail {

template <class T>
async_generator<T> generator_promise<T>::get_return_object() noexcept {
  return async_generator<T>(std::coroutine_handle<generator_promise>::from_promise(*this));
}

} // namespace detail
} // namespace weir
