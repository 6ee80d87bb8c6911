#pragma once

#include <weir/core/task.hpp>
#include <weir/offload/detail/process_call.hpp>
#include <weir/offload/process_options.hpp>

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace weir::detail {

struct pool_job;

/// One call on its way through the pool of the running loop: it lives in the frame of the coroutine that waits for it.
class process_job : public wait_node {
 public:
  process_job(const process_job&) = delete;
  process_job& operator=(const process_job&) = delete;

  /// A name for people of what is called.
  virtual std::string label() const = 0;
  /// Which thunk is to run in the worker.
  virtual const function_name& entry() const = 0;
  /// Writes the arguments. Called once or twice for each attempt.
  virtual void encode(encoder& out) const = 0;
  /// Takes the outcome out of a reply, which is hostile.
  virtual void read(std::span<const std::byte> reply) noexcept = 0;

  const process_options& options() const noexcept { return options_; }
  bool wants_stop() const noexcept { return wants_stop_; }

  // The pool ends the wait by one of these, once.
  void answered() noexcept { finish(); }
  void failed(std::exception_ptr why) noexcept {
    failure_ = std::move(why);
    finish();
  }
  void withdrawn() noexcept { finish(true); }

  std::exception_ptr& failure() noexcept { return failure_; }

  pool_job* sent = nullptr; ///< the pool's record of it

 protected:
  process_job(const process_options& options, bool wants_stop) noexcept
      : wait_node(kind), options_(options), wants_stop_(wants_stop) {}
  ~process_job() = default;
  /// Hands itself to the pool. Returns false where it has failed already.
  bool submit() noexcept;

  std::exception_ptr failure_;

 private:
  static void cancel(wait_node* self) noexcept;
  static constexpr wait_kind kind{"a function in a worker process", &cancel};

  const process_options& options_;
  bool wants_stop_;
};

/// The largest argument that is of the result's type, if its memory can hold that: nobody needs it once the reply is
/// there. For what a job changes and gives back, the memory is warm already.
template <class R, class... A>
R* spare_for(std::tuple<A...>& arguments) noexcept {
  R* largest = nullptr;
  if constexpr (refillable<R>) {
    [[maybe_unused]] const auto look = [&]<class T>(T& argument) {
      if constexpr (std::is_same_v<T, R>)
        if (!largest || argument.capacity() > largest->capacity()) largest = &argument;
    };
    std::apply([&](A&... argument) { (look(argument), ...); }, arguments);
  }
  return largest;
}

/// Where a permit is taken before a job is handed over.
template <class Call, class F>
class [[nodiscard]] process_wait final : process_job {
 public:
  using result = typename Call::result;

  process_wait(const process_options& options, const F& function, typename Call::arguments& arguments) noexcept
      : process_job(options, Call::shape::thunk_type::wants_stop), function_(function), arguments_(arguments) {}

  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> waiter,
                     std::source_location at_call = std::source_location::current()) noexcept {
    return begin(waiter, at_call) && submit();
  }
  result await_resume() {
    check();
    if (failure_) std::rethrow_exception(failure_);
    if constexpr (!std::is_void_v<result>) return std::move(*value_);
  }

 private:
  std::string label() const override { return Call::label(function_); }
  const function_name& entry() const override {
    static const function_name name = Call::entry_name();
    return name;
  }
  void encode(encoder& out) const override { Call::encode(out, function_, arguments_); }
  void read(std::span<const std::byte> reply) noexcept override {
    try {
      if constexpr (std::is_void_v<result>)
        read_reply<void>(reply);
      else
        value_.emplace(read_reply<result>(reply, {}, spare_for<result>(arguments_)));
    } catch (...) {
      failure_ = std::current_exception();
    }
  }

  const F& function_;
  typename Call::arguments& arguments_;
  std::optional<unvoid<result>> value_;
};

template <class Call, class F>
task<typename Call::result> run_in_process(process_options options, F function, typename Call::arguments arguments) {
  permit held;
  if (options.limiter) held = co_await options.limiter->acquire();
  co_return co_await process_wait<Call, F>(options, function, arguments);
}

} // namespace weir::detail
