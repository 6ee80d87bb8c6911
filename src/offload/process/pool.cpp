#include "offload/process/pool.hpp"

#include <weir/core/error.hpp>
#include <weir/core/run.hpp>
#include <weir/offload/cpus.hpp>
#include <weir/offload/detail/priority.hpp>
#include <weir/offload/threadpool.hpp>

#include <sys/epoll.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

namespace weir::detail {

namespace {

constexpr std::uint32_t ring_depth = 16;

/// A task that belongs to the loop and not to a caller; `run` waits for it.
struct background final : completion {
  background(scope& parent, task<void> w) : inside(parent, "worker pool", true), work(std::move(w)) {
    name = "worker pool";
    finished = [](completion* self) noexcept -> std::coroutine_handle<> {
      std::unique_ptr<background> mine(static_cast<background*>(self));
      mine->inside.owner().end_guest();
      mine->work = {};
      return std::noop_coroutine();
    };
  }
  scope inside;
  task<void> work;
};

/// Not at all where that is further off than the clock goes.
void arm_in_reach(timer& alarm, clock::duration in) {
  const auto now = clock::now();
  if (in < clock::time_point::max() - now) alarm.arm(now + std::max(in, clock::duration::zero()));
}

std::string printable(std::string_view text) {
  std::string safe(text);
  for (char& c : safe)
    if (static_cast<unsigned char>(c) < 0x20 && c != '\t') c = '?';
  return safe;
}

} // namespace

process_pool::process_pool(loop& owner)
    : loop_(owner), cpus_(static_cast<std::size_t>(available_cpus())), arena_(arena::process()),
      care_([this] { look_after(); }) {
  has_news = [](const loop_source* source) noexcept {
    const auto& workers = static_cast<const process_pool*>(source)->workers_;
    return std::any_of(workers.begin(), workers.end(), [](const auto& worker) { return worker->ring.has_news(); });
  };
  collect = [](loop_source* source) noexcept { static_cast<process_pool*>(source)->collect_replies(); };
  sleep = [](loop_source* source) noexcept {
    auto* self = static_cast<process_pool*>(source);
    if (self->workers_.empty()) return true;
    self->bell_.sleep();
    if (!source->has_news(source)) return true;
    self->bell_.awake();
    return false;
  };
  awake = [](loop_source* source) noexcept {
    auto* self = static_cast<process_pool*>(source);
    if (!self->workers_.empty()) self->bell_.awake();
  };
  run = [](ready_node* node) noexcept { static_cast<process_pool*>(node)->flush(); };
  fd = bell_.descriptor();
  wanted = EPOLLIN;
  internal = true;
  events = [](watch_node* node, unsigned) noexcept { static_cast<process_pool*>(node)->bell_.drain(); };
  loop_.watch(*this);
  loop_.add_source(*this);
  loop_.add_report([this](std::string& text) {
    const auto now = counters();
    text += "processes: " + std::to_string(now.workers) + " workers (" + std::to_string(now.busy) + " busy), " +
            std::to_string(now.queued) + " functions wait, " + std::to_string(now.completed) + " done, " +
            std::to_string(now.died) + " workers died, " + std::to_string(now.killed) + " killed\n";
  });
}

process_pool::~process_pool() {
  loop_.remove_source(*this);
  loop_.forget(*this);
}

process_pool& process_pool::of(loop& owner) {
  return owner.local<process_pool>([&] { return std::make_shared<process_pool>(owner); });
}

void process_pool::configure(process_pool_options options) {
  options_ = std::move(options);
  schedule_flush();
}

std::size_t process_pool::max_workers() const noexcept { return options_.max_workers ? options_.max_workers : cpus_; }

process_pool_counters process_pool::counters() const noexcept {
  process_pool_counters now = count_;
  now.workers = workers_.size();
  now.busy = static_cast<std::size_t>(
      std::count_if(workers_.begin(), workers_.end(), [](const auto& worker) { return !worker->jobs.empty(); }));
  now.queued = queue_.size();
  return now;
}

void process_pool::in_background(task<void> work) {
  scope* root = loop_.root();
  if (!root) return; // the loop is on its way out: nobody waits for a worker any more
  auto* mine = new background(*root, std::move(work));
  loop_.begin_guest();
  detail::start(mine->work, mine->inside, *mine);
}

void process_pool::submit(process_job& call) {
  std::string label = call.label(); // once: a search among symbols
  if (const auto no = breaker_.refuses(label, clock::now()))
    throw function_suspended(label, no->deaths, no->retry_after, no->last_reason);
  auto job = std::make_unique<pool_job>(call, std::move(label), ++jobs_, arena_);
  const clock::duration allowed = call.options().deadline;
  if (allowed != clock::duration::max()) {
    job->alarm = std::make_unique<timer>([this, raw = job.get()] {
      raw->timed_out = true;
      give_up(raw->rank);
    });
    arm_in_reach(*job->alarm, allowed);
  }
  pool_job* const raw = job.get();
  queue_.emplace(raw->rank, std::move(job));
  call.sent = raw;
  loop_.begin_outside();
  schedule_flush();
  // Held back until the end of a round of many, the workers would have gone to sleep by then.
  constexpr std::uint64_t enough = 16;
  if (jobs_ % enough == 0) hand_out();
}

void process_pool::schedule_flush() noexcept {
  if (!std::exchange(flush_scheduled_, true)) loop_.at_end_of_round(this);
}

void process_pool::flush() noexcept {
  flush_scheduled_ = false;
  hand_out();
}

void process_pool::hand_out() noexcept {
  loop_.set_linger(thread_linger());
  shed();
  while (!queue_.empty()) {
    const auto first = queue_.begin();
    try {
      if (!place(first->second)) break; // strictly in order: nobody is overtaken for ever
      queue_.erase(first);
    } catch (...) {
      auto job = std::move(first->second);
      queue_.erase(first);
      fail(std::move(job), std::current_exception());
    }
  }
  try {
    keep_spare();
  } catch (const std::exception&) { // nobody waits for it
    ++start_failures_;
  }
  for (const auto& worker : workers_)
    if (std::exchange(worker->touched, false)) worker->ring.notify();
  if (!workers_.empty() && !care_.armed()) care_.arm(clock::now() + std::chrono::milliseconds(100));
}

bool process_pool::place(std::unique_ptr<pool_job>& job) {
  pool_worker* worker = idle_for(job->profile);
  if (!worker && (workers_.size() < max_workers() || make_room_for(job->profile))) try {
      worker = start(job->profile);
    } catch (const std::exception& e) {
      // Not even a ring could be had. Where a worker is at work, its next reply brings this job's turn.
      if (std::all_of(workers_.begin(), workers_.end(), [](const auto& each) { return each->jobs.empty(); }))
        throw worker_unavailable(job->label, e.what());
    }
  if (!worker) worker = room_for(job->profile);
  if (!worker) return false;
  push(*worker, job);
  return true;
}

pool_worker* process_pool::idle_for(const worker_profile& wanted) noexcept {
  // The one that was used last: its memory is warm, and the others can time out.
  pool_worker* best = nullptr;
  for (const auto& worker : workers_)
    if (worker->jobs.empty() && worker->profile == wanted && worker->ring.has_room() &&
        (!best || worker->idle_since > best->idle_since))
      best = worker.get();
  return best;
}

pool_worker* process_pool::room_for(const worker_profile& wanted) noexcept {
  if (wanted.one_shot()) return nullptr;
  pool_worker* best = nullptr;
  for (const auto& worker : workers_)
    if (worker->quick && worker->profile == wanted && worker->ring.has_room() &&
        (!best || worker->jobs.size() < best->jobs.size()))
      best = worker.get();
  return best;
}

/// Ends a worker that is idle and of another kind, where the pool is full.
bool process_pool::make_room_for(const worker_profile& wanted) noexcept {
  for (const auto& worker : workers_)
    if (worker->jobs.empty() && worker->started && !(worker->profile == wanted)) {
      retire(*worker);
      return true;
    }
  return false;
}

/// Where it fails, the job is where it was.
void process_pool::push(pool_worker& worker, std::unique_ptr<pool_job>& job) {
  const std::uint32_t flags = job->call->wants_stop() && job->profile.can_be_told() ? flag_wants_stop : 0;
  ring_request request = job->packed.request(job->number, flags, *worker.area);
  if (request.thunk.empty()) request.flags |= flag_name_in_payload;
  if (!worker.ring.push(request)) throw error(errc::internal, "a worker's ring is full");
  job->at = &worker;
  job->pushed_at = clock::now();
  ++job->attempts;
  worker.jobs.push_back(std::move(job));
  worker.touched = true;
}

/// Ends idle workers where there are more than there may be.
void process_pool::shed() noexcept {
  for (std::size_t i = workers_.size(); i-- > 0 && workers_.size() > max_workers();)
    if (workers_[i]->jobs.empty()) retire(*workers_[i]);
}

/// An idle worker takes over a job that waits behind another in a busy worker's ring.
void process_pool::share_out(pool_worker& idle) {
  for (const auto& other : workers_) {
    if (other.get() == &idle || other->jobs.size() < 2 || !(other->profile == idle.profile)) continue;
    if (!other->ring.retract(other->jobs.back()->number)) continue;
    auto job = std::move(other->jobs.back());
    other->jobs.pop_back();
    try {
      push(idle, job);
    } catch (...) {
      return requeue(std::move(job));
    }
    idle.touched = false;
    idle.ring.notify();
    return;
  }
}

void process_pool::requeue(std::unique_ptr<pool_job> job) {
  job->at = nullptr;
  const rank place = job->rank;
  queue_.emplace(place, std::move(job));
  schedule_flush();
}

void process_pool::keep_spare() {
  // Where workers could not be had, or ended at once, only who needs one tries again.
  if (workers_.empty() || options_.spare_workers == 0 || start_failures_ > 0) return;
  std::size_t idle = 0;
  for (const auto& worker : workers_) idle += worker->jobs.empty();
  for (; idle < options_.spare_workers && workers_.size() < max_workers(); ++idle) start(workers_.back()->profile);
}

pool_worker* process_pool::start(const worker_profile& profile) {
  auto worker = std::make_shared<pool_worker>(profile, ring_depth);
  workers_.push_back(worker);
  in_background(bring_up(worker));
  return worker.get();
}

task<void> process_pool::bring_up(std::shared_ptr<pool_worker> worker) {
  worker_options wanted;
  wanted.entry = &pool_worker_main;
  wanted.fds = {worker->ring.descriptor(), arena_->reader_descriptor(), worker->area->descriptor(),
                bell_.page_descriptor(), bell_.rope_descriptor()};
  const ring_view& view = worker->ring.view();
  wanted.channel = std::span<std::byte>(view.base, worker->ring.size_bytes());
  wanted.slot_offset_bytes = static_cast<std::uint64_t>(view.crash() - view.base);
  wanted.sandbox = worker->profile.sandbox;
  if (!wanted.sandbox) wanted.memory_limit_bytes = worker->profile.memory_limit_bytes;
  errno = 0;
  const int own = ::getpriority(PRIO_PROCESS, 0);
  wanted.nice = errno == 0 ? std::clamp(own + nicer_by, 0, 19) : 0;
  wanted.on_output = [this](const output_line& line) {
    const process_output out{line.pid, line.job, line.from == output_line::stream::err, line.text};
    if (const auto call = options_.on_output) return call(out); // a copy: it may configure the pool
    std::fprintf(stderr, "weir: worker %d, job %llu: %s\n", out.pid, static_cast<unsigned long long>(out.job),
                 printable(out.text).c_str());
  };
  wanted.on_exit = [this, raw = worker.get()](const exit_report& how) { ended(*raw, how); };
  co_await yield_now(); // the caller is still handing out
  std::string why;
  try {
    worker_process process = co_await process_host::current().start_worker(std::move(wanted));
    ++count_.started;
    worker->settled.set();
    if (std::none_of(workers_.begin(), workers_.end(), [&](const auto& w) { return w == worker; })) co_return;
    worker->process = std::move(process);
    worker->started = true;
    worker->memory.emplace(worker->process.pid());
    if (!queue_.empty()) schedule_flush(); // who waits for a place of another kind can have this one
    co_return;                             // where it has ended already, on_exit comes
  } catch (const std::exception& e) {
    why = e.what();
  }
  worker->failure = why;
  worker->settled.set();
  if (std::none_of(workers_.begin(), workers_.end(), [&](const auto& w) { return w == worker; })) co_return;
  const auto gone = remove(*worker);
  ++start_failures_;
  while (!gone->jobs.empty()) {
    auto job = std::move(gone->jobs.front());
    gone->jobs.pop_front();
    const auto reason = std::make_exception_ptr(worker_unavailable(job->label, why));
    fail(std::move(job), reason);
  }
  schedule_flush();
}

task<void> process_pool::warm_up(process_options options) {
  const worker_profile wanted(options);
  if (!idle_for(wanted)) {
    if (workers_.size() >= max_workers() && !make_room_for(wanted)) co_return;
    const std::shared_ptr<pool_worker> worker = start(wanted)->shared_from_this();
    co_await worker->settled.wait();
    if (!worker->failure.empty()) throw worker_unavailable("warm_up_processpool", worker->failure);
  }
}

} // namespace weir::detail
