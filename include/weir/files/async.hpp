#pragma once

#include <weir/core/limiter.hpp>
#include <weir/core/task.hpp>
#include <weir/files/list.hpp>
#include <weir/files/publish.hpp>
#include <weir/files/root.hpp>

/// The common file work as tasks: done on pool threads, so the loop keeps answering however slow the disk is.
///
/// Fails (all): as the blocking functions of the same meaning. Thread-safety: the loop's thread. Cancellation: while
/// waiting for a turn, nothing is begun; while running, the work is left between two pieces of 1 MiB (or two entries),
/// and that is awaited. Cost: one hand-over to a thread and back, about 40 us.
namespace weir::files {

/// Returns the limiter of file work of the running loop: capacity twice the cores, from 4 to 16; changeable.
/// It is apart from the loop's limiter for other thread jobs, so that long computations never keep a file waiting, nor
/// files them.
limiter& file_limiter();

/// Returns the whole file. See root::read_all.
task<std::string> read_file(root in, std::string name, std::uint64_t max_bytes);

/// Publishes `bytes` (reserved on the disk first) under `name`. See publication. Cancelled: the file is there whole, or
/// there is no trace of it.
task<published> write_file(root in, std::string name, std::string bytes, publish_options options = {});

/// Lists a folder. See list.
task<std::vector<entry>> list_files(root in, list_options options = {});

/// Says what `name` is. See root::stat.
task<file_info> stat_file(root in, std::string name);

/// Removes a regular file. See root::remove.
task<void> remove_file(root in, std::string name);

} // namespace weir::files
