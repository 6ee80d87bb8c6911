#pragma once

#include <weir/studio/config.hpp>

#include <CLI/CLI.hpp>

#include <functional>
#include <string>

namespace weir::app {

/// What all commands share: the flags that may stand before or behind any of them.
struct command_line {
  studio::choices chosen;
  bool quiet = false, verbose = false, pretty = false, compact = false;
  /// What the chosen command does; returns the exit code.
  std::function<int()> action;
  /// The chosen command's name in envelopes: "video.create".
  std::string command;

  /// Whether a single answer is indented: on a terminal, or where it was asked for.
  bool indent() const;
};

/// Each adds its commands below `app`.
void add_tool_commands(CLI::App& app, command_line& line);
void add_wait_commands(CLI::App& app, command_line& line);
void add_serve_command(CLI::App& app, command_line& line);
void add_call_commands(CLI::App& app, command_line& line);
void add_doctor_command(CLI::App& app, command_line& line);
void add_setup_command(CLI::App& app, command_line& line);
void add_kitsu_command(CLI::App& app, command_line& line);
void add_completion_command(CLI::App& app, command_line& line);

} // namespace weir::app
