#pragma once

#include "command_line.hpp"
#include "envelope.hpp"

#include <weir/core/run.hpp>
#include <weir/kitsu/client.hpp>

#include <functional>
#include <string>
#include <vector>

/// What the commands of `weir kitsu` share. Without --json they write a table, or a line on standard error, and nothing
/// else on standard output; with it, the envelope of the other commands.
namespace weir::app {

using kitsu_body = std::function<task<int>(kitsu::client& studio)>;
using kitsu_tuning = std::function<void(kitsu::client_options&)>;

/// A pager that is not read, or a busy machine, is no fault of the loop's: nobody is told.
inline run_options by_hand() { return {.blocked_limit = std::chrono::milliseconds(0)}; }

/// Runs `f`; an error is told as the command line speaks: an envelope with --json, else a line on standard error.
int guarded(const command_line& line, const std::function<int()>& f);

/// Opens the client of the configured login, runs `body`, and ends a login that was made for it alone.
int with_kitsu(const kitsu_body& body, const kitsu_tuning& tune = {});

/// Writes the envelope of success.
void print_result(const command_line& line, json::object result);

/// A subcommand of `weir kitsu` with its examples; `act` runs where it is chosen, within `guarded`.
CLI::App* add_kitsu_subcommand(CLI::App& group, command_line& line, const std::string& name, const std::string& title,
                               const std::string& examples, std::function<int()> act);

/// A member of a row, or nullptr. `name` may lead into objects: "data.frame_in".
const json::value* member_at(const json::object& row, std::string_view name);

/// The text of that member; numbers and booleans as text, null and what is missing as "".
std::string text_of(const json::object& row, std::string_view name);

/// `row` with these members alone; all where `fields` is empty.
json::object only_fields(const json::object& row, const std::vector<std::string>& fields);

/// "a,b" and repeated options as one list.
std::vector<std::string> split_list(const std::vector<std::string>& given);

/// Each adds its commands below `weir kitsu`.
void add_kitsu_login_commands(CLI::App& group, command_line& line);
void add_kitsu_list_commands(CLI::App& group, command_line& line);
void add_kitsu_shots_command(CLI::App& group, command_line& line);
void add_kitsu_tasks_command(CLI::App& group, command_line& line);
void add_kitsu_get_command(CLI::App& group, command_line& line);
void add_kitsu_pull_command(CLI::App& group, command_line& line);
void add_kitsu_push_command(CLI::App& group, command_line& line);

} // namespace weir::app
