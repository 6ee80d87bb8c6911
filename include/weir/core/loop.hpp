#pragma once

#include <weir/core/callback.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
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
struct tree_reader;
struct manual_time;
struct round_hook;
class scope;
class runner;

/// Something that a loop looks at beside descriptors: memory that other processes write to.
struct loop_source {
  bool (*has_news)(const loop_source*) noexcept = nullptr; ///< cheap enough to poll
  void (*collect)(loop_source*) noexcept = nullptr;        ///< takes what there is
  /// From now on, news makes a descriptor readable that the loop watches. Returns false when there is news already.
  bool (*sleep)(loop_source*) noexcept = nullptr;
  void (*awake)(loop_source*) noexcept = nullptr;
};

/// Where another thread leaves work for a loop. It may outlive the loop: then nodes are refused.
/// Thread-safety: all functions may be called from any thread.
class loop_address {
 public:
  loop_address() noexcept = default;
  explicit loop_address(std::shared_ptr<inbox> box) noexcept : box_(std::move(box)) {}
  /// Hands `node` to the loop. Returns false, and leaves `node` alone, when the loop is gone.
  bool post(ready_node* node) const noexcept;
  explicit operator bool() const noexcept { return box_ != nullptr; }
  friend bool operator==(const loop_address&, const loop_address&) noexcept = default;

 private:
  friend class weir::loop;
  std::shared_ptr<inbox> box_;
};

} // namespace detail

/// What a loop has done and holds, for reports and tests.
struct loop_counters {
  std::size_t turns = 0;          ///< looks at the operating system
  std::uint64_t resumed = 0;      ///< coroutines and posted functions that were run
  std::size_t timers_armed = 0;   ///< now
  std::uint64_t timers_fired = 0; ///< since the start
  std::size_t watches = 0;        ///< descriptors that are watched now
  std::size_t outside = 0;        ///< calls that run on other threads now and come back to this loop
  std::ptrdiff_t frames = 0;      ///< coroutine frames that exist on this thread
};

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
  /// Thread-safety: any thread, while the loop exists; a thread that cannot know that uses a loop_handle.
  /// Cost: one allocation, at most one wake-up of the loop per turn.
  template <class F>
  void post(F function) {
    post_node(new detail::posted<F>(std::move(function)));
  }

  /// Runs until `done()` returns true; it is asked after every round of what is ready.
  template <std::invocable F>
  void run_until(F&& done) {
    run_until_true({&done, [](void* asked) -> bool { return (*static_cast<std::remove_reference_t<F>*>(asked))(); }});
  }

  /// The time that sleeps and time limits go by: steady_clock, unless a test has put a clock of its own in its place.
  clock::time_point now() const noexcept { return manual_ ? manual_now() : clock::now(); }
  /// `now()` as of the last look at the operating system; free.
  clock::time_point turn_time() const noexcept { return turn_time_; }

  /// The number of looks at the operating system since the start; for tests and figures.
  std::size_t turns() const noexcept { return turns_; }
  loop_counters counters() const noexcept;

  /// Adds a paragraph to the reports of this loop (task_tree.hpp): `write(text)` appends lines to `text`.
  void add_report(callback<void(std::string& text)> write);

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
  /// Calls `node` when the round that runs now is over, and at the latest before the loop sleeps.
  void at_end_of_round(detail::ready_node* node) noexcept {
    node->next_ready = end_of_round_;
    end_of_round_ = node;
  }
  /// Something on another thread will come back to this loop: it is not idle for good.
  void begin_outside() noexcept { ++outside_; }
  void end_outside() noexcept { --outside_; }
  /// How long the loop polls for what other threads send before it sleeps, while something is outside; see linger.hpp.
  void set_linger(std::chrono::nanoseconds at_most) noexcept;
  /// Goes by `time` from now on; nullptr: by the real one. `time` outlives its use.
  void use_manual_time(detail::manual_time* time) noexcept;
  /// Lets `hook` arrange every round from now on; nullptr: the usual order. Returns the hook before.
  detail::round_hook* use_round_hook(detail::round_hook* hook) noexcept { return std::exchange(hook_, hook); }
  void post_node(detail::ready_node* node) noexcept;
  detail::loop_address address() const noexcept;
  /// Whether `address` leads here. Thread-safety: any thread, while the loop exists.
  bool owns(const detail::loop_address& address) const noexcept;
  bool has_manual_time() const noexcept { return manual_ != nullptr; }
  /// A task that another thread has started here begins, and ends: `run` waits for it.
  void begin_guest() noexcept { ++guests_; }
  void end_guest() noexcept { --guests_; }
  std::size_t guests() const noexcept { return guests_; }
  /// The scope of the task that `run` runs, or of an embedded_loop; nullptr where there is none (any more).
  detail::scope* root() noexcept;
  void arm(detail::timer_node& node, clock::time_point due);
  void disarm(detail::timer_node& node) noexcept;
  void watch(detail::watch_node& node);
  void forget(detail::watch_node& node) noexcept;
  void add_source(detail::loop_source& source);
  void remove_source(detail::loop_source& source) noexcept;

 protected:
  /// A descriptor that is readable when `turn_for_host` has something to do.
  int host_descriptor();
  /// Runs what is ready, without blocking, and prepares the descriptor.
  void turn_for_host();
  void prepare_for_host() noexcept;

 private:
  friend struct detail::tree_reader;
  friend class detail::scope;
  friend class detail::runner;
  friend class loop_monitor;
  struct impl;

  template <class T>
  static constexpr char local_key = 0;

  std::shared_ptr<void>& local_slot(const void* key);
  void run_round() noexcept;
  void run_end_of_round() noexcept;
  void take_posted() noexcept;
  struct question {
    void* asked = nullptr;
    bool (*ask)(void*) = nullptr;
  };
  void run_until_true(question done);
  void turn(bool may_sleep, question done);
  void wait_for_events(bool may_sleep);
  bool has_news() const noexcept;
  bool announce_sleep() noexcept;
  void announce_awake() noexcept;
  bool is_stuck(bool nobody_posts) const noexcept;
  bool looks_stuck() noexcept;
  void note_stuck();
  clock::time_point manual_now() const noexcept;

  detail::ready_node* ready_head_ = nullptr;
  detail::ready_node** ready_tail_ = &ready_head_;
  detail::ready_node* end_of_round_ = nullptr;
  detail::manual_time* manual_ = nullptr;
  detail::round_hook* hook_ = nullptr;
  clock::time_point turn_time_{};
  std::size_t turns_ = 0;
  std::uint64_t resumed_ = 0;
  std::size_t outside_ = 0;
  std::size_t guests_ = 0;
  std::size_t watches_ = 0;
  std::unique_ptr<impl> impl_;
};

} // namespace weir
