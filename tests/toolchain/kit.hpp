#pragma once

// What the constructs share: a minimal task, a way to suspend for real, and objects that count their lives.
// Nothing of Weir is used here: a fault that shows is the compiler's.

#include <coroutine>
#include <exception>
#include <optional>
#include <string>
#include <utility>

namespace kit {

/// Notes a failed expectation of the construct that runs.
void expect(bool holds, const char* what);
#define EXPECT(condition) ::kit::expect((condition), #condition)

/// Appends to the trail of what happened, in order; `trail` gives it and starts a new one.
void note(char mark);
std::string trail();

/// Registers its address while it lives: a second destruction, a missing one and a bitwise copy all show.
struct counted {
  counted() noexcept;
  counted(const counted&) noexcept;
  counted& operator=(const counted&) noexcept = default;
  ~counted();
};

/// A value with a destructor that matters.
struct tracked : counted {
  tracked(int n = 0) : text(std::to_string(n) + " and enough letters to live on the heap") {}
  int value() const { return std::stoi(text); }
  std::string text;
};

struct move_only : tracked {
  using tracked::tracked;
  move_only(move_only&&) = default;
  move_only& operator=(move_only&&) = default;
};

/// `co_await pause{}` suspends; the coroutine goes on in a later turn of `run`.
struct pause {
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> who) const;
  void await_resume() const noexcept {}
};

/// Gives a plain value after a real suspension, with nothing to destroy.
template <class T>
struct plain {
  T value;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> who) const { pause{}.await_suspend(who); }
  T await_resume() const noexcept { return value; }
};

template <class T>
struct promise;

/// Lazy, move-only, symmetric transfer both ways.
template <class T = void>
class [[nodiscard]] task {
 public:
  using promise_type = promise<T>;
  using handle = std::coroutine_handle<promise_type>;
  explicit task(handle h) noexcept : handle_(h) {}
  task(task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  ~task() {
    if (handle_) handle_.destroy();
  }
  handle get() const noexcept { return handle_; }

  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> caller) noexcept {
    handle_.promise().caller = caller;
    return handle_;
  }
  T await_resume() { return handle_.promise().take(); }

 private:
  handle handle_;
};

struct promise_base : counted {
  std::coroutine_handle<> caller = std::noop_coroutine();
  std::exception_ptr failure;

  std::suspend_always initial_suspend() const noexcept { return {}; }
  struct to_caller {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) const noexcept {
      return self.promise().caller;
    }
    void await_resume() const noexcept {}
  };
  to_caller final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { failure = std::current_exception(); }
};

template <class T>
struct promise : promise_base {
  std::optional<T> value;
  task<T> get_return_object() noexcept { return task<T>(std::coroutine_handle<promise>::from_promise(*this)); }
  template <class U = T>
  void return_value(U&& given) {
    value.emplace(std::forward<U>(given));
  }
  T take() {
    if (failure) std::rethrow_exception(failure);
    return std::move(value).value();
  }
};

template <>
struct promise<void> : promise_base {
  task<void> get_return_object() noexcept { return task<void>(std::coroutine_handle<promise>::from_promise(*this)); }
  void return_void() const noexcept {}
  void take() const {
    if (failure) std::rethrow_exception(failure);
  }
};

/// Gives `value` after a real suspension.
template <class T>
task<T> later(T value) {
  co_await pause{};
  co_return std::move(value);
}

/// A construct under its name. `body` has to come to its end and give true: a compiler that skips the rest of a
/// function is found out.
struct construct {
  construct(const char* construct_name, task<bool> (*construct_body)());
  const char* name;
  task<bool> (*body)();
  construct* next;
};

/// Starts `work` and runs what is ready until nothing is. Returns whether it gave true.
bool run(task<bool> work);
/// Runs what is ready until nothing is.
void drain();

} // namespace kit
