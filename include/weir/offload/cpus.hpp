#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace weir {

/// Returns how many CPUs this process may keep busy: the smaller of its affinity mask and its cgroups' CPU quota (v1 or
/// v2, the tightest on the way to the root, rounded up), at least 1. The default number of process workers; with 1,
/// waiting by polling is off, since it would take the time from whom it waits for.
/// Cost: a system call and a few small files, about 100 us; both can change while the program runs, so it is not kept.
/// Thread-safety: any thread.
int available_cpus();

namespace detail {

/// Returns CPUs by "cpu.max" of cgroup v2 ("150000 100000" is 1.5); nothing for "max" and for what is no such file.
std::optional<double> parse_cpu_max(std::string_view text);

/// Returns CPUs by "cpu.cfs_quota_us" and "cpu.cfs_period_us" of cgroup v1; nothing for -1 and for what is no number.
std::optional<double> parse_cfs(std::string_view quota, std::string_view period);

/// Returns the tightest quota for the groups named in `proc_cgroup` (the text of /proc/self/cgroup) below the mount
/// point `root` (/sys/fs/cgroup). A group that is not there, as in a container that sees its own group as the root, is
/// looked for further up.
std::optional<double> cgroup_quota(const std::string& root, std::string_view proc_cgroup);

} // namespace detail
} // namespace weir
