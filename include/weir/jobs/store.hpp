#pragma once

#include <weir/core/task.hpp>
#include <weir/files/root.hpp>
#include <weir/jobs/job.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace weir::jobs {

/// The job table of a media folder: `.weir/jobs.sqlite` in it. What a call has returned from is on the disk and
/// survives a crash of the process and of the machine. Servers and command lines may use the same table at once.
///
/// All SQL runs off the loop, in the order of the calls; changes that wait at the same time share one flush of the
/// disk. Fails (all calls): no_space, permission_denied, corrupt, unavailable (another process held the table for 10
/// s); the table is then as before the call. Cancellation (all calls): a call that waits for its turn never happens;
/// one that has begun is awaited, and then may have happened. Wrap what must happen in `shield`. Thread-safety: the
/// tasks of one loop. All calls must have ended before the store dies. Cost: reading some 30 us; a change one flush
/// (0.1 to 10 ms), shared by all that come in meanwhile.
class store {
 public:
  /// Opens the table of the folder `media`, made where it is missing, and brings an older one up to date.
  /// Fails: corrupt where the file is no job table, unsupported where a newer Weir wrote it, invalid_argument where it
  /// is a link or no plain file; nothing is ever deleted or begun anew.
  static task<std::unique_ptr<store>> open(files::root media);

  store(const store&) = delete;
  store& operator=(const store&) = delete;
  ~store();

  /// Inserts `j`. Returns it with created_at, updated_at and revision.
  /// Fails: already_exists where the id is taken, or the provider has a job with this idempotency key;
  /// invalid_argument for an id that is empty or over 256 bytes, or a progress outside 0 to 100.
  task<job> insert(job j);

  /// Returns the job called `id`, if there is one.
  task<std::optional<job>> get(std::string id);
  /// Returns the newest job that `provider` knows as `remote_id`.
  task<std::optional<job>> find_remote(std::string provider, std::string remote_id);
  /// Returns the job that was bought from `provider` under this idempotency key.
  task<std::optional<job>> find_key(std::string provider, std::string idempotency_key);

  /// Writes all fields of `j`, whatever others wrote since it was read: see `modify`. Returns it with its new revision.
  /// Fails: not_found.
  task<job> update(job j);

  /// Reads the job, calls `change`, writes what it made; no other task or process writes in between. `change` runs on
  /// another thread and must be short. What it throws is rethrown, and nothing is written. Returns the job as written.
  /// Fails: not_found.
  task<job> modify(std::string id, std::function<void(job&)> change);

  /// Removes the job. Returns false where there was none.
  task<bool> remove(std::string id);

  /// Returns at most `f.limit` (10,000 at most) jobs. Fails: not_found where `f.after` names no job.
  task<std::vector<job>> list(filter f = {});
  /// Returns every job that is not final, the oldest first: what a server goes on watching after its start.
  task<std::vector<job>> unfinished();

  /// Waits until the job's revision is above `seen_revision`, and returns it: at once where it is already. Sees every
  /// change made through this store, without polling; not those of other processes.
  /// Fails: not_found, also when the job is removed meanwhile. Cancellation: ends the wait at once.
  task<job> wait_changed(std::string id, std::int64_t seen_revision);

  /// Waits until the job is final, and returns it. As `wait_changed`.
  task<job> wait_finished(std::string id);

 private:
  struct state;
  explicit store(std::unique_ptr<state> s);
  std::unique_ptr<state> state_;
};

} // namespace weir::jobs
