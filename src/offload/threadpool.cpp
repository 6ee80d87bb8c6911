#include "offload/thread_pool.hpp"

#include <weir/core/detail/timer_node.hpp>
#include <weir/core/error.hpp>
#include <weir/offload/detail/loan.hpp>
#include <weir/offload/threadpool.hpp>

#include <algorithm>
#include <mutex>
#include <string>
#include <utility>

namespace weir {

namespace {

std::string describe(const thread_limiter& limiter) {
  return std::string("limiter '") + limiter.name() + "': " + std::to_string(limiter.in_use()) + " of " +
         std::to_string(limiter.capacity()) + " in use, " + std::to_string(limiter.waiting()) + " waiting\n";
}

void write_report(std::string& text, const thread_limiter& ordinary, const thread_limiter& cleanup) {
  const pool_counters now = threadpool_counters();
  text += "threads: " + std::to_string(now.threads) + " (" + std::to_string(now.idle) + " idle), " +
          std::to_string(now.running) + " functions run, " + std::to_string(now.queued) + " wait, " +
          std::to_string(now.executed) + " done\n" + describe(ordinary) + describe(cleanup);
}

/// A loop's side of the pool: collects what is submitted in a round, and looks after it.
class client : detail::timer_node, detail::ready_node {
 public:
  explicit client(loop& owner) : owner_(owner) {
    run = [](ready_node* node) noexcept { static_cast<client*>(node)->flush(); };
    fire = [](timer_node* node) noexcept { static_cast<client*>(node)->look_again(); };
    detail::thread_pool::instance().enter();
    owner_.add_report([this](std::string& text) { write_report(text, ordinary, cleanup); });
  }
  ~client() {
    owner_.disarm(*this);
    detail::thread_pool::instance().leave();
    if (cached == this) cached = nullptr;
  }
  client(const client&) = delete;
  client& operator=(const client&) = delete;

  static client& of(loop& owner) {
    if (cached && &cached->owner_ == &owner) return *cached;
    return *(cached = &owner.local<client>([&] { return std::make_shared<client>(owner); }));
  }

  void submit(detail::thread_job& job) {
    batch_.push_back(job);
    owner_.begin_outside();
    if (!std::exchange(scheduled_, true)) owner_.at_end_of_round(this);
    if (++collected_ >= enough) hand_over();
  }

  thread_limiter ordinary{40, "threads"};
  thread_limiter cleanup{8, "clean-up threads"};

 private:
  void flush() noexcept {
    scheduled_ = false;
    hand_over();
  }
  void hand_over() noexcept {
    collected_ = 0;
    if (batch_.empty()) return; // all were taken back
    owner_.set_linger(detail::thread_pool::linger());
    using after = detail::thread_pool::after;
    const bool eager = owner_.has_manual_time(); // its timers do not go by real time
    switch (detail::thread_pool::instance().submit(batch_, eager)) {
    case after::done:
      break;
    case after::look_again:
      if (index == unarmed && !eager) owner_.arm(*this, clock::now() + detail::thread_pool::patience);
      break;
    case after::no_threads:
      refuse();
      break;
    }
  }
  void look_again() noexcept {
    if (detail::thread_pool::instance().grow()) owner_.arm(*this, clock::now() + detail::thread_pool::patience);
  }
  void refuse() noexcept {
    const auto why = std::make_exception_ptr(error(errc::unavailable, "no thread could be started"));
    while (!batch_.empty()) {
      detail::thread_job& job = batch_.pop_front();
      job.refused(&job, why);
    }
  }

  static inline thread_local constinit client* cached = nullptr;

  loop& owner_;
  detail::list<detail::thread_job, detail::in_lane> batch_;
  // A round that submits many hands over so many at a time: held back until its end, the threads would have gone to
  // sleep by then, and loop and threads would work in turn instead of side by side.
  static constexpr std::size_t enough = 16;
  std::size_t collected_ = 0;
  bool scheduled_ = false;
};

} // namespace

void detail::submit(thread_job& job) { client::of(*job.home).submit(job); }

bool detail::retract(thread_job& job) noexcept { return thread_pool::instance().retract(job); }

std::shared_ptr<detail::lane> detail::keep(lane& where) { return where.shared_from_this(); }

detail::lane& detail::unlimited_lane() noexcept {
  static const auto* const one = new std::shared_ptr<lane>(std::make_shared<lane>(thread_limiter::unlimited, nullptr));
  return **one;
}

detail::thread_place detail::place_for(const any_limiter& asked, const context_frame* context) {
  const thread_limiter* threads = asked.threads();
  if (!threads && !asked.plain()) threads = &default_thread_limiter();
  const void* limit = asked.plain() ? static_cast<const void*>(asked.plain()) : threads->lane().get();
  if (context)
    if (lane* lent = lent_lane(limit, context)) return {lent, nullptr, limit};
  if (asked.plain()) return {&unlimited_lane(), asked.plain(), limit};
  return {threads->lane().get(), nullptr, limit};
}

std::exception_ptr detail::failure_of(const thread_job& job) noexcept {
  try {
    throw;
  } catch (const cancelled&) {
    if (job.cancelled.load(std::memory_order_relaxed)) return std::current_exception();
    return std::make_exception_ptr(
        error(errc::internal, "a function on a thread threw weir::cancelled, but its caller was not cancelled"));
  } catch (...) {
    return std::current_exception();
  }
}

thread_limiter::thread_limiter(std::size_t capacity, const char* name)
    : lane_(std::make_shared<detail::lane>(capacity, name)) {}

thread_limiter::~thread_limiter() = default;

void thread_limiter::set_capacity(std::size_t capacity) {
  detail::thread_pool::instance().set_capacity(*lane_, capacity);
}

std::size_t thread_limiter::capacity() const {
  std::lock_guard lock(detail::thread_pool::instance().mutex());
  return lane_->capacity;
}

std::size_t thread_limiter::in_use() const {
  std::lock_guard lock(detail::thread_pool::instance().mutex());
  return lane_->running;
}

std::size_t thread_limiter::waiting() const {
  std::lock_guard lock(detail::thread_pool::instance().mutex());
  return lane_->waiting;
}

const char* thread_limiter::name() const noexcept { return lane_->name ? lane_->name : ""; }

thread_limiter& default_thread_limiter() { return client::of(loop::current()).ordinary; }

thread_limiter& cleanup_thread_limiter() { return client::of(loop::current()).cleanup; }

void set_thread_linger(std::chrono::microseconds at_most) {
  detail::thread_pool::linger_ns = std::max<std::int64_t>(std::chrono::nanoseconds(at_most).count(), 0);
}

std::chrono::microseconds thread_linger() {
  return std::chrono::duration_cast<std::chrono::microseconds>(detail::thread_pool::linger());
}

pool_counters threadpool_counters() { return detail::thread_pool::instance().counters(); }

} // namespace weir
