#pragma once

#include <weir/core/loop.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace weir {

/// A place in a coroutine: the `co_await` that it has reached.
struct task_frame {
  std::string function;
  std::string file; ///< as the compiler was given it
  unsigned line = 0;
};

/// One task of a loop and the tasks that it has started: what `kill -USR1` prints.
struct task_info {
  std::string name;              ///< the name that it was spawned with; else its outermost function
  std::string state;             ///< "waits for a sleep", "waits for limiter 'downloads'", "ready to run", "runs" ...
  clock::duration since{};       ///< how long it has been in this state
  bool cancelled = false;        ///< it was asked to stop
  std::vector<task_frame> stack; ///< innermost first: where it waits, and who awaits whom
  std::vector<task_info> children;
};

/// Returns the tasks of `owner` that exist now. Thread-safety: the loop's own thread.
/// Cost: walks all of them; strings are built for each.
std::vector<task_info> task_tree(loop& owner);

/// Returns the tree as indented text, one line per task and one per frame, and at most `max_tasks` tasks (the rest is
/// counted).
std::string to_string(const std::vector<task_info>& tree, std::size_t max_tasks = 1000);

/// Returns the tree and the further paragraphs of the loop's reports (pools, limiters): the text that SIGUSR1 prints.
std::string report(loop& owner);

} // namespace weir
