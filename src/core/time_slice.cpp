#include <weir/core/detail/time_slice.hpp>

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace weir::detail {

namespace {

/// struct sched_attr of sched_setattr(2), as of its first version. The C library has it only since 2.41, and
/// <linux/sched/types.h> does not go together with <sched.h>.
struct attributes {
  std::uint32_t size_bytes;
  std::uint32_t policy;
  std::uint64_t flags;
  std::int32_t nice;
  std::uint32_t priority;
  std::uint64_t runtime_ns, deadline_ns, period_ns;
};
static_assert(sizeof(attributes) == 48, "SCHED_ATTR_SIZE_VER0");

bool get(attributes& now) noexcept {
  return ::syscall(SYS_sched_getattr, 0, &now, sizeof now, 0) == 0 &&
         (now.policy == SCHED_OTHER || now.policy == SCHED_BATCH);
}

} // namespace

void set_time_slice(std::chrono::nanoseconds slice) noexcept {
  attributes wanted{};
  if (!get(wanted)) return;
  wanted.size_bytes = sizeof wanted;
  wanted.runtime_ns = static_cast<std::uint64_t>(slice.count());
  ::syscall(SYS_sched_setattr, 0, &wanted, 0);
}

std::chrono::nanoseconds time_slice() noexcept {
  attributes now{};
  return std::chrono::nanoseconds(get(now) ? now.runtime_ns : 0);
}

} // namespace weir::detail
