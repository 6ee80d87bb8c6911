#include "execute.hpp"

#include <weir/core/gather.hpp>
#include <weir/core/timeout.hpp>
#include <weir/studio/purchase.hpp>
#include <weir/studio/watch.hpp>

#include <cmath>
#include <cstdlib>

namespace weir::app {

namespace {

using namespace std::chrono_literals;

std::string command_of(const studio::tool& tool) {
  return tool.group.empty() ? tool.verb : tool.group + "." + tool.verb;
}

std::string quoted(const std::string& word) {
  const bool plain = !word.empty() && word.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                                             "0123456789_-./:=@%+,") == std::string::npos;
  if (plain) return word;
  std::string out = "'";
  for (const char c : word) {
    if (c == '\'')
      out += "'\\''";
    else
      out += c;
  }
  return out + "'";
}

std::string resume_line(const std::string& id, const output_choice& output, const wait_choice& waiting) {
  std::string line = "weir wait " + quoted(id);
  if (waiting.download) line += " --download";
  if (!output.path.empty()) line += " -o " + quoted(output.path);
  if (output.overwrite) line += " --overwrite";
  if (!waiting.variant.empty() && waiting.variant != "video") line += " --variant " + waiting.variant;
  return line + " --timeout " + waiting.timeout_text;
}

/// The result's names and the file, as a person's paths.
void add_file(envelope& answer, const cli_call& run, const studio::tool_outcome& outcome) {
  if (outcome.files.empty()) return;
  const auto& file = outcome.files.front();
  json::object entry{{"path", run.path_of(file)}, {"bytes", file.bytes}, {"sha256", file.sha256}};
  if (const auto* variant = json::find(outcome.result, "variant")) entry["variant"] = *variant;
  answer.result["file"] = std::move(entry);
}

task<studio::tool_outcome> run_tool(cli_call& run, const char* name, json::object arguments) {
  return studio::find_tool(name)->run(run, std::move(arguments));
}

/// Follows the job to its end, and says on the way how it is doing.
task<jobs::job> follow(studio::studio& in, jobs::job job, std::chrono::steady_clock::time_point begin) {
  in.watching().follow(job);
  jobs::store* table = co_await in.jobs();
  std::string last;
  auto last_time = begin;
  while (!jobs::is_final(job.status)) {
    bool silent = false;
    try {
      job = co_await with_timeout(5s, table->wait_changed(job.id, job.revision));
    } catch (const error& failure) {
      if (failure.code() != errc::timeout) throw;
      silent = true;
    }
    if (silent) {
      // Another process may have written it.
      if (auto now = co_await table->get(job.id)) job = *now;
      in.watching().follow(job);
    }
    const auto now = std::chrono::steady_clock::now();
    const std::string state = std::string(to_string(job.status)) + " " + std::to_string(job.progress) + "%";
    if (state == last && now - last_time < 30s) continue;
    if (job.status == jobs::job_status::in_progress && now - last_time < 1s) continue;
    last = state;
    last_time = now;
    tell(studio::handle_of(job) + " " + state +
         " t=" + std::to_string(std::chrono::duration_cast<std::chrono::seconds>(now - begin).count()) + "s");
  }
  co_return job;
}

/// What is known of the job goes into every answer about it.
void add_state(envelope& answer, const jobs::job& job) {
  answer.extras["id"] = studio::handle_of(job);
  answer.extras["status"] = std::string(to_string(job.status));
}

task<envelope> finish(studio::studio& in, std::string command, jobs::job job, output_choice output,
                      wait_choice waiting) {
  const auto begin = std::chrono::steady_clock::now();
  const std::string id = studio::handle_of(job);
  envelope answer;
  answer.command = command;
  bool late = false;
  try {
    job = co_await with_timeout(waiting.timeout, follow(in, job, begin));
  } catch (const error& failure) {
    if (failure.code() != errc::timeout) throw;
    late = true;
  }
  if (late) {
    answer = failed(command, "timeout", "'" + id + "' is not finished after " + waiting.timeout_text + "; it goes on",
                    exit_code::timeout);
    jobs::store* table = co_await in.jobs();
    if (const auto now = co_await table->get(job.id)) job = *now;
    answer.extras["id"] = id;
    answer.extras["last_status"] = std::string(to_string(job.status));
    answer.extras["last_progress"] = job.progress;
    answer.resume = resume_line(id, output, waiting);
    co_return answer;
  }
  if (job.status != jobs::job_status::completed) {
    answer = failed(command, "job_failed",
                    job.error_message.empty() ? "the job has ended as " + std::string(to_string(job.status))
                                              : job.error_message,
                    exit_code::job_failed);
    add_state(answer, job);
  } else {
    answer.result = job.kind == "video" ? studio::video_object(job) : job.result.get_object();
    if (waiting.download) {
      cli_call run(in, output);
      json::object arguments{{job.kind == "video" ? "video_id" : "response_id", id}};
      if (job.kind == "video" && !waiting.variant.empty()) arguments["variant"] = waiting.variant;
      try {
        const auto outcome =
            co_await run_tool(run, job.kind == "video" ? "download_video" : "download_image", std::move(arguments));
        for (const auto& member : outcome.result) answer.result[member.key()] = member.value();
        add_file(answer, run, outcome);
      } catch (const error& failure) {
        answer = failed(command, failure);
        add_state(answer, job);
        answer.resume = resume_line(id, output, waiting);
      }
    }
  }
  answer.elapsed_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  co_return answer;
}

} // namespace

task<envelope> execute(studio::studio& in, invocation what, output_choice output, wait_choice waiting) {
  const std::string command = command_of(*what.tool);
  const auto begin = std::chrono::steady_clock::now();
  envelope answer;
  try {
    cli_call run(in, output);
    if (waiting.wait && waiting.download)
      co_await run.check_output(what.tool->group == "image" ? studio::media_kind::image : studio::media_kind::video);
    auto outcome = co_await what.tool->run(run, what.arguments);
    const std::string id = json::string_or(outcome.result, "id");
    if (waiting.wait && !id.empty()) {
      tell(id + " submitted (" + json::string_or(outcome.result, "status", "unknown") + ")");
      const auto job = co_await studio::find_job(in, id);
      if (!job) throw error(errc::internal, "the job '" + id + "' is not in the table");
      answer = co_await finish(in, command, *job, output, waiting);
      answer.elapsed_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    } else {
      answer.command = command;
      answer.result = outcome.result;
      add_file(answer, run, outcome);
      if (what.tool->verb == "generate" || what.tool->verb == "edit")
        answer.elapsed_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    }
  } catch (const error& failure) {
    answer = failed(command, failure);
  } catch (const std::exception& failure) {
    answer = failed(command, "internal", failure.what(), exit_code::failed);
  }
  if (!what.label.empty()) answer.extras["input"] = what.label;
  if (!answer.ok) tell("error (" + answer.error_type + "): " + answer.error_message);
  co_return answer;
}

task<envelope> wait_for_job(studio::studio& in, std::string command, std::string id, output_choice output,
                            wait_choice waiting) {
  envelope answer;
  try {
    if (waiting.download) {
      cli_call run(in, output);
      co_await run.check_output(id.starts_with("resp") ? studio::media_kind::image : studio::media_kind::video);
    }
    auto job = co_await studio::find_job(in, id);
    if (!job) {
      cli_call run(in, {});
      const bool image = id.starts_with("resp");
      co_await run_tool(run, image ? "get_image_status" : "get_video_status",
                        {{image ? "response_id" : "video_id", id}});
      job = co_await studio::find_job(in, id);
      if (!job) throw error(errc::not_found, "there is no job '" + id + "'");
    }
    answer = co_await finish(in, command, *job, output, waiting);
  } catch (const error& failure) {
    answer = failed(command, failure);
    answer.extras["id"] = id;
  }
  if (!answer.ok) tell("error (" + answer.error_type + "): " + answer.error_message);
  co_return answer;
}

task<int> run_all(std::vector<task<envelope>> works, std::size_t limit, bool pretty) {
  std::vector<int> codes;
  const bool several = works.size() > 1;
  std::vector<task<void>> printing;
  for (auto& work : works)
    printing.push_back([](task<envelope> one, std::vector<int>& into, bool indent) -> task<void> {
      const envelope answer = co_await std::move(one);
      into.push_back(answer.code);
      print(answer, indent);
    }(std::move(work), codes, pretty && !several));
  co_await gather(std::move(printing), limit);
  co_return combined(codes);
}

std::chrono::milliseconds parse_duration(const std::string& text, const std::string& flag) {
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  const std::string unit = end;
  double seconds = -1;
  if (end != text.c_str() && std::isfinite(number)) {
    if (unit.empty() || unit == "s") seconds = number;
    if (unit == "m") seconds = number * 60;
    if (unit == "h") seconds = number * 3600;
  }
  constexpr double longest = 30.0 * 24 * 3600;
  if (!(seconds >= 0 && seconds <= longest))
    throw error(errc::invalid_argument, flag + ": '" + text + "' is no duration; examples: 90, 90s, 30m, 2h");
  return std::chrono::milliseconds(std::llround(seconds * 1000));
}

} // namespace weir::app
