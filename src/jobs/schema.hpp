#pragma once

#include "jobs/connection.hpp"

#include <span>

namespace weir::jobs::detail {

/// What the errors call the table.
inline constexpr const char* table_name = "the job table (.weir/jobs.sqlite in the media folder)";
inline constexpr const char* file_name = "jobs.sqlite";

/// The steps that build the table: step N leads from version N to version N + 1. A published step never changes.
std::span<const char* const> schema_steps() noexcept;

/// Opens the table in the folder `folder_fd`, creating the file (mode 0600) where it is missing, and brings it to the
/// newest version. Several processes may do so at once.
/// Fails: corrupt for a file that is no SQLite database or belongs to another program, unsupported for a version that
/// only a newer Weir knows, invalid_argument for a link or anything but a file under that name; the file is then as it
/// was. Cost: blocking; a few file operations.
connection open_table(int folder_fd, std::span<const char* const> steps = schema_steps());

} // namespace weir::jobs::detail
