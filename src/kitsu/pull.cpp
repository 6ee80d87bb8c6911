#include "kitsu/pull_journal.hpp"

#include <weir/core/error.hpp>
#include <weir/core/gather.hpp>
#include <weir/core/shield.hpp>
#include <weir/files/async.hpp>
#include <weir/kitsu/pull.hpp>
#include <weir/offload/threadpool.hpp>

#include <algorithm>
#include <stop_token>

namespace weir::kitsu {
namespace {

/// One pull that is under way.
class puller {
 public:
  puller(client studio, files::root to, const pull_options& options)
      : studio_(std::move(studio)), to_(std::move(to)), options_(options) {}

  task<pull_report> run(const pull_plan& plan) {
    pull_report report;
    report.others = plan.others;
    report.files.resize(plan.items.size());
    const auto whole = co_await look(plan.items);
    std::vector<std::size_t> wanted;
    for (std::size_t i = 0; i < plan.items.size(); ++i) {
      if (!whole[i]) {
        wanted.push_back(i);
        progress_.bytes_total += plan.items[i].record_bytes;
        continue;
      }
      report.files[i] = {.id = plan.items[i].id,
                         .name = plan.items[i].name,
                         .state = pull_state::skipped,
                         .bytes = whole[i]->bytes,
                         .sha256 = whole[i]->sha256};
      if (options_.on_file) options_.on_file(report.files[i]);
    }
    progress_.files_total = wanted.size();
    tell();
    std::vector<task<void>> works;
    for (const std::size_t i : wanted) works.push_back(one(plan.items[i], report.files[i]));
    co_await gather(std::move(works), options_.max_jobs);
    for (const pulled& each : report.files)
      if (each.state == pull_state::downloaded || each.state == pull_state::resumed)
        report.bytes_received += each.bytes - std::min(each.resumed_from, each.bytes);
    report.note = std::move(note_);
    co_return report;
  }

 private:
  task<std::vector<std::optional<pull_journal::entry>>> look(const std::vector<pull_item>& items) {
    co_return co_await run_in_threadpool(thread_options{.limiter = &files::file_limiter()},
                                         [this, &items](std::stop_token stop) {
                                           journal_ = pull_journal::open(to_);
                                           std::vector<std::optional<pull_journal::entry>> found;
                                           found.reserve(items.size());
                                           for (const pull_item& each : items) {
                                             if (stop.stop_requested())
                                               break; // the caller is cancelled, and reads no result
                                             found.push_back(whole_already(to_, journal_, each));
                                           }
                                           found.resize(items.size());
                                           return found;
                                         });
  }

  task<void> one(const pull_item& item, pulled& result) {
    result = {.id = item.id, .name = item.name, .problem = stopped_by_};
    if (stopped_by_.empty()) {
      std::uint64_t counted = 0, forecast = item.record_bytes;
      try {
        co_await download(item, result, counted, forecast);
      } catch (const error& problem) {
        result.problem = problem.what();
        stop_if_all_must_fail(problem);
      }
      // What was forecast and did not come does not stay in the sum.
      progress_.bytes_total += counted;
      progress_.bytes_total -= forecast;
    } else {
      progress_.bytes_total -= item.record_bytes;
    }
    ++progress_.files_done;
    tell();
    if (options_.on_file) options_.on_file(result);
  }

  task<void> download(const pull_item& item, pulled& result, std::uint64_t& counted, std::uint64_t& forecast) {
    download_options how;
    how.publish.on_conflict = files::on_conflict::replace;
    how.publish.mode = options_.mode;
    if (item.kind == preview_kind::file && item.record_bytes > 0) how.expected_bytes = item.record_bytes;
    how.on_progress = [this, &counted, &forecast](std::uint64_t done, std::uint64_t total) {
      move(counted, progress_.bytes_done, done);
      if (total > 0) move(forecast, progress_.bytes_total, total);
      tell();
    };
    const download_outcome got =
        co_await studio_.download(original_of(item.id, item.kind, item.extension), to_, item.name, std::move(how));
    move(counted, progress_.bytes_done, got.file.bytes);
    result.state = got.resumed_from > 0 ? pull_state::resumed : pull_state::downloaded;
    result.bytes = got.file.bytes;
    result.resumed_from = got.resumed_from;
    result.sha256 = got.file.sha256;
    co_await shield(note_down(item, got.file));
  }

  task<void> note_down(const pull_item& item, const files::published& file) {
    try {
      co_await run_in_threadpool(thread_options{.limiter = &files::file_limiter()},
                                 [&] { journal_.note(item, file.bytes, file.sha256); });
    } catch (const error& problem) {
      note_ = std::string("what was downloaded could not be noted down, and movies will be downloaded again: ") +
              problem.what();
    }
  }

  void stop_if_all_must_fail(const error& problem) {
    const auto* answer = dynamic_cast<const request_error*>(&problem);
    if (problem.code() == errc::no_space || (answer && answer->why() == failure::not_authenticated))
      stopped_by_ = std::string("not tried: ") + problem.what();
  }

  static void move(std::uint64_t& part, std::uint64_t& sum, std::uint64_t to) {
    sum += to;
    sum -= part;
    part = to;
  }

  void tell() const {
    if (options_.on_progress) options_.on_progress(progress_);
  }

  client studio_;
  files::root to_;
  const pull_options& options_;
  pull_journal journal_;
  pull_progress progress_;
  std::string stopped_by_, note_;
};

} // namespace

std::string_view to_string(pull_state state) noexcept {
  switch (state) {
  case pull_state::downloaded:
    return "downloaded";
  case pull_state::resumed:
    return "resumed";
  case pull_state::skipped:
    return "skipped";
  case pull_state::failed:
    return "failed";
  }
  return "unknown";
}

std::size_t pull_report::count(pull_state state) const noexcept {
  return static_cast<std::size_t>(
      std::count_if(files.begin(), files.end(), [state](const pulled& each) { return each.state == state; }));
}

task<pull_report> pull(client studio, pull_plan plan, files::root to, pull_options options) {
  if (options.max_jobs == 0) throw error(errc::invalid_argument, "max_jobs is 1 at least");
  puller work(std::move(studio), std::move(to), options);
  co_return co_await work.run(plan);
}

} // namespace weir::kitsu
