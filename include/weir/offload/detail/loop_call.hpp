#pragma once

#include <weir/core/context.hpp>
#include <weir/core/loop_handle.hpp>
#include <weir/core/task.hpp>
#include <weir/offload/detail/loan.hpp>

#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>

namespace weir::detail {

template <class T>
struct is_task : std::false_type {};
template <class T>
struct is_task<task<T>> : std::true_type {};

template <class R>
struct loop_call_value {
  using type = R;
};
template <class T>
struct loop_call_value<task<T>> {
  using type = T;
};
template <class F>
using loop_call_result = typename loop_call_value<std::invoke_result_t<F>>::type;

[[noreturn]] void throw_loop_gone();
void refuse_on_loop_thread();

/// From where, to where, and on whose behalf a thread calls into a loop.
struct loop_caller {
  loop_address to;
  scope* inside = nullptr; ///< nullptr: the root scope of the loop
  std::shared_ptr<const context_frame> context;
};
loop_caller caller_of_this_job();
loop_caller caller_by_handle(const loop_handle& where);

/// One call of a thread into a loop. Lives on the thread's stack, which blocks until `done`.
class loop_call : protected ready_node, protected completion {
 public:
  explicit loop_call(loop_caller caller) noexcept;
  loop_call(const loop_call&) = delete;
  loop_call& operator=(const loop_call&) = delete;

 protected:
  ~loop_call() = default;
  /// Posts itself and blocks. Fails: errc::unavailable where the loop is gone.
  void perform();
  /// On the loop: starts the work; calls `done` at once where there is none to wait for.
  virtual void begin() noexcept = 0;
  /// On the loop: the work that `begin` started has ended; takes its outcome and frees it.
  virtual void end() noexcept = 0;
  /// On the loop: unblocks the thread. Nothing may be touched afterwards.
  void done() noexcept;

  loop_caller caller_;
  std::exception_ptr failure_;
  std::optional<scope> inside_;

 private:
  void arrived() noexcept;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
};

template <class F>
class loop_call_of final : loop_call {
 public:
  using result_type = loop_call_result<F>;
  static constexpr bool awaits = is_task<std::invoke_result_t<F>>::value;

  loop_call_of(loop_caller caller, F& f) noexcept : loop_call(std::move(caller)), function_(f) {}

  result_type operator()() {
    perform();
    if (failure_) std::rethrow_exception(failure_);
    if constexpr (std::is_reference_v<result_type>)
      return static_cast<result_type>(**value_);
    else if constexpr (!std::is_void_v<result_type>)
      return std::move(*value_);
  }

 private:
  using stored =
      std::conditional_t<std::is_reference_v<result_type>, std::remove_reference_t<result_type>*, unvoid<result_type>>;

  void begin() noexcept override {
    try {
      if constexpr (awaits) {
        work_ = function_();
        start(work_, *inside_, *this);
        return;
      } else {
        keep([&]() -> result_type { return function_(); });
      }
    } catch (...) {
      failure_ = std::current_exception();
    }
    done();
  }
  void end() noexcept override {
    if constexpr (awaits) {
      try {
        keep([&]() -> result_type { return work_.handle().promise().take(); });
      } catch (...) {
        failure_ = std::current_exception();
      }
      work_ = {};
    }
  }
  template <class G>
  void keep(G&& give) {
    if constexpr (std::is_void_v<result_type>) {
      give();
    } else if constexpr (std::is_reference_v<result_type>) {
      value_.emplace(&give());
    } else {
      value_.emplace(give());
    }
  }

  F& function_;
  std::conditional_t<awaits, std::invoke_result_t<F>, std::monostate> work_;
  std::optional<stored> value_;
};

template <class F>
loop_call_result<F> call_on_loop(loop_caller caller, F&& f) {
  return loop_call_of<std::remove_reference_t<F>>(std::move(caller), f)();
}

} // namespace weir::detail
