#include <weir/offload/cpus.hpp>

#include <sched.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <iterator>
#include <thread>
#include <vector>

namespace weir {

namespace detail {

namespace {

std::optional<long long> number(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  long long value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> ratio(std::optional<long long> quota, std::optional<long long> period) {
  if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void tighten(std::optional<double>& known, std::optional<double> other) {
  if (other && (!known || *other < *known)) known = other;
}

// The controllers of a v1 line are a comma-separated list, which is also the usual name of the folder.
bool has_cpu(std::string_view controllers) {
  while (!controllers.empty()) {
    const auto comma = controllers.find(',');
    if (controllers.substr(0, comma) == "cpu") return true;
    if (comma == std::string_view::npos) return false;
    controllers.remove_prefix(comma + 1);
  }
  return false;
}

} // namespace

std::optional<double> parse_cpu_max(std::string_view text) {
  const auto space = text.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  return ratio(number(text.substr(0, space)), number(text.substr(space + 1)));
}

std::optional<double> parse_cfs(std::string_view quota, std::string_view period) {
  return ratio(number(quota), number(period));
}

std::optional<double> cgroup_quota(const std::string& root, std::string_view proc_cgroup) {
  std::optional<double> tightest;
  while (!proc_cgroup.empty()) {
    const auto end = proc_cgroup.find('\n');
    const std::string_view line = proc_cgroup.substr(0, end);
    proc_cgroup = end == std::string_view::npos ? std::string_view() : proc_cgroup.substr(end + 1);
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) continue;
    const std::string controllers(line.substr(first + 1, second - first - 1));
    const bool v2 = controllers.empty();
    if (!v2 && !has_cpu(controllers)) continue;
    // systemd mounts v2 beside v1 as "unified"; v1 has a folder per controller or per set of them.
    const std::vector<std::string> mounts =
        v2 ? std::vector<std::string>{root, root + "/unified"}
           : std::vector<std::string>{root + "/cpu", root + "/" + controllers, root + "/cpu,cpuacct"};
    std::string group(line.substr(second + 1));
    if (group.find("..") != std::string::npos) group = "/"; // outside what this namespace shows
    for (const auto& mount : mounts) {
      for (std::string at = group;; at.erase(at.rfind('/'))) {
        while (!at.empty() && at.back() == '/') at.pop_back();
        const std::string folder = mount + at + "/";
        tighten(tightest,
                v2 ? parse_cpu_max(contents(folder + "cpu.max"))
                   : parse_cfs(contents(folder + "cpu.cfs_quota_us"), contents(folder + "cpu.cfs_period_us")));
        if (at.empty()) break;
      }
    }
  }
  return tightest;
}

} // namespace detail

int available_cpus() {
  int count = static_cast<int>(std::thread::hardware_concurrency());
  // Room for 8192 CPUs; the kernel refuses a mask that is too short for the machine.
  std::vector<unsigned long> mask(8192 / (8 * sizeof(unsigned long)));
  auto* const set = reinterpret_cast<cpu_set_t*>(mask.data());
  const std::size_t bytes = mask.size() * sizeof(unsigned long);
  if (::sched_getaffinity(0, bytes, set) == 0) count = CPU_COUNT_S(bytes, set);
  if (const auto quota = detail::cgroup_quota("/sys/fs/cgroup", detail::contents("/proc/self/cgroup")))
    count = static_cast<int>(std::min<double>(count, std::ceil(*quota)));
  return std::max(1, count);
}

} // namespace weir
