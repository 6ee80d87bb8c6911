#pragma once

#include <weir/core/task.hpp>
#include <weir/offload/detail/thread_job.hpp>

#include <memory>
#include <optional>
#include <stop_token>
#include <type_traits>
#include <utility>

namespace weir::detail {

/// The outcome of a function: a value, a reference (kept as a pointer), nothing, or an exception.
template <class R>
struct thread_outcome {
  using stored = std::conditional_t<std::is_reference_v<R>, std::remove_reference_t<R>*, unvoid<R>>;

  template <class Bound>
  void fill(thread_job& job, std::optional<Bound>& function, const std::optional<std::stop_token>& stop) noexcept {
    running_job here(job);
    try {
      const auto token = [&] { return stop ? *stop : std::stop_token(); };
      if constexpr (std::is_void_v<R>)
        (*function)(token());
      else if constexpr (std::is_reference_v<R>)
        value.emplace(&(*function)(token()));
      else
        value.emplace((*function)(token()));
    } catch (...) {
      failure = failure_of(job);
    }
    // Gone, with all it holds, before the caller goes on.
    try {
      function.reset();
    } catch (...) {}
  }
  R take() {
    if (failure) std::rethrow_exception(failure);
    if constexpr (std::is_reference_v<R>)
      return static_cast<R>(**value);
    else if constexpr (!std::is_void_v<R>)
      return std::move(*value);
  }

  std::optional<stored> value;
  std::exception_ptr failure;
};

/// Waits for a function on a thread: the awaiter is the job.
template <class Bound, class R>
class [[nodiscard]] thread_wait final : wait_node, thread_job {
 public:
  thread_wait(std::optional<Bound>& function, std::optional<std::stop_token> stop, const thread_place& place) noexcept
      : wait_node(kind), function_(function), stop_(std::move(stop)) {
    where = place.where;
    limit = place.limit;
    arrival = this;
    perform = [](thread_job* job) noexcept {
      auto* self = static_cast<thread_wait*>(job);
      self->outcome_.fill(*self, self->function_, self->stop_);
    };
    refused = [](thread_job* job, std::exception_ptr why) noexcept {
      auto* self = static_cast<thread_wait*>(job);
      self->outcome_.failure = std::move(why);
      self->end(false);
    };
  }

  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> parent,
                     std::source_location at_call = std::source_location::current()) {
    if (!begin(parent, at_call)) return false;
    home = &scope_->owner();
    caller = scope_;
    context = scope_->context;
    run = [](ready_node* node) noexcept {
      auto* self = static_cast<thread_wait*>(node);
      self->home->end_outside();
      self->no_wait();
      resume(self);
    };
    submit(*this);
    return true;
  }
  R await_resume() {
    check();
    return outcome_.take();
  }

 private:
  /// Ends the wait without a thread.
  void end(bool by_cancellation) noexcept {
    home->end_outside();
    run = &resume;
    finish(by_cancellation);
  }
  static void stop(wait_node* node) noexcept {
    auto* self = static_cast<thread_wait*>(node);
    if (retract(*self)) return self->end(true);
    self->cancelled.store(true, std::memory_order_relaxed); // it runs: its end is awaited
  }
  static constexpr wait_kind kind{"a function on a thread", &stop};

  std::optional<Bound>& function_;
  std::optional<std::stop_token> stop_;
  thread_outcome<R> outcome_;
};

/// A function that may outlive the coroutine that waits for it, and the loop. Owned by whoever comes last: the loop
/// that gets its arrival, or the thread when there is no loop any more.
template <class Bound, class R>
struct abandonable_call final : thread_job, ready_node {
  abandonable_call(std::optional<Bound> f, std::optional<std::stop_token> s) noexcept
      : function(std::move(f)), stop(std::move(s)) {
    arrival = this;
    perform = [](thread_job* job) noexcept {
      auto* self = static_cast<abandonable_call*>(job);
      self->outcome.fill(*self, self->function, self->stop);
    };
    orphaned = [](thread_job* job) noexcept {
      std::unique_ptr<abandonable_call> self(static_cast<abandonable_call*>(job));
      self->held.forget(); // its limiter went with the loop
    };
    refused = [](thread_job* job, std::exception_ptr why) noexcept {
      auto* self = static_cast<abandonable_call*>(job);
      self->outcome.failure = std::move(why);
      static_cast<ready_node*>(self)->run(self);
    };
    run = [](ready_node* node) noexcept {
      std::unique_ptr<abandonable_call> self(static_cast<abandonable_call*>(node));
      self->home->end_outside();
      self->held.release();
      if (self->waiter) self->waiter->arrived(std::move(self));
    };
  }

  struct receiver {
    virtual void arrived(std::unique_ptr<abandonable_call> call) noexcept = 0;

   protected:
    ~receiver() = default;
  };

  std::optional<Bound> function;
  std::optional<std::stop_token> stop;
  thread_outcome<R> outcome;
  std::shared_ptr<const context_frame> kept_context;
  std::shared_ptr<lane> kept_lane;
  permit held;
  receiver* waiter = nullptr; ///< the loop's thread only; nullptr: abandoned
};

/// Waits for an abandonable_call until it ends or the caller is cancelled.
template <class Bound, class R>
class [[nodiscard]] abandonable_wait final : wait_node, abandonable_call<Bound, R>::receiver {
 public:
  using call_type = abandonable_call<Bound, R>;

  explicit abandonable_wait(std::unique_ptr<call_type> call) noexcept : wait_node(kind), call_(std::move(call)) {}
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> parent,
                     std::source_location at_call = std::source_location::current()) {
    if (!begin(parent, at_call)) return false;
    call_->home = &scope_->owner();
    call_->address = call_->home->address();
    call_->waiter = this;
    running_ = call_.release();
    submit(*running_);
    return true;
  }
  R await_resume() {
    check();
    return call_->outcome.take();
  }

 private:
  void arrived(std::unique_ptr<call_type> done) noexcept override {
    call_ = std::move(done);
    finish();
  }
  static void stop(wait_node* node) noexcept {
    auto* self = static_cast<abandonable_wait*>(node);
    call_type* call = std::exchange(self->running_, nullptr);
    call->waiter = nullptr;
    if (retract(*call))
      static_cast<ready_node*>(call)->run(call);
    else
      call->cancelled.store(true, std::memory_order_relaxed);
    self->finish(true);
  }
  static constexpr wait_kind kind{"a function on a thread", &stop};

  std::unique_ptr<call_type> call_;
  call_type* running_ = nullptr;
};

} // namespace weir::detail
