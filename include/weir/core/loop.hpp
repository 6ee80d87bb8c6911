#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <utility>

namespace weir {

class loop;
using clock = std::chrono::steady_clock;

namespace detail {

/// An entry of a loop's run queue. `run` is called once, on the loop's thread; it owns what happens to the node.
struct ready_node {
  ready_node* next_ready = nullptr;
  void (*run)(ready_node*) noexcept = nullptr;
};

template <class F>
struct posted final : ready_node {
  explicit posted(F f) : function(std::move(f)) {
    run = [](ready_node* node) noexcept {
      std::unique_ptr<posted> self(static_cast<posted*>(node));
      self->function();
    };
  }
  F function;
};

struct timer_node;
struct watch_node;
struct inbox;
class scope;

/// Where another thread leaves work for a loop. It may outlive the loop: then nodes are refused.
/// Thread-safety: all functions may be called from any thread.
class loop_address {
 public:
  explicit loop_address(std::shared_ptr<inbox> box) noexcept : box_(std::move(box)) {}
  /// Hands `node` to the loop. Returns false, and leaves `node` alone, when the loop is gone.
  bool post(ready_node* node) const noexcept;

 private:
  std::shared_ptr<inbox> box_;
};

} // namespace detail

/// One thread's event loop: a run queue, timers, descriptors (epoll) and an inbox for other threads.
/// Programs rarely see it: `run(task)` makes one. A loop belongs to the thread that runs it.
/// Thread-safety: `post` may be called from any thread; everything else only from the loop's own thread.
class loop {
 public:
  loop();
  ~loop();
  loop(const loop&) = delete;
  loop& operator=(const loop&) = delete;

  /// Returns the loop that is running on this thread. Fails: aborts where there is none (a programming error).
  static loop& current() noexcept;
  /// Returns the loop that is running on this thread, or nullptr.
  static loop* current_or_null() noexcept;

  /// Calls `function()` on the loop's thread, soon. `function` must not throw.
  /// Thread-safety: any thread, while the loop exists. Cost: one allocation, at most one wake-up of the loop per turn.
  template <class F>
  void post(F function) {
    post_node(new detail::posted<F>(std::move(function)));
  }

  /// Runs until `done()` returns true; it is asked after every turn.
  void run_until(const std::function<bool()>& done);

  /// The number of turns (returns from epoll) since the start; for tests and figures.
  std::size_t turns() const noexcept { return turns_; }

  /// Returns this loop's own object of type T, made by `make()` (a std::shared_ptr<T>) at its first use.
  template <class T, class Make>
  T& local(Make make) {
    std::shared_ptr<void>& slot = local_slot(&local_key<T>);
    if (!slot) slot = make();
    return *static_cast<T*>(slot.get());
  }

  // For the other rooms of the library.
  void schedule(detail::ready_node* node) noexcept {
    node->next_ready = nullptr;
    *ready_tail_ = node;
    ready_tail_ = &node->next_ready;
  }
  void post_node(detail::ready_node* node) noexcept;
  detail::loop_address address() const noexcept;
  void arm(detail::timer_node& node, clock::time_point due);
  void disarm(detail::timer_node& node) noexcept;
  void watch(detail::watch_node& node);
  void forget(detail::watch_node& node) noexcept;

 private:
  struct impl;

  template <class T>
  static constexpr char local_key = 0;

  std::shared_ptr<void>& local_slot(const void* key);
  void run_ready() noexcept;
  void wait_for_events();

  detail::ready_node* ready_head_ = nullptr;
  detail::ready_node** ready_tail_ = &ready_head_;
  std::size_t turns_ = 0;
  std::unique_ptr<impl> impl_;
};

} // namespace weir
