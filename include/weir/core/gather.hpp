#pragma once

#include <weir/core/other_errors.hpp>
#include <weir/core/result.hpp>
#include <weir/core/task.hpp>

#include <cstddef>
#include <memory>
#include <tuple>
#include <vector>

namespace weir {

namespace detail {

/// What the children of one gather share: their scope, who waits, what failed.
struct join_state {
  join_state(promise_base& opener, const char* kind, bool keep_going) noexcept
      : inside(opener, kind), keep_going_(keep_going) {}

  scope inside;
  std::size_t running = 0;
  failures failed;
  std::coroutine_handle<> waiter;

  /// Notes the end of a child. A failure, unless outcomes are kept, cancels the others.
  void note(std::exception_ptr failure) noexcept {
    if (!failure || keep_going_) return;
    failed.add(std::move(failure));
    inside.cancel();
  }

 private:
  bool keep_going_;
};

template <class T>
struct gather_child : completion {
  explicit gather_child(task<T> w) noexcept : work(std::move(w)) {
    finished = [](completion* self) noexcept -> std::coroutine_handle<> {
      auto* child = static_cast<gather_child*>(self);
      return child->ended(child);
    };
  }
  gather_child(gather_child&& other) noexcept
      : completion(other), work(std::move(other.work)), state(other.state), ended(other.ended) {}

  task<T> work;
  join_state* state = nullptr;
  std::coroutine_handle<> (*ended)(gather_child*) noexcept = [](gather_child* child) noexcept {
    join_state& all = *child->state;
    all.note(child->work.handle().promise().failure());
    return --all.running == 0 && all.waiter ? all.waiter : std::coroutine_handle<>(std::noop_coroutine());
  };
};

/// Starts every child and waits for the last.
template <class Start>
struct join_all {
  join_state& state;
  Start start_children;
  scope* outer = nullptr;

  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> parent) {
    outer = parent.promise().current;
    ++state.running; // holds the end back until all have been started
    start_children();
    if (--state.running == 0) return false;
    state.waiter = parent;
    return true;
  }
  void await_resume() const noexcept { current_scope = outer; }
};
template <class Start>
join_all(join_state&, Start) -> join_all<Start>;

/// Starts the children of a tuple and waits for the last.
template <class... Child>
auto join_each(join_state& state, std::tuple<Child...>& children) {
  return join_all{state, [&] {
                    std::apply(
                        [&](auto&... child) {
                          ((child.state = &state, ++state.running, start(child.work, state.inside, child)), ...);
                        },
                        children);
                  }};
}

template <class T>
unvoid<T> take(gather_child<T>& child) {
  if constexpr (std::is_void_v<T>) {
    child.work.handle().promise().take();
    return {};
  } else {
    return child.work.handle().promise().take();
  }
}

template <class T>
result<T> outcome(gather_child<T>& child) {
  if (auto failure = child.work.handle().promise().failure()) return result<T>(std::move(failure));
  return result<T>(take(child));
}

/// Runs the children of a range, at most `limit` at once (0: all).
template <class T>
class range_runner {
 public:
  range_runner(join_state& state, std::vector<task<T>>& works, std::size_t limit)
      : state_(state), limit_(limit == 0 ? works.size() : limit) {
    children_.reserve(works.size());
    for (auto& work : works) children_.emplace_back(std::move(work), *this);
  }

  /// Starts as many as the limit allows. What ends at once comes back here through `ended`: a loop, not a recursion.
  void fill() noexcept {
    if (filling_) return;
    filling_ = true;
    while (next_ < children_.size() && active_ < limit_ && !state_.inside.is_cancelled()) {
      auto& child = children_[next_++];
      ++active_;
      ++state_.running;
      start(child.work, state_.inside, child);
    }
    filling_ = false;
  }
  std::size_t size() const noexcept { return children_.size(); }
  std::size_t started() const noexcept { return next_; }
  gather_child<T>& operator[](std::size_t i) noexcept { return children_[i]; }

 private:
  struct range_child : gather_child<T> {
    range_child(task<T> w, range_runner& o) noexcept : gather_child<T>(std::move(w)), owner(o) {
      this->state = &o.state_;
      this->ended = [](gather_child<T>* self) noexcept {
        return static_cast<range_child*>(self)->owner.child_ended(*self);
      };
    }
    range_runner& owner;
  };

  std::coroutine_handle<> child_ended(gather_child<T>& child) noexcept {
    state_.note(child.work.handle().promise().failure());
    --active_;
    fill();
    return --state_.running == 0 && state_.waiter ? state_.waiter : std::coroutine_handle<>(std::noop_coroutine());
  }

  join_state& state_;
  std::size_t limit_;
  std::size_t next_ = 0;
  std::size_t active_ = 0;
  bool filling_ = false;
  std::vector<range_child> children_;
};

} // namespace detail

/// Runs tasks side by side and waits for all of them.
/// Returns a tuple of their values in order (std::monostate for a task<void>).
/// Fails: the first error cancels the others, waits for their end, and is rethrown with theirs attached (other_errors).
/// Cancellation: reaches all of them.
/// Cost: one frame, no allocation per child.
template <class... T>
task<std::tuple<detail::unvoid<T>...>> gather(task<T>... works) {
  detail::join_state state(co_await detail::this_frame{}, "gather", false);
  std::tuple<detail::gather_child<T>...> children{detail::gather_child<T>(std::move(works))...};
  co_await detail::join_each(state, children);
  state.failed.rethrow();
  co_return std::apply([](auto&... child) { return std::tuple<detail::unvoid<T>...>{detail::take(child)...}; },
                       children);
}

/// Runs the tasks of a range, at most `limit` at once (0: all of them), started in order.
/// Returns their values in the order of the range. Everything else as above.
template <class T>
  requires(!std::is_void_v<T>)
task<std::vector<T>> gather(std::vector<task<T>> works, std::size_t limit = 0) {
  detail::join_state state(co_await detail::this_frame{}, "gather", false);
  detail::range_runner<T> runner(state, works, limit);
  co_await detail::join_all{state, [&] { runner.fill(); }};
  state.failed.rethrow();
  if (runner.started() < runner.size()) throw cancelled{};
  std::vector<T> values;
  values.reserve(runner.size());
  for (std::size_t i = 0; i < runner.size(); ++i) values.push_back(detail::take(runner[i]));
  co_return values;
}

/// As above for tasks without a value.
inline task<void> gather(std::vector<task<void>> works, std::size_t limit = 0) {
  detail::join_state state(co_await detail::this_frame{}, "gather", false);
  detail::range_runner<void> runner(state, works, limit);
  co_await detail::join_all{state, [&] { runner.fill(); }};
  state.failed.rethrow();
  if (runner.started() < runner.size()) throw cancelled{};
  for (std::size_t i = 0; i < runner.size(); ++i) detail::take(runner[i]);
}

/// Runs tasks side by side and keeps every outcome: no error cancels another task.
/// Returns a tuple of results in order.
template <class... T>
task<std::tuple<result<T>...>> gather_results(task<T>... works) {
  detail::join_state state(co_await detail::this_frame{}, "gather_results", true);
  std::tuple<detail::gather_child<T>...> children{detail::gather_child<T>(std::move(works))...};
  co_await detail::join_each(state, children);
  co_return std::apply([](auto&... child) { return std::tuple<result<T>...>{detail::outcome(child)...}; }, children);
}

/// As above for a range; a task that was never started because the caller was cancelled has a cancelled outcome.
template <class T>
task<std::vector<result<T>>> gather_results(std::vector<task<T>> works, std::size_t limit = 0) {
  detail::join_state state(co_await detail::this_frame{}, "gather_results", true);
  detail::range_runner<T> runner(state, works, limit);
  co_await detail::join_all{state, [&] { runner.fill(); }};
  std::vector<result<T>> outcomes;
  outcomes.reserve(runner.size());
  for (std::size_t i = 0; i < runner.size(); ++i)
    outcomes.push_back(i < runner.started() ? detail::outcome(runner[i])
                                            : result<T>(std::make_exception_ptr(cancelled{})));
  co_return outcomes;
}

} // namespace weir
