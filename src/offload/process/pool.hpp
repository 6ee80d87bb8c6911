#pragma once

#include "offload/process/breaker.hpp"
#include "offload/process/doorbell.hpp"
#include "offload/process/pool_worker.hpp"

#include <weir/core/detail/timer_node.hpp>
#include <weir/core/event.hpp>
#include <weir/offload/processpool.hpp>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace weir::detail {

/// A loop's worker processes and the jobs for them. What is submitted in one round of the loop is handed out together,
/// with one wake-up for each worker. A job is handed to an idle worker; where there is none, to a new one; where there
/// may be no more, it waits in the queue, or, behind jobs that take next to no time, in a worker's ring, from where it
/// can be taken back.
/// Thread-safety: the loop's thread.
class process_pool : loop_source, ready_node, watch_node {
 public:
  explicit process_pool(loop& owner);
  ~process_pool();
  process_pool(const process_pool&) = delete;
  process_pool& operator=(const process_pool&) = delete;
  static process_pool& of(loop& owner);

  void configure(process_pool_options options);
  process_pool_counters counters() const noexcept;
  std::size_t max_workers() const noexcept;

  /// Takes a call over. Fails: as packing the arguments does.
  void submit(process_job& call);
  void cancel(process_job& call) noexcept;
  /// Starts a worker like that where there is none. Fails: worker_unavailable.
  task<void> warm_up(process_options options);

 private:
  using rank = decltype(pool_job::rank);

  // Handing out.
  void schedule_flush() noexcept;
  void flush() noexcept;
  void hand_out() noexcept;
  bool place(std::unique_ptr<pool_job>& job);
  pool_worker* idle_for(const worker_profile& wanted) noexcept;
  pool_worker* room_for(const worker_profile& wanted) noexcept;
  bool make_room_for(const worker_profile& wanted) noexcept;
  void push(pool_worker& worker, std::unique_ptr<pool_job>& job);
  void shed() noexcept;
  void share_out(pool_worker& idle);
  void requeue(std::unique_ptr<pool_job> job);
  pool_worker* start(const worker_profile& profile);
  task<void> bring_up(std::shared_ptr<pool_worker> worker);
  void keep_spare();

  // What comes back.
  void collect_replies() noexcept;
  bool collect_from(pool_worker& worker) noexcept;
  const char* answer(pool_worker& worker, pool_job& job, const ring_reply& reply);
  void broken(pool_worker& worker, const char* why) noexcept;
  void ended(pool_worker& worker, const exit_report& how) noexcept;
  void after_job(pool_worker& worker) noexcept;

  // Ending jobs and workers.
  pool_job* find(rank who) noexcept;
  void give_up(rank who) noexcept;
  void resign(std::unique_ptr<pool_job> job, pid_t pid) noexcept;
  void stop_or_kill(pool_job& job) noexcept;
  void kill_worker_of(pool_job& job) noexcept;
  void fail(std::unique_ptr<pool_job> job, std::exception_ptr why) noexcept;
  std::unique_ptr<pool_job> take_out(pool_worker& worker, const pool_job& job) noexcept;
  std::shared_ptr<pool_worker> remove(pool_worker& worker) noexcept;
  void requeue_all(pool_worker& worker) noexcept;
  void retire(pool_worker& worker) noexcept;
  void died_of(std::unique_ptr<pool_job> job, const exit_report& how, bool over_limit);
  task<void> tell_crash(std::unique_ptr<pool_job> job, job_trace trace, checked_crash crash);
  void look_after() noexcept;
  bool watch_memory(pool_worker& worker) noexcept;
  void in_background(task<void> work);

  loop& loop_;
  const std::size_t cpus_; ///< read once: it takes some files
  process_pool_options options_;
  std::shared_ptr<arena> arena_;
  doorbell bell_;
  breaker breaker_;
  std::map<rank, std::unique_ptr<pool_job>> queue_;
  std::vector<std::shared_ptr<pool_worker>> workers_;
  std::uint64_t jobs_ = 0;
  int start_failures_ = 0; ///< in a row
  bool flush_scheduled_ = false;
  process_pool_counters count_;
  timer care_; ///< looks after idle workers, their memory and age
};

} // namespace weir::detail
