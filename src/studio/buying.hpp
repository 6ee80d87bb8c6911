#pragma once

#include <weir/core/unique_fd.hpp>
#include <weir/files/root.hpp>
#include <weir/studio/studio.hpp>

#include <string>

namespace weir::studio {

/// Tells all processes that this one is sending a purchase: a locked file ".weir/buying/<job id>" in the media folder.
/// The kernel takes the lock away when the process ends, however it ends; so a job that is being sent by nobody is
/// known at once. Everything here blocks.
class buying {
 public:
  /// Fails: as opening a file; errc::internal where the job is being sent already.
  buying(const files::root& media, std::string job_id);
  buying(const buying&) = delete;
  buying& operator=(const buying&) = delete;
  /// Removes the file: the job's outcome must be in the table.
  ~buying();

  /// Whether no living process is sending the job.
  static bool is_given_up(const files::root& media, const std::string& job_id);

 private:
  files::root folder_;
  std::string name_;
  unique_fd lock_;
};

/// Returns `job`; one that was being sent by a program that is gone ends as unknown_outcome first, in the table too.
task<jobs::job> settled(studio& in, jobs::job job);

} // namespace weir::studio
