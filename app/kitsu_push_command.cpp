#include "display_text.hpp"
#include "execute.hpp"
#include "kitsu.hpp"
#include "progress_line.hpp"

#include <weir/kitsu/push.hpp>

#include <memory>

namespace weir::app {

namespace {

struct asked {
  std::string file, task, to, comment, status, wait_text = "10m";
  std::int64_t revision = 0;
};

std::string sentence(kitsu::push_step step) {
  switch (step) {
  case kitsu::push_step::checked:
    return "file, task and status are all right";
  case kitsu::push_step::commented:
    return "the comment is there";
  case kitsu::push_step::preview_added:
    return "the preview is there, and waits for its file";
  case kitsu::push_step::uploaded:
    return "the file has arrived";
  case kitsu::push_step::ready:
    return "the preview is ready";
  }
  return {};
}

json::object object_of(const kitsu::push_report& report) {
  json::array done;
  for (const kitsu::push_step each : report.done) done.emplace_back(to_string(each));
  return {{"task_id", report.task_id},   {"comment_id", report.comment_id}, {"preview_id", report.preview_id},
          {"revision", report.revision}, {"status", report.status},         {"done", std::move(done)}};
}

kitsu::progress shown_on(progress_line& progress) {
  return [&progress](std::uint64_t done, std::uint64_t total) { progress.show("upload", done, total); };
}

task<int> push_to_task(const command_line& line, const asked& given, kitsu::client studio) {
  progress_line progress(!line.quiet);
  kitsu::push_options options;
  options.comment = given.comment;
  options.status = given.status;
  if (given.revision > 0) options.revision = given.revision;
  options.longest_wait = parse_duration(given.wait_text, "--wait");
  options.wait = options.longest_wait.count() > 0;
  options.on_progress = shown_on(progress);
  options.on_step = [&progress](kitsu::push_step step) {
    progress.clear();
    tell(sentence(step));
  };
  envelope answer;
  try {
    const auto report = co_await kitsu::push_preview(studio, given.file, given.task, options);
    answer.command = line.command;
    answer.result = object_of(report);
    tell(given.file + " is revision " + std::to_string(report.revision) + " of the task" +
         (report.status == "processing" ? "; the server still works on it" : "") + ": preview " + report.preview_id);
  } catch (const kitsu::push_error& half) {
    answer = failed(line.command, half);
    answer.extras = object_of(half.so_far());
    progress.clear();
    if (!line.compact) throw;
    tell("error (" + answer.error_type + "): " + answer.error_message);
  }
  if (line.compact) print(answer, false);
  co_return answer.code;
}

task<int> push_to_path(const command_line& line, const asked& given, kitsu::client studio) {
  progress_line progress(!line.quiet);
  const json::value answer = co_await studio.upload(given.to, given.file, {.on_progress = shown_on(progress)});
  progress.clear();
  const json::object* record = answer.if_object();
  const std::string status = record ? text_of(*record, "status") : "";
  if (status == "broken")
    throw error(errc::corrupt, "the server has the file and cannot read it: its record says \"broken\"");
  tell(given.file + " is uploaded" + (status.empty() ? "" : " (" + harmless(status) + ")"));
  if (line.compact) print_result(line, {{"answer", answer}});
  co_return exit_code::ok;
}

int push_as(const command_line& line, const asked& given) {
  if (given.task.empty() == given.to.empty())
    throw error(errc::invalid_argument,
                "choose where the file goes: --task ID (a preview with a comment), or --to PATH");
  // Before anybody is asked.
  if (given.to.empty())
    kitsu::check_preview_file(given.file);
  else
    kitsu::upload_source(given.file).open();
  return with_kitsu([&](kitsu::client& studio) {
    return given.to.empty() ? push_to_task(line, given, studio) : push_to_path(line, given, studio);
  });
}

} // namespace

void add_kitsu_push_command(CLI::App& group, command_line& line) {
  auto given = std::make_shared<asked>();
  auto* command = add_kitsu_subcommand(
      group, line, "push", "Publish a file as a preview of a task, or upload it to a route",
      "  weir kitsu push sh010_anim_v003.mp4 --task ID --comment 'Timing of the jump' --status wfa\n"
      "  weir kitsu push board.png --task ID --wait 0\n"
      "  weir kitsu push poster.png --to pictures/thumbnails/projects/ID\n"
      "A publication is a comment, a preview and an upload; where one fails, what is done is told.",
      [given, &line] { return push_as(line, *given); });
  command->add_option("file", given->file, "The file")->required();
  auto* task = command->add_option("--task", given->task, "Id of the task to publish to");
  auto* to = command->add_option("--to", given->to, "Route to upload to instead");
  task->excludes(to);
  command->add_option("--comment", given->comment, "Text of the comment");
  command->add_option("--status", given->status, "Status of the task from now on: name, short name or id");
  command->add_option("--revision", given->revision, "Revision (else the next one)")->check(CLI::Range(1, 999'999));
  command->add_option("--wait", given->wait_text, "Longest wait for the server to work on it; 0: none")
      ->capture_default_str();
}

} // namespace weir::app
