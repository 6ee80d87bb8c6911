#pragma once

#include <weir/core/task_tree.hpp>
#include <weir/observe/counters.hpp>

#include <string>
#include <vector>

namespace weir::observe {

/// Returns what `kill -USR1` prints: the tree of tasks, the loop's counters, what add_report and watch_limiter have
/// added, and the threads of the pool. For dashboards, and for programs whose loop handles no signals.
/// Thread-safety: the loop's own thread. Cost: walks all tasks.
std::string report(loop& owner = loop::current());

/// Returns the tasks of the loop that is running, as values. As weir::task_tree.
std::vector<task_info> task_tree(loop& owner = loop::current());

} // namespace weir::observe
