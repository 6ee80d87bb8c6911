#include "studio/tools/download.hpp"
#include "studio/tools/support.hpp"
#include "studio/tools/tools.hpp"

#include <weir/core/error.hpp>
#include <weir/core/gather.hpp>
#include <weir/core/timeout.hpp>
#include <weir/studio/purchase.hpp>
#include <weir/studio/watch.hpp>

#include <algorithm>
#include <cmath>

namespace weir::studio::tools {

namespace {

/// Clients give up on a call after 60 s.
constexpr double longest_wait_seconds = 55;

struct wait_arguments {
  std::vector<std::string> ids;
  double timeout = 50;
  bool download = false;

  static const json::description<wait_arguments>& described() {
    static const json::description<wait_arguments> d("", [](auto& d) {
      d.field("ids", &wait_arguments::ids, "One or several job ids, of videos and pictures mixed")
          .required()
          .items(1, 100)
          .length(1, 200)
          .positional();
      d.field("timeout", &wait_arguments::timeout,
              "Seconds to wait at most; more than 55 counts as 55, since many clients give up after 60")
          .at_least(0);
      d.field("download", &wait_arguments::download, "Save what is done");
    });
    return d;
  }
};

struct waited_job {
  std::string id, kind, status;
  bool done = false, timed_out = false;
  std::optional<std::int64_t> progress;
  std::optional<std::string> error;
  std::optional<json::object> download;

  static const json::description<waited_job>& described() {
    static const json::description<waited_job> d("What became of one job.", [](auto& d) {
      d.field("id", &waited_job::id, "The job").required();
      d.field("kind", &waited_job::kind, "video, image or unknown");
      d.field("status", &waited_job::status, "What the job is now").required();
      d.field("done", &waited_job::done, "Whether it has ended: well or not").required();
      d.field("timed_out", &waited_job::timed_out, "Whether it goes on: wait for it again").required();
      d.field("progress", &waited_job::progress, "Percent, where it is known");
      d.field("error", &waited_job::error, "Why there is no result, or why it was not saved");
      d.field("download", &waited_job::download, "The saved file: filename, bytes, sha256");
    });
    return d;
  }
};

struct wait_result {
  std::vector<waited_job> jobs;
  bool all_done = false, timed_out = false;
  double timeout_s = 0;
  std::vector<std::string> pending;

  static const json::description<wait_result>& described() {
    static const json::description<wait_result> d("What became of the jobs, in the order of the ids.", [](auto& d) {
      d.field("jobs", &wait_result::jobs, "One entry for each id").required();
      d.field("all_done", &wait_result::all_done, "Whether every job has ended").required();
      d.field("timed_out", &wait_result::timed_out, "Whether some go on").required();
      d.field("timeout_s", &wait_result::timeout_s, "Seconds that were allowed").required();
      d.field("pending", &wait_result::pending, "The ids to wait for again").required();
    });
    return d;
  }
};

/// What the waits for the single ids share.
struct waiting {
  call& run;
  bool download;
  std::vector<waited_job>& entries;
  std::vector<produced_file> files = {};
};

/// Tells how far all of them are together: a job counts by its percentage, a settled one as whole.
void report(waiting& all, const waited_job& changed) {
  double done = 0;
  for (const auto& entry : all.entries)
    done += entry.done ? 1.0 : static_cast<double>(entry.progress.value_or(0)) / 100.0 * 0.99;
  all.run.progress(done, static_cast<double>(all.entries.size()), changed.id + ": " + changed.status);
}

/// A job's kind where the table does not know it: providers name videos "video_..." and responses "resp_...".
std::string kind_by_name(const std::string& id) { return id.starts_with("resp") ? "image" : "video"; }

task<jobs::job> known_job(studio& in, std::string id) {
  if (auto found = co_await find_job(in, id)) co_return *found;
  co_return co_await job_for(in, id, kind_by_name(id));
}

void describe(waited_job& entry, const jobs::job& job) {
  entry.kind = job.kind;
  entry.status = to_string(job.status);
  if (job.result.is_object()) entry.status = json::string_or(job.result.get_object(), "status", entry.status);
  entry.progress = job.progress;
  entry.done = jobs::is_final(job.status);
  if (!job.error_message.empty()) entry.error = job.error_message;
}

/// Follows the job to its end, and tells what becomes of it on the way.
task<jobs::job> follow(waiting& all, waited_job& entry, jobs::job job) {
  studio& in = all.run.in();
  jobs::store* table = co_await in.jobs();
  in.watching().follow(job);
  while (!jobs::is_final(job.status)) {
    job = co_await table->wait_changed(job.id, job.revision);
    describe(entry, job);
    report(all, entry);
  }
  co_return job;
}

task<void> wait_one(waiting& all, waited_job& entry, clock::time_point until) {
  studio& in = all.run.in();
  std::optional<jobs::job> job;
  try {
    job = co_await with_timeout(std::max(until - clock::now(), clock::duration::zero()) + std::chrono::milliseconds(1),
                                known_job(in, entry.id));
    describe(entry, *job);
    if (!entry.done) {
      job = co_await with_timeout(std::max(until - clock::now(), clock::duration::zero()), follow(all, entry, *job));
    }
  } catch (const error& failure) {
    if (failure.code() == errc::timeout) {
      entry.timed_out = true;
    } else {
      entry.done = true;
      entry.status = "error";
      entry.error = failure.what();
    }
  }
  if (entry.timed_out && job) {
    jobs::store* table = co_await in.jobs();
    if (const auto now = co_await table->get(job->id)) describe(entry, *now);
    entry.timed_out = !entry.done;
  }
  if (all.download && job && job->status == jobs::job_status::completed) {
    try {
      const produced_file file = job->kind == "video"
                                     ? co_await save_video(all.run, *job, std::nullopt, providers::video_variant::video)
                                     : co_await save_image(all.run, *job, std::nullopt);
      entry.download = json::object{{"filename", file.name}, {"bytes", file.bytes}, {"sha256", file.sha256}};
      all.files.push_back(file);
    } catch (const error& failure) {
      entry.error = failure.what();
    }
  }
  report(all, entry);
}

task<tool_outcome> wait_for(call& run, wait_arguments asked) {
  if (!std::isfinite(asked.timeout)) throw error(errc::invalid_argument, "timeout: must be a number of seconds");
  wait_result result;
  result.timeout_s = std::min(asked.timeout, longest_wait_seconds);
  for (const auto& id : asked.ids) {
    const bool seen =
        std::any_of(result.jobs.begin(), result.jobs.end(), [&](const auto& job) { return job.id == id; });
    if (seen) continue;
    waited_job& entry = result.jobs.emplace_back();
    entry.id = id;
    entry.kind = entry.status = "unknown";
  }
  const auto until = clock::now() + std::chrono::milliseconds(std::llround(result.timeout_s * 1000));
  waiting all{run, asked.download, result.jobs};
  std::vector<task<void>> waits;
  for (auto& entry : result.jobs) waits.push_back(wait_one(all, entry, until));
  co_await gather(std::move(waits));

  result.all_done = true;
  std::string text;
  for (const auto& job : result.jobs) {
    result.all_done = result.all_done && job.done;
    result.timed_out = result.timed_out || job.timed_out;
    if (!job.done) result.pending.push_back(job.id);
    text += job.id + ": " + job.status;
    if (job.download) text += ", saved as " + json::string_or(*job.download, "filename");
    if (job.error) text += ", " + *job.error;
    if (!job.done && job.progress) text += ", " + std::to_string(*job.progress) + " %; wait for it again";
    text += "\n";
  }
  if (!text.empty()) text.pop_back();
  co_return tool_outcome{wait_result::described().to_json(result), std::move(all.files), std::move(text)};
}

} // namespace

std::vector<tool> wait_tools() {
  return {make_tool<wait_arguments, wait_result>(
      {.name = "wait_for",
       .group = "",
       .verb = "wait",
       .title = "Wait for videos and pictures",
       .description =
           "Waits until jobs have ended, at most 55 seconds, and saves their results where `download` is true. "
           "Each job stands alone: what is done comes back with its file or its reason, the rest is named "
           "in `pending`, to be waited for again.",
       .hints = {.idempotent = true, .open_world = true}},
      wait_for)};
}

} // namespace weir::studio::tools
