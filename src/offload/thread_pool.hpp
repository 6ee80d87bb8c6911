#pragma once

#include <weir/offload/detail/thread_job.hpp>
#include <weir/offload/threadpool.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

namespace weir::detail {

struct in_runnable;

/// The functions under one limit: those that wait, in order, and how many run. Guarded by the pool's mutex.
struct lane : list_hook<in_runnable>, std::enable_shared_from_this<lane> {
  lane(std::size_t most, const char* called) noexcept : capacity(most), name(called) {}

  bool runnable() const noexcept { return !jobs.empty() && running < capacity; }

  list<thread_job, in_lane> jobs;
  std::size_t capacity;
  std::size_t running = 0;
  std::size_t waiting = 0;
  const char* const name;
};

/// The process's threads. Waking a thread is what costs, so it is done as seldom as possible:
/// - What a loop submits in one round comes in batches, with one decision each.
/// - A sleeping thread is woken, or a new one made, only when no thread is on its way to work already ("searching").
///   One that finds work and sees more behind it brings in the next (a chain), so a burst of tiny functions is done by
///   the one or two threads that are awake, and functions that block find as many threads as they need.
/// - Beyond one thread per CPU, a new one is made only when the oldest function has waited for 100 us.
/// - The thread that was used last, whose caches are warm, is woken first; those that sleep longest end after 10 s, or
///   when no loop uses the pool any more.
/// - Where nobody polls (linger 0), four threads take turns instead, and fewer that are woken again and again get
///   company: some kernels (of virtual machines, mostly) run a thread that is seldom busy on the processor of who wakes
///   it, which costs 5 us instead of the 40 us of waking another processor, and one of several is seldom busy.
/// Never destroyed: an abandoned function may outlive main.
class thread_pool {
 public:
  static thread_pool& instance();

  enum class after { done, look_again, no_threads };
  /// Takes all of `batch`. `look_again`: call `grow` in `patience`. `no_threads`: nothing was taken.
  /// `eager`: do not wait before new threads are made.
  after submit(list<thread_job, in_lane>& batch, bool eager);
  static constexpr auto patience = std::chrono::microseconds(100);
  /// Makes a thread if the oldest function has waited too long. Returns whether to look again.
  bool grow();
  bool retract(thread_job& job) noexcept;
  void set_capacity(lane& which, std::size_t capacity);
  /// A loop begins, and ends, to use the pool.
  void enter() noexcept;
  void leave() noexcept;
  pool_counters counters() noexcept;

  std::mutex& mutex() noexcept { return mutex_; }

  static inline std::atomic<std::int64_t> linger_ns{-1}; ///< -1: not yet decided
  static std::chrono::nanoseconds linger() noexcept;

 private:
  struct worker;
  /// What to do once the mutex is released.
  struct orders {
    worker* wake = nullptr;
    bool start = false; ///< with `wake`: one that sleeps at once
  };

  thread_pool();
  void line_up(lane& which) noexcept;
  orders bring_in(bool at_once) noexcept;
  bool carry_out(const orders& what) noexcept;
  bool start_thread(bool searching = true) noexcept;
  bool have_one_thread() noexcept;
  void serve(bool searching);
  thread_job* take(worker& self, orders& then) noexcept;
  bool look_for_work(worker& self, std::unique_lock<std::mutex>& lock);
  bool sleep(worker& self, std::unique_lock<std::mutex>& lock);

  std::mutex mutex_;
  list<lane, in_runnable> runnable_;
  std::atomic<bool> has_work_{false}; ///< whether `runnable_` holds anything; read without the mutex by who polls
  worker* idle_ = nullptr;
  bool searching_ = false;
  bool eager_ = false;
  static constexpr std::size_t turn_takers = 4;
  unsigned woken_ = 0; ///< how often one of few threads was woken, where nobody polls
  std::size_t cpus_;
  std::size_t loops_ = 0;
  pool_counters count_;
};

} // namespace weir::detail
