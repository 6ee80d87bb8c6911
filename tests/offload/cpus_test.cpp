#include "offload/in_child.hpp"

#include <weir/offload/cpus.hpp>

#include <sched.h>

#include <filesystem>
#include <fstream>

using namespace weir;
using namespace weir::detail;

namespace {

TEST(cpus, quotas_are_read) {
  EXPECT_EQ(parse_cpu_max("150000 100000\n"), 1.5);
  EXPECT_EQ(parse_cpu_max("max 100000\n"), std::nullopt);
  for (const char* bad : {"", "max", "1", "a b", "0 100000", "-5 10", "100000 0", "1 2 3", "99999999999999999999 1"})
    EXPECT_EQ(parse_cpu_max(bad), std::nullopt) << bad;
  EXPECT_EQ(parse_cfs("50000\n", "100000\n"), 0.5);
  EXPECT_EQ(parse_cfs("-1\n", "100000\n"), std::nullopt);
  EXPECT_EQ(parse_cfs("50000", ""), std::nullopt);
}

struct cgroup_files : testing::Test {
  cgroup_files() {
    if (!::mkdtemp(path)) throw std::runtime_error("mkdtemp");
  }
  ~cgroup_files() override { std::filesystem::remove_all(path); }
  void put(const std::string& name, const std::string& text) {
    const auto file = std::filesystem::path(path) / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  char path[24] = "/tmp/weir-cgroup-XXXXXX";
};

TEST_F(cgroup_files, the_tightest_group_on_the_way_up_counts) {
  put("a/cpu.max", "250000 100000\n");
  put("a/b/cpu.max", "max 100000\n");
  EXPECT_EQ(cgroup_quota(path, "0::/a/b\n"), 2.5);
  put("a/b/cpu.max", "50000 100000\n");
  EXPECT_EQ(cgroup_quota(path, "0::/a/b\n"), 0.5);
  EXPECT_EQ(cgroup_quota(path, "0::/a\n"), 2.5);
  EXPECT_EQ(cgroup_quota(path, "0::/\n"), std::nullopt);
  put("cpu.max", "300000 100000\n");
  EXPECT_EQ(cgroup_quota(path, "0::/container/elsewhere\n"), 3.0) << "the container's own group is the root";
  EXPECT_EQ(cgroup_quota(path, "0::/../outside\n"), 3.0);
}

TEST_F(cgroup_files, version_one_is_found_by_its_controller) {
  put("cpu,cpuacct/g/cpu.cfs_quota_us", "150000\n");
  put("cpu,cpuacct/g/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cgroup_quota(path, "5:memory:/m\n4:cpu,cpuacct:/g\n0::/\n"), 1.5);
  EXPECT_EQ(cgroup_quota(path, "4:cpuset:/g\n"), std::nullopt);
  put("cpu/cpu.cfs_quota_us", "100000\n");
  put("cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cgroup_quota(path, "1:cpu:/\n"), 1.0);
  EXPECT_EQ(cgroup_quota(path, "nonsense\n\n:\n::\n"), std::nullopt);
}

TEST(cpus, affinity_counts) {
  EXPECT_GE(available_cpus(), 1);
  const auto end = forked::in_child([] {
    cpu_set_t all, one;
    ::sched_getaffinity(0, sizeof all, &all);
    CPU_ZERO(&one);
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
      if (CPU_ISSET(cpu, &all)) {
        CPU_SET(cpu, &one);
        break;
      }
    ::sched_setaffinity(0, sizeof one, &one);
    forked::say(std::to_string(available_cpus()));
  });
  EXPECT_EQ(end.said, "1") << end;
}

} // namespace
