#include <weir/core/error.hpp>
#include <weir/jobs/job.hpp>

namespace weir::jobs {
namespace {

constexpr job_status every_status[] = {job_status::reserved,    job_status::submitting,     job_status::queued,
                                       job_status::in_progress, job_status::completed,      job_status::failed,
                                       job_status::cancelled,   job_status::unknown_outcome};

} // namespace

std::string_view to_string(job_status status) noexcept {
  switch (status) {
  case job_status::reserved:
    return "reserved";
  case job_status::submitting:
    return "submitting";
  case job_status::queued:
    return "queued";
  case job_status::in_progress:
    return "in_progress";
  case job_status::completed:
    return "completed";
  case job_status::failed:
    return "failed";
  case job_status::cancelled:
    return "cancelled";
  case job_status::unknown_outcome:
    return "unknown_outcome";
  }
  return "unknown_outcome";
}

job_status job_status_from(std::string_view name) {
  std::string names;
  for (const auto status : every_status) {
    if (to_string(status) == name) return status;
    names += (names.empty() ? "'" : ", '") + std::string(to_string(status)) + "'";
  }
  throw error(errc::invalid_argument, "no job status is called '" + std::string(name) + "'; there are " + names);
}

bool is_final(job_status status) noexcept {
  switch (status) {
  case job_status::reserved:
  case job_status::submitting:
  case job_status::queued:
  case job_status::in_progress:
    return false;
  default:
    return true;
  }
}

} // namespace weir::jobs
