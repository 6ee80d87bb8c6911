#include "offload/process/pool.hpp"
#include "offload/process/unpacked_reply.hpp"

#include <weir/core/error.hpp>
#include <weir/offload/cpus.hpp>
#include <weir/offload/threadpool.hpp>

#include <algorithm>
#include <csignal>
#include <new>
#include <utility>

namespace weir {

namespace detail {

void process_pool::collect_replies() noexcept {
  // Workers may go meanwhile.
  for (std::size_t i = 0; i < workers_.size();) {
    const std::shared_ptr<pool_worker> worker = workers_[i];
    if (worker->ring.has_news()) collect_from(*worker);
    if (i < workers_.size() && workers_[i] == worker) ++i;
  }
}

/// Takes all that the worker has answered. Returns false when the worker is gone after it.
bool process_pool::collect_from(pool_worker& worker) noexcept {
  const auto keep = worker.shared_from_this();
  if (!queue_.empty()) schedule_flush(); // there will be room
  const auto here = [&] { return std::find(workers_.begin(), workers_.end(), keep) != workers_.end(); };
  const auto now = clock::now();
  ring_reply reply;
  for (;;) {
    switch (worker.ring.pop(reply)) {
    case job_ring::verdict::nothing:
      worker.area->flush();
      if (worker.jobs.empty()) after_job(worker);
      return here();
    case job_ring::verdict::broken:
      broken(worker, worker.ring.broken_because());
      return false;
    case job_ring::verdict::reply:
      break;
    }
    const auto look = [&] {
      return std::find_if(worker.jobs.begin(), worker.jobs.end(),
                          [&](const auto& job) { return job->number == reply.id; });
    };
    auto found = look();
    if (found == worker.jobs.end()) {
      broken(worker, "it answered what it was not asked");
      return false;
    }
    constexpr auto quick_enough = std::chrono::microseconds(500);
    worker.quick = now - std::max(worker.last_reply, (*found)->pushed_at) < quick_enough;
    worker.last_reply = now;
    if (!worker.quick && worker.process) {
      worker.process.drain_output(); // while it is certain whose it is
      if (!here()) return false;     // who was told of a line has cancelled something
      if ((found = look()) == worker.jobs.end()) continue;
    }
    if (const char* why = answer(worker, **found, reply)) {
      broken(worker, why);
      return false;
    }
    const std::unique_ptr<pool_job> job = std::move(*found);
    worker.jobs.erase(found);
    ++worker.done;
    ++count_.completed;
    start_failures_ = 0;
    breaker_.done(job->label);
    job->call->sent = nullptr;
    loop_.end_outside();
    job->call->answered();
  }
}

/// Lets the caller read the reply. Returns what is wrong with it, or nullptr.
const char* process_pool::answer(pool_worker& worker, pool_job& job, const ring_reply& reply) {
  const auto trust = worker.profile.sandbox ? unpacked_reply::worker::hostile : unpacked_reply::worker::trusted;
  unpacked_reply opened(reply, *worker.area, job.packed, trust);
  if (opened.broken_because()) return opened.broken_because();
  opened.read([&](std::span<const std::byte> payload) { job.call->read(payload); });
  std::exception_ptr& failure = job.call->failure();
  if (failure && worker.profile.memory_limit() != 0) {
    try {
      std::rethrow_exception(failure);
    } catch (const std::bad_alloc&) {
      failure = std::make_exception_ptr(
          job_memory_limit(job_trace{job.label, worker.pid(), {}, 0}, worker.profile.memory_limit()));
    } catch (...) {}
  }
  return nullptr;
}

/// The worker does not keep to the protocol: nothing that it says can be believed.
void process_pool::broken(pool_worker& worker, const char* why) noexcept {
  const auto gone = remove(worker);
  ++count_.died;
  gone->end();
  if (!gone->jobs.empty()) {
    auto job = std::move(gone->jobs.front());
    gone->jobs.pop_front();
    const error what(errc::corrupt, "the worker process of " + job->label + " was ended: " + why);
    breaker_.died(job->label, clock::now(), options_.max_deaths, what.what());
    fail(std::move(job), std::make_exception_ptr(what));
  }
  requeue_all(*gone);
}

void process_pool::after_job(pool_worker& worker) noexcept {
  worker.idle_since = clock::now();
  if (worker.first_bytes == 0 && worker.memory) // the first reply may come before the watch
    if (const auto now = worker.memory->read()) worker.first_bytes = now->private_bytes;
  const bool used_up = worker.profile.one_shot() && worker.done > 0;
  const bool many = options_.max_jobs_per_worker != 0 && worker.done >= options_.max_jobs_per_worker;
  const bool old = options_.max_age != clock::duration::max() && worker.idle_since - worker.born > options_.max_age;
  const bool crowded = workers_.size() > max_workers();
  if (used_up || many || old || crowded) {
    ++count_.recycled;
    retire(worker);
    schedule_flush(); // another one in its place, where there is need
  } else if (queue_.empty()) {
    try {
      share_out(worker);
    } catch (...) {
      schedule_flush();
    }
  }
}

void process_pool::ended(pool_worker& worker, const exit_report& how) noexcept {
  if (worker.ring.has_news() && !collect_from(worker)) return;
  const auto gone = remove(worker);
  if (!gone) return;
  ++count_.died;
  pool_job* culprit = gone->begun();
  if (culprit) {
    died_of(take_out(*gone, *culprit), how, gone->over_limit);
  } else if (gone->done == 0 && ++start_failures_ >= 3) {
    // It never came so far as to do anything, and it was not the first.
    const std::string why = how.failure.empty()
                                ? "the worker ended before its first job (signal " + std::to_string(how.signal) +
                                      ", exit code " + std::to_string(how.exit_code) + ")"
                                : how.failure;
    while (!gone->jobs.empty()) {
      auto job = std::move(gone->jobs.front());
      gone->jobs.pop_front();
      const auto reason = std::make_exception_ptr(worker_unavailable(job->label, why));
      fail(std::move(job), reason);
    }
  }
  requeue_all(*gone);
  schedule_flush();
}

void process_pool::died_of(std::unique_ptr<pool_job> job, const exit_report& how, bool over_limit) {
  job_trace trace{job->label, how.pid, how.last_output, how.max_rss_bytes};
  std::exception_ptr why;
  if (over_limit)
    why = std::make_exception_ptr(job_memory_limit(trace, job->profile.memory_limit()));
  else if (how.signal == 0)
    why = std::make_exception_ptr(worker_exited(trace, how.exit_code));
  else
    why = std::make_exception_ptr(worker_crashed(
        trace,
        crash_facts{how.signal, how.core_dumped, how.crash.facts.fault_address, how.crash.facts.stack_overflow, {}}));
  try {
    std::rethrow_exception(why);
  } catch (const std::exception& e) {
    breaker_.died(job->label, clock::now(), options_.max_deaths, e.what());
  }
  if (job->timed_out || job->withdrawn) return resign(std::move(job), how.pid);
  if (job->call->options().idempotent && job->attempts < 2 && !over_limit) {
    ++count_.retried;
    return requeue(std::move(job));
  }
  if (how.signal == 0 || over_limit || !how.crash.present || how.crash.frames.empty())
    return fail(std::move(job), std::move(why));
  checked_crash crash = how.crash;
  crash.facts.signal = how.signal;
  crash.facts.core_dumped = how.core_dumped;
  job->alarm.reset();
  in_background(tell_crash(std::move(job), std::move(trace), std::move(crash)));
}

/// Finds the names of the frames, which takes milliseconds, elsewhere.
task<void> process_pool::tell_crash(std::unique_ptr<pool_job> job, job_trace trace, checked_crash crash) {
  crash_facts facts = crash.facts;
  try {
    facts.trace = co_await run_in_threadpool([crash = std::move(crash)] { return describe(crash); });
  } catch (...) {}
  fail(std::move(job), std::make_exception_ptr(worker_crashed(std::move(trace), std::move(facts))));
}

void process_pool::fail(std::unique_ptr<pool_job> job, std::exception_ptr why) noexcept {
  loop_.end_outside();
  job->call->sent = nullptr;
  job->call->failed(std::move(why));
}

void process_pool::cancel(process_job& call) noexcept {
  if (!call.sent) return;
  call.sent->withdrawn = true;
  give_up(call.sent->rank);
}

/// Returns nothing for one that has ended: its crash is being described.
pool_job* process_pool::find(rank who) noexcept {
  if (const auto queued = queue_.find(who); queued != queue_.end()) return queued->second.get();
  for (const auto& worker : workers_)
    for (const auto& job : worker->jobs)
      if (job->rank == who) return job.get();
  return nullptr;
}

/// Nobody wants its outcome any more, or its time is over.
void process_pool::give_up(rank who) noexcept {
  pool_job* job = find(who);
  if (job && job->at && job->at->ring.has_news()) {
    collect_from(*job->at);
    job = find(who); // that may have been its own reply
  }
  if (!job) return;
  if (job->at && !job->at->ring.retract(job->number)) return stop_or_kill(*job);
  std::unique_ptr<pool_job> mine;
  if (job->at) {
    mine = take_out(*job->at, *job);
  } else {
    const auto queued = queue_.find(who);
    mine = std::move(queued->second);
    queue_.erase(queued);
  }
  resign(std::move(mine), 0);
  if (!queue_.empty()) schedule_flush(); // its place is free
}

void process_pool::resign(std::unique_ptr<pool_job> job, pid_t pid) noexcept {
  if (job->timed_out) {
    const auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(job->call->options().deadline);
    const auto why = std::make_exception_ptr(job_timeout(job_trace{job->label, pid, {}, 0}, limit));
    return fail(std::move(job), why);
  }
  loop_.end_outside();
  job->call->sent = nullptr;
  job->call->withdrawn();
}

void process_pool::stop_or_kill(pool_job& job) noexcept {
  const auto grace = job.call->options().grace;
  if (!job.call->wants_stop() || !job.profile.can_be_told() || grace.count() <= 0) return kill_worker_of(job);
  job.at->ring.cancel(job.number);
  job.alarm = std::make_unique<timer>([this, who = job.rank] {
    if (pool_job* still = find(who); still && still->at) kill_worker_of(*still);
  });
  job.alarm->arm(clock::now() + std::min<std::chrono::milliseconds>(grace, std::chrono::hours(24 * 365)));
}

void process_pool::kill_worker_of(pool_job& job) noexcept {
  const std::shared_ptr<pool_worker> worker = job.at->shared_from_this();
  const rank who = job.rank;
  // From the back, so that none begins meanwhile.
  while (worker->jobs.back().get() != &job && worker->ring.retract(worker->jobs.back()->number)) {
    auto behind = std::move(worker->jobs.back());
    worker->jobs.pop_back();
    requeue(std::move(behind));
  }
  if (worker->ring.has_news()) {
    // Where one behind it has begun, this one has been answered.
    collect_from(*worker);
    pool_job* const still = find(who);
    if (!still || still->at != worker.get()) return;
  }
  const auto gone = remove(*worker);
  gone->end(); // and nobody waits until it is dead
  ++count_.killed;
  resign(take_out(*gone, job), gone->pid());
  requeue_all(*gone);
  schedule_flush();
}

std::unique_ptr<pool_job> process_pool::take_out(pool_worker& worker, const pool_job& job) noexcept {
  const auto found =
      std::find_if(worker.jobs.begin(), worker.jobs.end(), [&](const auto& each) { return each.get() == &job; });
  std::unique_ptr<pool_job> mine = std::move(*found);
  worker.jobs.erase(found);
  mine->at = nullptr;
  return mine;
}

std::shared_ptr<pool_worker> process_pool::remove(pool_worker& worker) noexcept {
  const auto found =
      std::find_if(workers_.begin(), workers_.end(), [&](const auto& each) { return each.get() == &worker; });
  if (found == workers_.end()) return nullptr;
  std::shared_ptr<pool_worker> mine = std::move(*found);
  workers_.erase(found);
  return mine;
}

/// Those that had not begun are none the worse for the end of their worker. One that had may not be run twice.
void process_pool::requeue_all(pool_worker& worker) noexcept {
  while (!worker.jobs.empty()) {
    auto job = std::move(worker.jobs.back()); // from the back, so that none begins meanwhile
    worker.jobs.pop_back();
    if (job->timed_out || job->withdrawn) {
      resign(std::move(job), worker.pid());
    } else if (worker.ring.retract(job->number) || job->call->options().idempotent) {
      requeue(std::move(job));
    } else {
      const auto why = std::make_exception_ptr(
          worker_crashed(job_trace{job->label, worker.pid(), {}, 0}, crash_facts{SIGKILL, false, {}, false, {}}));
      fail(std::move(job), why);
    }
  }
}

void process_pool::retire(pool_worker& worker) noexcept {
  const auto gone = remove(worker);
  gone->end();
}

void process_pool::look_after() noexcept {
  const auto now = clock::now();
  bool close_look = false;
  for (std::size_t i = workers_.size(); i-- > 0;) {
    pool_worker& worker = *workers_[i];
    if (!worker.started) continue;
    close_look = close_look || !worker.jobs.empty();
    if (watch_memory(worker) && worker.jobs.empty() && now - worker.idle_since >= options_.idle_time) retire(worker);
  }
  if (workers_.empty()) return arena_->trim();
  using namespace std::chrono_literals;
  care_.arm(now + (close_look ? clock::duration(100ms) : std::min<clock::duration>(1s, options_.idle_time)));
}

/// Returns whether the worker is still there.
bool process_pool::watch_memory(pool_worker& worker) noexcept {
  if (!worker.memory) return true;
  const auto now = worker.memory->read();
  if (!now) return true;
  const std::uint64_t limit = worker.profile.memory_limit();
  // The kernel's limit is on what it may ask for; this one is on what it has, with room for what it began with.
  if (limit != 0 && !worker.jobs.empty() && worker.first_bytes != 0 &&
      now->private_bytes > worker.first_bytes + limit) {
    worker.over_limit = true;
    worker.process.kill();
    return true;
  }
  if (worker.jobs.empty() && worker.first_bytes != 0 && options_.max_growth_bytes != 0 &&
      now->private_bytes > worker.first_bytes + options_.max_growth_bytes) {
    ++count_.recycled;
    retire(worker);
    schedule_flush();
    return false;
  }
  return true;
}

bool process_job::submit() noexcept {
  try {
    process_pool::of(scope_->owner()).submit(*this);
    return true;
  } catch (...) {
    failure_ = std::current_exception();
    no_wait();
    return false;
  }
}

void process_job::cancel(wait_node* self) noexcept {
  process_pool::of(self->scope_->owner()).cancel(*static_cast<process_job*>(self));
}

std::size_t chunk_for(std::size_t count) {
  const std::size_t calls = 4 * process_pool::of(loop::current()).max_workers();
  return std::max<std::size_t>(1, (count + calls - 1) / calls);
}

} // namespace detail

void configure_process_pool(process_pool_options options) {
  detail::process_pool::of(loop::current()).configure(std::move(options));
}

process_pool_counters processpool_counters() { return detail::process_pool::of(loop::current()).counters(); }

task<void> warm_up_processpool(process_options options) {
  co_await detail::process_pool::of(loop::current()).warm_up(std::move(options));
}

} // namespace weir
