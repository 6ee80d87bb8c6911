#include "studio/buying.hpp"

#include <weir/core/error.hpp>
#include <weir/core/sleep.hpp>
#include <weir/studio/purchase.hpp>
#include <weir/studio/watch.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <random>

namespace weir::studio {

using namespace std::chrono_literals;
using jobs::job_status;

namespace {

/// The waits between polls: 5 s growing to 20 s for a video, 2 s to 10 s for a picture, a tenth more or less.
struct schedule {
  std::chrono::milliseconds next, most;
  explicit schedule(const jobs::job& job)
      : next(job.kind == "video" ? 5'000 : 2'000), most(job.kind == "video" ? 20'000 : 10'000) {}

  std::chrono::milliseconds wait(std::chrono::milliseconds suggested) {
    static std::minstd_rand random{std::random_device{}()};
    if (suggested > 0ms) return std::clamp<std::chrono::milliseconds>(suggested, 50ms, most);
    const double jitter = std::uniform_real_distribution<>(0.9, 1.1)(random);
    const auto chosen = std::chrono::milliseconds(std::llround(static_cast<double>(next.count()) * jitter));
    next = std::min(most, next * 3 / 2);
    return chosen;
  }
};

job_status status_of(const std::string& word) {
  if (word == "completed") return job_status::completed;
  if (word == "in_progress") return job_status::in_progress;
  if (word == "cancelled" || word == "canceled") return job_status::cancelled;
  if (word == "failed" || word == "incomplete" || word == "expired") return job_status::failed;
  return job_status::queued;
}

bool worth_another_try(const error& failure) {
  return failure.code() == errc::unavailable || failure.code() == errc::timeout ||
         (failure.code() == errc::remote &&
          (failure.status() >= 500 || failure.status() == 429 || failure.status() == 408 || failure.status() == 409));
}

template <class T>
json::value or_null(const std::optional<T>& value) {
  return value ? json::value(*value) : json::value(nullptr);
}

} // namespace

void note(jobs::job& job, const providers::video_job& remote) {
  job.remote_id = remote.id;
  job.status = status_of(remote.status);
  job.progress = std::clamp(static_cast<int>(remote.progress), 0, 100);
  job.expires_at = remote.expires_at.value_or(0);
  job.error_code = remote.error_code.value_or("");
  job.error_message = remote.error_message.value_or("");
  json::object object{
      {"id", remote.id}, {"completed_at", or_null(remote.completed_at)}, {"created_at", remote.created_at}};
  if (remote.error_code || remote.error_message)
    object["error"] =
        json::object{{"code", remote.error_code.value_or("")}, {"message", remote.error_message.value_or("")}};
  else
    object["error"] = nullptr;
  object["expires_at"] = or_null(remote.expires_at);
  object["model"] = remote.model;
  object["object"] = "video";
  object["progress"] = std::clamp(static_cast<int>(remote.progress), 0, 100);
  object["prompt"] = remote.prompt.empty() ? json::value(nullptr) : json::value(remote.prompt);
  object["remixed_from_video_id"] = or_null(remote.remixed_from_video_id);
  object["seconds"] = remote.seconds;
  object["size"] = remote.size;
  object["status"] = remote.status;
  job.result = std::move(object);
}

void note(jobs::job& job, const providers::image_job& remote) {
  job.remote_id = remote.id;
  job.status = status_of(remote.status);
  job.progress = job.status == job_status::completed ? 100 : 0;
  job.error_code = remote.error_code.value_or("");
  job.error_message = remote.error_message.value_or("");
  job.result =
      json::object{{"id", remote.id},
                   {"status", remote.status},
                   {"created_at", remote.created_at},
                   {"has_image", remote.has_image},
                   {"error", remote.error_message ? json::value(*remote.error_message) : json::value(nullptr)}};
}

json::object video_object(const jobs::job& job) {
  return job.result.is_object() ? job.result.get_object() : json::object{{"id", handle_of(job)}};
}

task<jobs::job> watcher::refresh(jobs::job job, std::chrono::milliseconds* suggested) {
  providers::provider& maker = in_.provider(job.provider);
  jobs::store* table = co_await in_.jobs();
  const auto write = [&](const auto& remote) {
    if (suggested) *suggested = remote.poll_after;
    return table->modify(job.id, [remote](jobs::job& row) { note(row, remote); });
  };
  if (job.kind == "video") co_return co_await write(co_await maker.get_video(job.remote_id));
  co_return co_await write(co_await maker.get_image(job.remote_id));
}

void watcher::follow(const jobs::job& job) {
  if (jobs::is_final(job.status) || job.remote_id.empty() || !followed_.insert(job.id).second) return;
  in_.in_background("watching " + handle_of(job), follow_one(job.id));
}

task<void> watcher::follow_one(std::string id) {
  struct on_exit {
    std::set<std::string>& set;
    const std::string& id;
    ~on_exit() { set.erase(id); }
  } at_end{followed_, id};
  jobs::store* table = co_await in_.jobs();
  auto job = co_await table->get(id);
  if (!job) co_return;
  schedule polls(*job);
  while (!jobs::is_final(job->status)) {
    std::chrono::milliseconds suggested{0};
    std::optional<error> gone;
    try {
      job = co_await refresh(*job, &suggested);
    } catch (const error& failure) {
      if (!worth_another_try(failure)) gone = failure;
    }
    if (gone) {
      // Without a key, or with one that is refused, the job may still be there: it is left as it is for a later start.
      if (gone->code() != errc::not_found) co_return;
      co_await table->modify(id, [&gone](jobs::job& row) {
        row.status = job_status::failed;
        row.error_code = to_string(gone->code());
        row.error_message = gone->what();
      });
      co_return;
    }
    if (jobs::is_final(job->status)) co_return;
    co_await sleep_for(polls.wait(suggested));
  }
}

task<void> watcher::follow_found() {
  jobs::store* table = co_await in_.jobs();
  for (const jobs::job& job : co_await table->unfinished()) follow(co_await settled(in_, job));
}

task<void> watcher::follow_all() {
  std::string told;
  for (;;) {
    // A disk that is full, or a folder without rights, may be well later: said once, tried again.
    try {
      co_await follow_found();
      told.clear();
    } catch (const error& failure) {
      if (told != failure.what()) std::fprintf(stderr, "weir: the job table: %s\n", failure.what());
      told = failure.what();
    }
    co_await sleep_for(30s);
  }
}

} // namespace weir::studio
