#pragma once

#include <weir/core/limiter.hpp>
#include <weir/core/task.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <tuple>
#include <type_traits>
#include <utility>

namespace weir {

/// How a function is run on a thread. Pool threads run at a lower priority (nice + 5) than the loop's, which must answer
/// first.
struct thread_options {
  /// Counts the job; nullptr: the loop's own limiter of 40 (`default_thread_limiter`). A limiter of its own keeps one
  /// kind of work from starving another: threads are made as needed, only limiters bound them.
  weir::limiter* limiter = nullptr;
  /// When cancelled while the function runs: do not wait for its end. It runs on; its result is dropped; its permit is
  /// given back when it ends. Everything that it uses must outlive it.
  bool abandon = false;
};

/// Returns the limiter (capacity 40, changeable) of thread jobs of the running loop that name none.
limiter& default_thread_limiter();

namespace detail {

/// A piece of work for a pool thread. `execute` runs there; it must not throw.
struct thread_job {
  thread_job* next = nullptr;
  void (*execute)(thread_job*) noexcept = nullptr;
};

/// Hands `job` to an idle thread, or to a new one. Fails: errc::unavailable where no thread can be made.
/// Thread-safety: any thread.
void submit(thread_job& job);

/// What the awaiting coroutine and the pool thread share. Lives on the heap for the sake of abandoned jobs.
template <class F, class R>
struct thread_call final : thread_job, ready_node {
  thread_call(F f, loop_address home, std::optional<std::stop_token> token)
      : function(std::move(f)), address(std::move(home)), stop(std::move(token)) {
    execute = [](thread_job* job) noexcept {
      auto* self = static_cast<thread_call*>(job);
      self->perform();
      if (self->address.post(self)) return;
      // The loop is gone, and its limiters with it: this was an abandoned job that outlived them.
      self->held.forget();
      delete self;
    };
    run = [](ready_node* node) noexcept {
      std::unique_ptr<thread_call> self(static_cast<thread_call*>(node));
      if (self->waiter) self->waiter->arrived(std::move(self));
    };
  }

  void perform() noexcept {
    try {
      std::optional<F> mine(std::move(function)); // gone, with all it holds, before the caller goes on
      if constexpr (std::is_void_v<R>)
        (*mine)(stop ? *stop : std::stop_token());
      else
        value.emplace((*mine)(stop ? *stop : std::stop_token()));
    } catch (...) {
      failure = std::current_exception();
    }
  }

  struct receiver {
    virtual void arrived(std::unique_ptr<thread_call> call) noexcept = 0;

   protected:
    ~receiver() = default;
  };

  F function;
  loop_address address;
  std::optional<std::stop_token> stop;
  std::optional<unvoid<R>> value;
  std::exception_ptr failure;
  permit held;
  receiver* waiter = nullptr; ///< the loop's thread only; nullptr: abandoned
};

template <class F, class R>
struct thread_wait final : wait_node, thread_call<F, R>::receiver {
  using call_type = thread_call<F, R>;

  thread_wait(std::unique_ptr<call_type> c, bool may_abandon)
      : wait_node(may_abandon ? abandoning : waiting_out), call(std::move(c)) {}
  static void abandon(wait_node* node) noexcept {
    auto* self = static_cast<thread_wait*>(node);
    if (self->running) self->running->waiter = nullptr;
    self->finish(true);
  }
  static constexpr wait_kind abandoning{"a function on a thread", &abandon};
  static constexpr wait_kind waiting_out{"a function on a thread", [](wait_node*) noexcept {}};
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> parent,
                     std::source_location where = std::source_location::current()) {
    if (!begin(parent, where)) return false;
    call->waiter = this;
    running = call.release();
    try {
      submit(*running);
    } catch (...) {
      call.reset(running);
      call->failure = std::current_exception();
      no_wait();
      return false;
    }
    return true;
  }
  R await_resume() {
    check();
    call->held.release();
    if (call->failure) std::rethrow_exception(call->failure);
    if constexpr (!std::is_void_v<R>) return std::move(*call->value);
  }
  void arrived(std::unique_ptr<call_type> done) noexcept override {
    call = std::move(done);
    finish();
  }

  std::unique_ptr<call_type> call;
  call_type* running = nullptr;
};

template <class F, class... Args>
constexpr bool takes_stop_token = std::is_invocable_v<F&, std::stop_token, Args...>;

template <class F, class... Args>
struct thread_result_of : std::invoke_result<F&, Args...> {};
template <class F, class... Args>
  requires takes_stop_token<F, Args...>
struct thread_result_of<F, Args...> : std::invoke_result<F&, std::stop_token, Args...> {};

template <class F, class... Args>
using thread_result = typename thread_result_of<F, std::unwrap_ref_decay_t<Args>...>::type;

template <class Bound, class R>
task<R> run_on_thread(thread_options options, Bound bound, bool wants_token) {
  scope& here = *(co_await this_frame{}).current;
  permit held = co_await (options.limiter ? *options.limiter : default_thread_limiter()).acquire();
  auto call = std::make_unique<thread_call<Bound, R>>(std::move(bound), here.owner().address(),
                                                      wants_token ? std::optional<std::stop_token>(here.token())
                                                                  : std::nullopt);
  call->held = std::move(held);
  co_return co_await thread_wait<Bound, R>{std::move(call), options.abandon};
}

} // namespace detail

/// Runs `f(args...)`, a plain function that may block or compute, on a pool thread, and gives its result to the
/// awaiting task. Arguments are decayed and moved along, std::ref passes a reference. A callable whose first parameter
/// is a std::stop_token gets one that is set when the caller is cancelled. Returns what `f` returns. Fails: rethrows
/// what `f` threw, the same object; errc::unavailable where no thread can be made. Cancellation: while it waits for its
/// turn, `f` never starts; while it runs, the token is set and its end is awaited (see thread_options::abandon). Order:
/// first come, first served, per limiter. Cost: one allocation and two hand-overs between threads, some 20 us each way
/// on a virtual machine.
template <class F, class... Args>
  requires(!std::same_as<std::remove_cvref_t<F>, thread_options>)
task<detail::thread_result<F, Args...>> run_in_threadpool(thread_options options, F&& f, Args&&... args) {
  using result_type = detail::thread_result<F, Args...>;
  constexpr bool wants_token = detail::takes_stop_token<F, std::unwrap_ref_decay_t<Args>...>;
  auto bound = [function = std::decay_t<F>(std::forward<F>(f)),
                arguments = std::tuple<std::unwrap_ref_decay_t<Args>...>(std::forward<Args>(args)...)](
                   [[maybe_unused]] std::stop_token stop) mutable -> result_type {
    return std::apply(
        [&](auto&... argument) -> result_type {
          if constexpr (wants_token)
            return std::invoke(function, std::move(stop), std::forward<std::unwrap_ref_decay_t<Args>>(argument)...);
          else
            return std::invoke(function, std::forward<std::unwrap_ref_decay_t<Args>>(argument)...);
        },
        arguments);
  };
  using bound_type = decltype(bound);
  return detail::run_on_thread<bound_type, result_type>(options, std::move(bound), wants_token);
}

template <class F, class... Args>
  requires(!std::same_as<std::remove_cvref_t<F>, thread_options>)
task<detail::thread_result<F, Args...>> run_in_threadpool(F&& f, Args&&... args) {
  return run_in_threadpool(thread_options{}, std::forward<F>(f), std::forward<Args>(args)...);
}

} // namespace weir
