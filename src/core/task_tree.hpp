#pragma once

#include <weir/core/task_tree.hpp>

#include <source_location>
#include <string>

namespace weir::detail {

/// Prints `why` and the tree of tasks to stderr, and aborts.
[[noreturn]] void die_with_tree(loop& owner, const char* why) noexcept;

/// Whether a task of `owner` waits for what may never come on purpose (wait_kind::by_design).
bool waits_by_design(loop& owner) noexcept;

/// "what follows the co_await in load() at file.cpp:12"; without a place, what else a loop runs.
std::string describe(const std::source_location& place);

} // namespace weir::detail
