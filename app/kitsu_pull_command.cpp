#include "display_text.hpp"
#include "kitsu.hpp"
#include "progress_line.hpp"

#include <weir/core/cancelled.hpp>
#include <weir/kitsu/find.hpp>
#include <weir/kitsu/pull.hpp>
#include <weir/offload/threadpool.hpp>

#include <sys/stat.h>

#include <memory>

namespace weir::app {

namespace {

struct asked {
  kitsu::pull_selection what;
  std::string project, only, to = ".";
  std::size_t jobs = 4;
  unsigned mode = 0600;
};

std::string line_of(const kitsu::pulled& file) {
  std::string text = std::string(to_string(file.state)) + " " + file.name;
  if (file.state == kitsu::pull_state::failed) return text + ": " + harmless(file.problem);
  text += " (" + bytes_text(static_cast<double>(file.bytes));
  if (file.resumed_from > 0) text += ", " + bytes_text(static_cast<double>(file.resumed_from)) + " were there";
  return text + ")";
}

json::object object_of(const kitsu::pull_report& report) {
  json::array files, others;
  for (const kitsu::pulled& each : report.files) {
    json::object file{{"id", each.id}, {"name", each.name}, {"state", to_string(each.state)}, {"bytes", each.bytes}};
    if (!each.sha256.empty()) file["sha256"] = each.sha256;
    if (each.resumed_from > 0) file["resumed_from"] = each.resumed_from;
    if (!each.problem.empty()) file["problem"] = each.problem;
    files.push_back(std::move(file));
  }
  for (const kitsu::left_out_item& each : report.others)
    others.push_back({{"id", each.id}, {"name", each.name}, {"why", to_string(each.why)}, {"message", each.message}});
  return {{"files", std::move(files)},
          {"left_out", std::move(others)},
          {"downloaded", report.count(kitsu::pull_state::downloaded)},
          {"resumed", report.count(kitsu::pull_state::resumed)},
          {"skipped", report.count(kitsu::pull_state::skipped)},
          {"failed", report.count(kitsu::pull_state::failed)},
          {"bytes_received", report.bytes_received}};
}

/// What has come until now, for the one who ends it.
struct so_far {
  std::size_t files = 0, all = 0;
};

class puller {
 public:
  puller(const command_line& line, const asked& given, kitsu::client studio)
      : line_(line), given_(given), studio_(std::move(studio)), progress_(!line.quiet) {}

  task<int> run() {
    kitsu::pull_selection what = given_.what;
    if (!given_.project.empty())
      what.project_id = text_of(co_await kitsu::find_project(studio_, given_.project, true), "id");
    // Asked for by its id: that it is not there is a failure.
    must_all_be_there_ = !what.preview_ids.empty();
    auto to = co_await run_in_threadpool([this] {
      return files::root::open_or_create(given_.to, {.folder_mode = 0777}); // less the umask
    });
    auto plan = co_await kitsu::plan_pull(studio_, std::move(what));
    so_far_.all = plan.items.size();
    try {
      report(co_await kitsu::pull(studio_, std::move(plan), std::move(to),
                                  {.max_jobs = given_.jobs,
                                   .mode = given_.mode,
                                   .on_progress = [this](const kitsu::pull_progress& now) { show(now); },
                                   .on_file = [this](const kitsu::pulled& file) { tell_of(file); }}));
    } catch (const cancelled&) {
      progress_.clear();
      tell("interrupted: " + std::to_string(so_far_.files) + " of " + std::to_string(so_far_.all) +
           " files are there; the same command goes on where it was");
      throw;
    }
    co_return code_;
  }

 private:
  void show(const kitsu::pull_progress& now) {
    progress_.show(std::to_string(now.files_done) + "/" + std::to_string(now.files_total) + " files", now.bytes_done,
                   now.bytes_total);
  }

  void tell_of(const kitsu::pulled& file) {
    const bool failed = file.state == kitsu::pull_state::failed;
    if (!failed) ++so_far_.files;
    if (!failed && (file.state == kitsu::pull_state::skipped || progress_.active())) return;
    progress_.clear();
    tell(line_of(file));
  }

  void report(const kitsu::pull_report& done) {
    progress_.clear();
    for (const kitsu::left_out_item& each : done.others)
      tell(std::string(to_string(each.why)) + " " + (each.name.empty() ? "" : each.name + " ") + each.id + ": " +
           each.message);
    if (!done.note.empty()) tell("warning: " + done.note);
    std::string summary;
    for (const auto state : {kitsu::pull_state::downloaded, kitsu::pull_state::skipped, kitsu::pull_state::resumed,
                             kitsu::pull_state::failed})
      summary += std::to_string(done.count(state)) + " " + std::string(to_string(state)) + ", ";
    if (!done.others.empty()) summary += std::to_string(done.others.size()) + " left out, ";
    tell(summary + bytes_text(static_cast<double>(done.bytes_received)) + " received, in " + given_.to);
    const bool good = done.complete() && !(must_all_be_there_ && !done.others.empty());
    code_ = good ? exit_code::ok : exit_code::failed;
    if (!line_.compact) return;
    json::object result = object_of(done);
    result["folder"] = given_.to;
    if (good) {
      print_result(line_, std::move(result));
    } else {
      envelope answer = failed(line_.command, "incomplete",
                               std::to_string(done.count(kitsu::pull_state::failed)) + " failed, " +
                                   std::to_string(done.others.size()) + " left out; the members beside say which",
                               code_);
      answer.extras = std::move(result);
      print(answer, false);
    }
  }

  const command_line& line_;
  const asked& given_;
  kitsu::client studio_;
  progress_line progress_;
  so_far so_far_;
  bool must_all_be_there_ = false;
  int code_ = exit_code::ok;
};

task<int> pull(const command_line& line, const asked& given, kitsu::client studio) {
  puller work(line, given, std::move(studio));
  co_return co_await work.run();
}

int pull_as(const command_line& line, asked& given) {
  given.what.preview_ids = split_list(given.what.preview_ids);
  const int chosen = !given.project.empty() + !given.what.entity_id.empty() + !given.what.task_id.empty() +
                     !given.what.preview_ids.empty();
  if (chosen != 1)
    throw error(errc::invalid_argument, "choose what to pull: one of --project P, --shot ID, --task ID, --preview ID");
  if (given.only == "pictures") given.what.only = kitsu::preview_kind::picture;
  if (given.only == "movies") given.what.only = kitsu::preview_kind::movie;
  if (given.only == "files") given.what.only = kitsu::preview_kind::file;
  const mode_t mask = ::umask(0); // no other thread is there yet
  ::umask(mask);
  given.mode = 0666 & ~mask;
  return with_kitsu([&](kitsu::client& studio) { return pull(line, given, studio); },
                    [&](kitsu::client_options& options) { options.max_transfers = given.jobs; });
}

} // namespace

void add_kitsu_pull_command(CLI::App& group, command_line& line) {
  auto given = std::make_shared<asked>();
  auto* command = add_kitsu_subcommand(
      group, line, "pull", "Download previews, as many as there are, as often as it takes",
      "  weir kitsu pull --project Aurora --latest --to previews\n"
      "  weir kitsu pull --shot 0f3c8d1e-5b1a-4c53-9d0e-2f6a7b8c9d0e --only movies\n"
      "  weir kitsu pull --preview ID --preview ID --to . --json\n"
      "What is whole is skipped, and what broke off is resumed: run the same command again. Exit code 1: some failed.",
      [given, &line] { return pull_as(line, *given); });
  command->add_option("--project", given->project, "All of a project: name or id");
  command->add_option("--shot", given->what.entity_id, "All of a shot or another entity: id");
  command->add_option("--task", given->what.task_id, "All of a task: id");
  command->add_option("--preview", given->what.preview_ids, "Previews: ids; may be repeated")->allow_extra_args(false);
  command->add_option("--to", given->to, "Folder; made where it is missing")->capture_default_str();
  command->add_option("--only", given->only, "pictures, movies or files")
      ->check(CLI::IsMember({"pictures", "movies", "files"}));
  command->add_flag("--latest", given->what.latest, "Of each task only the highest revision");
  command->add_option("--jobs", given->jobs, "Downloads at once")->check(CLI::Range(1, 32))->capture_default_str();
}

} // namespace weir::app
