#include "offload/thread_pool.hpp"

#include <weir/core/detail/linger.hpp>
#include <weir/core/detail/time_slice.hpp>
#include <weir/core/error.hpp>
#include <weir/offload/cpus.hpp>
#include <weir/offload/detail/priority.hpp>

#include <linux/futex.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <ctime>
#include <system_error>
#include <thread>

namespace weir::detail {

namespace {

using namespace std::chrono_literals;
constexpr timespec idle_time{10, 0};

/// Whether this thread is one of the pool's. Those that it starts have its niceness already.
thread_local bool in_pool = false;

void step_back() noexcept {
  const auto self = static_cast<id_t>(::gettid());
  errno = 0;
  const int now = ::getpriority(PRIO_PROCESS, self);
  if (errno == 0) ::setpriority(PRIO_PROCESS, self, now + nicer_by); // Linux: of one thread; a refusal does no harm
}

/// Leaves the outcome of `job` with its loop. Nothing of the job may be touched afterwards: its coroutine goes on.
/// `home` is the address of the loop of the job before; it outlives the posting even where the loop does not.
void deliver(thread_job& job, loop_address& home) noexcept {
  if (job.address) {
    const loop_address address = job.address;
    if (!address.post(job.arrival)) job.orphaned(&job);
    return;
  }
  if (!job.home->owns(home)) home = job.home->address();
  home.post(job.arrival);
}

} // namespace

struct thread_pool::worker {
  /// 1: woken. A futex(2).
  std::atomic<std::uint32_t> word{0};
  worker* next_idle = nullptr;
  bool searching = false; ///< on its way to work
  detail::linger patience;

  /// Returns whether it was woken within `limit` (nullptr: waits for ever).
  bool park(const timespec* limit) noexcept {
    while (word.load(std::memory_order_acquire) == 0) {
      const long done = ::syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, limit, nullptr, 0);
      if (done != 0 && errno == ETIMEDOUT) return word.exchange(0, std::memory_order_acquire) == 1;
    }
    word.store(0, std::memory_order_relaxed);
    return true;
  }
  void unpark() noexcept {
    word.store(1, std::memory_order_release);
    // The thread may be gone by now: the address is then only a number to the kernel.
    ::syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
  }
};

thread_pool& thread_pool::instance() {
  static thread_pool* const one = new thread_pool;
  return *one;
}

thread_pool::thread_pool() : cpus_(available_cpus()) {}

std::chrono::nanoseconds thread_pool::linger() noexcept {
  std::int64_t set = linger_ns.load(std::memory_order_relaxed);
  if (set < 0) {
    // With one CPU the other side cannot get on while this one polls.
    set = instance().cpus_ > 1 ? std::chrono::nanoseconds(10us).count() : 0;
    linger_ns.store(set, std::memory_order_relaxed);
  }
  return std::chrono::nanoseconds(set);
}

void thread_pool::line_up(lane& which) noexcept {
  auto& hook = static_cast<list_hook<in_runnable>&>(which);
  if (which.runnable() && !hook.linked())
    runnable_.push_back(which);
  else if (!which.runnable() && hook.linked())
    hook.unlink();
  has_work_.store(!runnable_.empty(), std::memory_order_relaxed);
}

thread_pool::orders thread_pool::bring_in(bool at_once) noexcept {
  if (searching_ || runnable_.empty()) return {};
  if (worker* chosen = idle_) {
    idle_ = chosen->next_idle;
    --count_.idle;
    ++count_.wakes;
    chosen->searching = searching_ = true;
    constexpr unsigned often = 64;
    const bool few = cpus_ > 1 && count_.threads < turn_takers && linger_ns.load(std::memory_order_relaxed) == 0;
    const bool company = few && ++woken_ % often == 0;
    if (company) ++count_.threads;
    return {chosen, company};
  }
  if (!at_once && !eager_ && count_.threads >= cpus_ &&
      clock::now() - runnable_.front().jobs.front().queued_at < patience)
    return {};
  searching_ = true;
  ++count_.threads;
  return {nullptr, true};
}

bool thread_pool::carry_out(const orders& what) noexcept {
  if (what.wake) what.wake->unpark();
  return !what.start || start_thread(!what.wake);
}

bool thread_pool::start_thread(bool searching) noexcept {
  // Signals belong to the thread that runs the loop.
  sigset_t all, before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  bool made = true;
  const bool nice_already = in_pool;
  try {
    std::thread([this, nice_already, searching] {
      set_time_slice(usual_slice);
      if (!nice_already) step_back();
      in_pool = true;
      serve(searching);
    }).detach();
  } catch (const std::system_error&) {
    made = false;
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  std::lock_guard lock(mutex_);
  if (made) {
    ++count_.started;
  } else {
    --count_.threads;
    if (searching) searching_ = false;
  }
  return made;
}

thread_pool::after thread_pool::submit(list<thread_job, in_lane>& batch, bool eager) {
  const auto now = clock::now();
  orders then;
  bool more;
  if (!have_one_thread()) return after::no_threads;
  {
    std::lock_guard lock(mutex_);
    eager_ = eager_ || eager;
    while (!batch.empty()) {
      thread_job& job = batch.pop_front();
      job.queued_at = now;
      job.handed_over = true;
      job.where->jobs.push_back(job);
      ++job.where->waiting;
      ++count_.queued;
      line_up(*job.where);
    }
    then = bring_in(false);
    more = !runnable_.empty() && !(count_.queued == 1 && searching_);
  }
  if (!carry_out(then)) more = true;
  return more ? after::look_again : after::done;
}

bool thread_pool::have_one_thread() noexcept {
  {
    std::lock_guard lock(mutex_);
    if (count_.threads > 0) return true;
    ++count_.threads;
    searching_ = true;
  }
  return start_thread();
}

bool thread_pool::grow() {
  orders then;
  bool more;
  {
    std::lock_guard lock(mutex_);
    then = bring_in(false);
    more = !runnable_.empty();
  }
  carry_out(then);
  return more;
}

bool thread_pool::retract(thread_job& job) noexcept {
  std::lock_guard lock(mutex_);
  auto& hook = static_cast<list_hook<in_lane>&>(job);
  if (!hook.linked()) return false;
  hook.unlink();
  if (job.handed_over) {
    --job.where->waiting;
    --count_.queued;
    line_up(*job.where);
  }
  return true;
}

void thread_pool::set_capacity(lane& which, std::size_t capacity) {
  orders then;
  {
    std::lock_guard lock(mutex_);
    which.capacity = capacity;
    line_up(which);
    then = bring_in(true);
  }
  carry_out(then);
}

void thread_pool::enter() noexcept {
  std::lock_guard lock(mutex_);
  ++loops_;
}

void thread_pool::leave() noexcept {
  std::lock_guard lock(mutex_);
  if (--loops_ > 0) return;
  for (worker* each = std::exchange(idle_, nullptr); each;) {
    worker* next = each->next_idle;
    --count_.idle;
    each->unpark();
    each = next;
  }
}

pool_counters thread_pool::counters() noexcept {
  std::lock_guard lock(mutex_);
  return count_;
}

thread_job* thread_pool::take(worker& self, orders& then) noexcept {
  then = {};
  if (runnable_.empty()) return nullptr;
  lane& from = runnable_.pop_front();
  thread_job& job = from.jobs.pop_front();
  --from.waiting;
  ++from.running;
  --count_.queued;
  ++count_.running;
  line_up(from); // at the end of the line: kinds of work take turns
  if (self.searching) self.searching = searching_ = false;
  if (!runnable_.empty()) then = bring_in(false);
  return &job;
}

bool thread_pool::look_for_work(worker& self, std::unique_lock<std::mutex>& lock) {
  self.patience.at_most = linger();
  if (self.patience.at_most.count() > 0 && (self.searching || !searching_) && loops_ > 0) {
    self.searching = searching_ = true;
    lock.unlock();
    self.patience.poll([this] { return has_work_.load(std::memory_order_relaxed); });
    lock.lock();
    if (!runnable_.empty()) return true;
  }
  if (self.searching) self.searching = searching_ = false;
  return false;
}

bool thread_pool::sleep(worker& self, std::unique_lock<std::mutex>& lock) {
  if (loops_ == 0) return false;
  worker** place = &idle_;
  if (self.patience.at_most.count() == 0)
    for (std::size_t before = 1; *place && before < turn_takers; ++before) place = &(*place)->next_idle;
  self.next_idle = *place;
  *place = &self;
  ++count_.idle;
  lock.unlock();
  const bool woken = self.park(&idle_time);
  lock.lock();
  if (woken) return self.searching || loops_ > 0;
  for (worker** link = &idle_; *link; link = &(*link)->next_idle)
    if (*link == &self) {
      *link = self.next_idle;
      --count_.idle;
      return false;
    }
  // Chosen in the meantime: whoever did that is about to wake it, and must find it here.
  lock.unlock();
  self.park(nullptr);
  lock.lock();
  return self.searching || loops_ > 0;
}

void thread_pool::serve(bool searching) {
  ::pthread_setname_np(::pthread_self(), "weir-worker");
  worker self;
  self.searching = searching;
  loop_address home;
  std::unique_lock lock(mutex_);
  for (;;) {
    orders then;
    thread_job* job = take(self, then);
    if (!job) {
      if (look_for_work(self, lock)) continue;
      lock.unlock();
      home = {};
      lock.lock();
      if (!runnable_.empty() && !searching_) continue;
      if (sleep(self, lock)) continue;
      --count_.threads;
      return;
    }
    lock.unlock();
    carry_out(then);
    while (job) {
      job->perform(job);
      // It no longer counts when its caller learns of its end.
      lane& where = *job->where;
      lock.lock();
      --where.running;
      --count_.running;
      ++count_.executed;
      line_up(where);
      thread_job* next = take(self, then);
      // On its way to work again before its caller, which may have more, goes on: nobody else need be woken for that.
      if (!next && !searching_) self.searching = searching_ = true;
      lock.unlock();
      deliver(*job, home);
      carry_out(then);
      job = next;
    }
    lock.lock();
  }
}

} // namespace weir::detail
