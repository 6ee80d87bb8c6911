#include "command_line.hpp"
#include "envelope.hpp"
#include "serve.hpp"
#include "version.hpp"

#include <weir/core/cancelled.hpp>
#include <weir/core/error.hpp>
#include <weir/core/run.hpp>

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <string_view>

namespace weir::app {

bool command_line::indent() const { return !compact && ::isatty(STDOUT_FILENO); }

namespace {

/// The words that were meant as a command, for the envelope of a mistake: "video.create".
std::string command_words(int argc, char** argv) {
  std::string words;
  int count = 0;
  for (int i = 1; i < argc && count < 2; ++i) {
    if (argv[i][0] == '-') continue;
    words += (words.empty() ? "" : ".") + std::string(argv[i]);
    ++count;
  }
  return words;
}

/// The options are not parsed where they hold a mistake.
bool asks_for_json(int argc, char** argv) {
  return std::any_of(argv, argv + argc, [](const char* word) { return std::string_view(word) == "--json"; });
}

void add_shared_flags(CLI::App& app, command_line& line) {
  app.add_option("--media-dir", line.chosen.media_dir, "Media folder (else WEIR_MEDIA_DIR, SANZARU_MEDIA_PATH)");
  app.add_option("--provider", line.chosen.provider, "slate (embedded) or openai (else WEIR_PROVIDER)");
  app.add_option(
      "--image-sandbox", line.chosen.image_sandbox,
      "Decode pictures in sandboxed processes: on (refuse to start without), off, auto (as far as the kernel "
      "grants; else WEIR_IMAGE_SANDBOX)");
  app.add_flag("--json", line.compact, "Answer on one line, also on a terminal");
  app.add_flag("-q,--quiet", line.quiet, "No progress on standard error");
  app.set_version_flag("--version", std::string("weir ") + version);
}

int run_command_line(int argc, char** argv) {
  CLI::App app("Weir makes, fetches and prepares images and videos, many at once: as an MCP server and by hand.",
               "weir");
  command_line line;
  app.require_subcommand(1);
  app.footer("Without a command, and with no terminal on its input, weir speaks MCP on stdio.\n"
             "Exit codes: 0 done, 1 failed, 2 usage, 3 configuration, 4 timeout, 5 job failed, 6 some failed, 130 "
             "interrupted.");
  add_shared_flags(app, line);
  add_serve_command(app, line);
  add_tool_commands(app, line);
  add_wait_commands(app, line);
  add_call_commands(app, line);
  add_doctor_command(app, line);
  add_setup_command(app, line);
  add_kitsu_command(app, line);
  add_completion_command(app, line);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::CallForAllHelp& help) {
    return app.exit(help);
  } catch (const CLI::CallForVersion& asked) {
    return app.exit(asked);
  } catch (const CLI::ParseError& mistake) {
    const std::string words = command_words(argc, argv);
    if (!words.starts_with("kitsu") || asks_for_json(argc, argv)) // whose answers are tables unless programs ask
      print(failed(words, "usage", std::string(mistake.what()) + " (see --help)", exit_code::usage), line.indent());
    tell(std::string("error (usage): ") + mistake.what() + "; see --help");
    return exit_code::usage;
  }
  set_quiet(line.quiet);
  try {
    return line.action();
  } catch (const error& failure) {
    const envelope answer = failed(line.command, failure);
    if (line.command != "serve") print(answer, line.indent());
    tell("error (" + answer.error_type + "): " + answer.error_message);
    return answer.code;
  }
}

int serve_stdio_bare() {
  try {
    run(serve(studio::load_config(), {}));
    return exit_code::ok;
  } catch (const error& failure) {
    std::fprintf(stderr, "weir: %s\n", failure.what());
    return classify(failure).code;
  }
}

} // namespace
} // namespace weir::app

int main(int argc, char** argv) {
  using namespace weir::app;
  // Output that nobody reads is an error where it is written, not the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN); // so is a file larger than allowed
  try {
    if (argc == 1 && !::isatty(STDIN_FILENO)) return serve_stdio_bare();
    if (argc == 1) {
      char help[] = "--help";
      char* words[] = {argv[0], help, nullptr};
      return run_command_line(2, words);
    }
    return run_command_line(argc, argv);
  } catch (const weir::cancelled&) {
    return exit_code::interrupted;
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "weir: %s\n", failure.what());
    return exit_code::failed;
  }
}
