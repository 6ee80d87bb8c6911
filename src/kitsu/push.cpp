#include <weir/core/gather.hpp>
#include <weir/core/sleep.hpp>
#include <weir/files/async.hpp>
#include <weir/json/suggest.hpp>
#include <weir/kitsu/find.hpp>
#include <weir/kitsu/preview_kind.hpp>
#include <weir/kitsu/push.hpp>
#include <weir/offload/threadpool.hpp>

#include <algorithm>

namespace weir::kitsu {
namespace {

using namespace std::chrono_literals;

std::string id_in(const json::value& answer, const char* what) {
  const json::object* row = answer.if_object();
  std::string id = row ? json::string_or(*row, "id") : "";
  if (!is_id(id)) throw error(errc::remote, std::string("the server's answer holds no id of the ") + what);
  return id;
}

/// One publication that is under way.
class pusher {
 public:
  pusher(client studio, upload_source file, push_options options)
      : studio_(std::move(studio)), file_(std::move(file)), options_(std::move(options)) {}

  task<push_report> run(std::string task_id) {
    report_.task_id = std::move(task_id);
    co_await check();
    co_await step(comment(), "the comment is perhaps there, and the preview is not",
                  "look at the task before you push again");
    co_await step(add_preview(), "the comment is there, and the preview is not",
                  "pushing again makes another comment; or add the file to this one in Kitsu");
    co_await step(upload(), "the comment is there with a preview that has no file",
                  "send the file once more with: weir kitsu push FILE --to pictures/preview-files/" +
                      report_.preview_id);
    co_await step(finish(), "the comment and the preview are there, but the preview cannot be seen",
                  "look at it later with: weir kitsu get data/preview-files/" + report_.preview_id);
    co_return std::move(report_);
  }

 private:
  void done(push_step what) {
    report_.done.push_back(what);
    if (options_.on_step) options_.on_step(what);
  }

  task<void> check() {
    if (!is_id(report_.task_id))
      throw error(errc::invalid_argument, "\"" + json::printable(report_.task_id) + "\" is no id of a task");
    co_await run_in_threadpool(thread_options{.limiter = &files::file_limiter()},
                               [this] { return check_preview_file(file_); });
    auto [found, statuses] = co_await gather(studio_.fetch_one("tasks", report_.task_id), fetch_statuses());
    if (!found) throw error(errc::not_found, "there is no task with the id " + report_.task_id);
    status_id_ = options_.status.empty() ? json::string_or(*found, "task_status_id")
                                         : json::string_or(pick(statuses, options_.status, "task status"), "id");
    done(push_step::checked);
  }

  task<json::array> fetch_statuses() {
    if (options_.status.empty()) co_return json::array{};
    co_return co_await studio_.fetch_all("task-status");
  }

  task<void> comment() {
    const json::value answer =
        co_await studio_.post(path("actions/tasks", report_.task_id, "comment"),
                              json::object{{"task_status_id", status_id_}, {"comment", options_.comment}});
    report_.comment_id = id_in(answer, "comment");
    done(push_step::commented);
  }

  task<void> add_preview() {
    json::object body;
    if (options_.revision) body["revision"] = *options_.revision;
    const json::value answer = co_await studio_.post(
        path("actions/tasks", report_.task_id, "comments", report_.comment_id, "add-preview"), std::move(body));
    report_.preview_id = id_in(answer, "preview");
    take(answer);
    done(push_step::preview_added);
  }

  task<void> upload() {
    std::optional<request_error> unclear;
    try {
      take(co_await studio_.upload(path("pictures/preview-files", report_.preview_id), file_,
                                   {.on_progress = options_.on_progress}));
    } catch (const request_error& problem) {
      // A server that works on the file inside of the request may finish after a proxy has given up.
      if (!problem.may_have_been_carried_out()) throw;
      unclear = problem;
    }
    if (unclear && !co_await has_arrived(*unclear)) throw *unclear;
    done(push_step::uploaded);
  }

  /// Whether the file is there although the answer to it is lost. Not after a refusal by the server itself, which would
  /// know.
  task<bool> has_arrived(const request_error& unclear) {
    const auto patience = unclear.why() == failure::gateway || unclear.why() == failure::timeout
                              ? std::min<std::chrono::milliseconds>(options_.longest_wait, 5min)
                          : unclear.why() == failure::broken_off ? std::chrono::milliseconds(10s)
                                                                 : std::chrono::milliseconds(0);
    const auto end = loop::current().now() + patience;
    for (;;) {
      co_await look();
      if (report_.status != "processing" || !json::string_or(report_.preview, "original_name").empty()) co_return true;
      if (loop::current().now() >= end) co_return false;
      co_await sleep_for(2s);
    }
  }

  task<void> finish() {
    const auto end = loop::current().now() + options_.longest_wait;
    for (auto pause = 500ms; report_.status == "processing" && options_.wait;
         pause = std::min<std::chrono::milliseconds>(pause * 2, 5s)) {
      if (loop::current().now() >= end) throw error(errc::timeout, "the server still works on it");
      co_await sleep_for(std::min<clock::duration>(pause, end - loop::current().now()));
      co_await look();
    }
    if (report_.status == "broken") throw error(errc::corrupt, "the server cannot read the file: it is broken");
    if (report_.status == "missing") throw error(errc::remote, "the server has lost the file");
    if (report_.status != "processing") done(push_step::ready);
  }

  task<void> look() {
    auto row = co_await studio_.fetch_one("preview-files", report_.preview_id);
    if (!row) throw error(errc::remote, "the server has dropped the preview: it does not take the file");
    take(json::value(std::move(*row)));
  }

  void take(const json::value& record) {
    const json::object* row = record.if_object();
    if (!row) return;
    report_.preview = *row;
    report_.status = json::string_or(*row, "status", report_.status);
    report_.revision = json::int_or(*row, "revision", report_.revision);
  }

  /// From here on something has been changed: a failure tells what.
  task<void> step(task<void> work, std::string state, std::string advice) {
    try {
      co_await std::move(work);
    } catch (const error& problem) {
      // Nothing was sent, or it was refused: no comment is there.
      const auto* answer = dynamic_cast<const request_error*>(&problem);
      if (!report_.has(push_step::commented) && !(answer && answer->may_have_been_carried_out())) throw;
      throw push_error(problem.code(), state + ": " + problem.what() + ". What to do: " + advice, report_);
    }
  }

  client studio_;
  upload_source file_;
  push_options options_;
  push_report report_;
  std::string status_id_;
};

} // namespace

std::string_view to_string(push_step step) noexcept {
  switch (step) {
  case push_step::checked:
    return "checked";
  case push_step::commented:
    return "commented";
  case push_step::preview_added:
    return "preview_added";
  case push_step::uploaded:
    return "uploaded";
  case push_step::ready:
    return "ready";
  }
  return "unknown";
}

bool push_report::has(push_step step) const noexcept { return std::find(done.begin(), done.end(), step) != done.end(); }

std::uint64_t check_preview_file(const upload_source& file) {
  const std::string extension = extension_of(file.file_name());
  if (!kind_of_extension(extension)) {
    std::string known;
    for (const std::string_view each : preview_extensions()) known.append(known.empty() ? "" : ", ").append(each);
    throw error(errc::invalid_argument,
                "\"" + json::printable(file.shown()) + "\" " +
                    (extension.empty() ? "has no extension" : "has an extension that Kitsu does not take") +
                    "; it takes " + known);
  }
  return file.open().info.size_bytes;
}

task<push_report> push_preview(client studio, upload_source file, std::string task_id, push_options options) {
  pusher work(std::move(studio), std::move(file), std::move(options));
  co_return co_await work.run(std::move(task_id));
}

} // namespace weir::kitsu
