#pragma once

#include <weir/studio/studio.hpp>

#include <chrono>
#include <set>
#include <string>

namespace weir::studio {

/// Follows jobs at their providers and writes what becomes of them into the table: one follower per job, however many
/// wait for it.
class watcher {
 public:
  explicit watcher(studio& in) : in_(in) {}

  /// Asks the provider once and writes the answer to the table. Returns the job; `suggested`, where given, gets the
  /// time after which the provider wants to be asked again. Fails: as the provider.
  task<jobs::job> refresh(jobs::job job, std::chrono::milliseconds* suggested = nullptr);

  /// Sees to it that `job` is followed until it ends.
  void follow(const jobs::job& job);

  /// Follows everything in the table that has not ended: what a server does after its start. Runs until cancelled, to
  /// find the jobs of other processes too.
  task<void> follow_all();

 private:
  task<void> follow_one(std::string id);
  task<void> follow_found();

  studio& in_;
  std::set<std::string> followed_;
};

/// Writes what `remote` says into `job`.
void note(jobs::job& job, const providers::video_job& remote);
void note(jobs::job& job, const providers::image_job& remote);

/// Returns `job` as the Video object of the tools' results.
json::object video_object(const jobs::job& job);

} // namespace weir::studio
