#pragma once

#include <weir/kitsu/client.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::kitsu {

/// The steps of a publication, in order. What is done stays done: the server has no transaction around them.
enum class push_step {
  checked,       ///< the file, the task and the status are there; nothing has been changed
  commented,     ///< the comment is there; the task has its new status, and people have been told
  preview_added, ///< the comment has a preview, which waits for its file
  uploaded,      ///< the server has the file
  ready,         ///< the server has worked on it: the preview can be seen
};

/// The lower-case name of `step`.
std::string_view to_string(push_step step) noexcept;

struct push_options {
  std::string comment;                  ///< may be empty
  std::string status;                   ///< of the task from now on: name, short name or id; empty: as it is
  std::optional<std::int64_t> revision; ///< else the server takes the next one
  bool wait = true;                     ///< until the server has worked on the file
  std::chrono::milliseconds longest_wait{std::chrono::minutes(10)};
  progress on_progress;                   ///< of the upload
  std::function<void(push_step)> on_step; ///< at the end of each. Must not throw.
};

struct push_report {
  std::vector<push_step> done;
  std::string task_id, comment_id, preview_id;
  std::int64_t revision = 0;
  /// Of the record: "ready", or "processing" where nobody waits.
  std::string status;
  json::object preview; ///< the record

  bool has(push_step step) const noexcept;
};

/// Thrown where a publication ends half-way. The text says what is done, what is not, why, and what to do.
class push_error : public error {
 public:
  push_error(errc code, const std::string& text, push_report so_far) : error(code, text), so_far_(std::move(so_far)) {}
  /// What has been done, with the ids of what is there.
  const push_report& so_far() const noexcept { return so_far_; }

 private:
  push_report so_far_;
};

/// Refuses a file that the server would refuse, or drop the entry for which it is: one that is missing, empty, no
/// regular file, or has an extension that is not among preview_extensions(). Returns: its length.
/// Fails: weir::error(invalid_argument, not_found, permission_denied). Cost: blocking; a few system calls.
std::uint64_t check_preview_file(const upload_source& file);

/// Publishes a file as a preview of a task: comment, preview, upload. Everything that can be known is checked before
/// the first of them. Success is the record's status, not the server's answer to the upload, which accepts files that
/// it cannot read. Where that answer is lost, the record tells whether the file has arrived; nothing is sent twice.
/// Returns: what was done. Fails: weir::error and request_error as long as nothing has been changed, then push_error;
/// its code is timeout where the server has not finished after longest_wait, and corrupt where it cannot read the file.
/// Cancellation: at any point; what is done stays.
task<push_report> push_preview(client studio, upload_source file, std::string task_id, push_options options = {});

} // namespace weir::kitsu
