#include "offload/in_child.hpp"

#include <weir/offload/detail/resident.hpp>

#include <cstring>

using namespace weir;
using namespace weir::detail;

namespace {

TEST(resident, private_memory_and_shared_memory_are_told_apart) {
  const resident_watch watch(::getpid());
  const auto before = watch.read();
  ASSERT_TRUE(before);
  EXPECT_EQ(resident_bytes(::getpid()).value() >> 24, before->total_bytes >> 24);
  constexpr std::size_t size = 64 << 20;
  const auto touched = [](int flags) {
    void* at = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
    std::memset(at, 1, size);
    return at;
  };
  constexpr std::uint64_t slack = 8 << 20; // the kernel counts in batches
  void* own = touched(MAP_PRIVATE);
  const auto grown = watch.read();
  EXPECT_GE(grown->private_bytes + slack, before->private_bytes + size);
  void* shared = touched(MAP_SHARED);
  const auto shared_too = watch.read();
  EXPECT_LT(shared_too->private_bytes, grown->private_bytes + slack);
  EXPECT_GE(shared_too->total_bytes + slack, grown->total_bytes + size);
  ::munmap(own, size);
  ::munmap(shared, size);
}

TEST(resident, who_is_gone_has_none) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::pause();
    ::_exit(0);
  }
  const resident_watch watch(pid);
  EXPECT_TRUE(watch.read());
  ::kill(pid, SIGKILL);
  siginfo_t info{};
  ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT);
  EXPECT_FALSE(watch.read()) << "a zombie";
  ::waitpid(pid, nullptr, 0);
  EXPECT_FALSE(watch.read());
  EXPECT_FALSE(resident_bytes(pid));
}

} // namespace
