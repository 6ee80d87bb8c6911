#pragma once

#include <weir/json/value.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// The durable table of everything that can outlive a call.
namespace weir::jobs {

/// How far a job is. A job goes forward through the first four and ends in one of the others.
enum class job_status {
  reserved,        ///< its destination is reserved; nothing has been sent
  submitting,      ///< about to be sent, or being sent: after a crash it may have been bought
  queued,          ///< the provider has it
  in_progress,     ///< the provider works on it
  completed,       ///< the result is there
  failed,          ///< the provider or Weir gave up; error_code and error_message say why
  cancelled,       ///< ended on request
  unknown_outcome, ///< nobody knows whether it was bought: a person, or a repeat under the same key, must find out
};

/// The stable lower-case name of `status`, for example "in_progress".
std::string_view to_string(job_status status) noexcept;
/// Returns the status called `name`. Fails: invalid_argument with the names there are.
job_status job_status_from(std::string_view name);
/// Whether a job with `status` goes no further by itself.
bool is_final(job_status status) noexcept;

/// One row. Times are Unix seconds; 0 means "not set".
struct job {
  std::string id;        ///< what the user, the MCP task and the dashboard call it; unique, never changes
  std::string kind;      ///< what it makes: "video", "image", ...
  std::string provider;  ///< who makes it: "openai", "slate", ...
  std::string operation; ///< "create", "remix", "generate", "edit", "image_job", ...
  job_status status = job_status::reserved;
  int progress = 0;            ///< percent, 0 to 100
  std::string remote_id;       ///< the provider's name for it; empty until it has answered
  json::value request;         ///< what was asked for
  json::value result;          ///< what came of it
  std::string error_code;      ///< for programs; empty unless it failed
  std::string error_message;   ///< for people
  std::string idempotency_key; ///< sent with the paid call; unique for each provider where not empty
  std::string folder;          ///< where the result goes: the folder below the media folder ("videos")
  std::string destination;     ///< and the name reserved there
  std::string recovered;       ///< where the result was kept when it could not be written to `destination`
  std::int64_t created_at = 0; ///< set by the store
  std::int64_t updated_at = 0; ///< set by the store at every change
  std::int64_t expires_at = 0; ///< when the provider forgets the result
  std::int64_t attempts = 0;   ///< how often it was sent
  std::int64_t revision = 0;   ///< set by the store: 1 at first, one more at every change
};

/// In which order `list` returns jobs, by the time of their insertion.
enum class job_order { newest_first, oldest_first };

/// Which jobs `list` returns; an empty field lets every job through.
struct filter {
  std::string kind;
  std::string provider;
  std::vector<job_status> statuses;
  std::string after; ///< the id of the last job of the page before
  std::size_t limit = 100;
  job_order order = job_order::newest_first;
};

} // namespace weir::jobs
