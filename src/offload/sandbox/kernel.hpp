#pragma once

#include <sys/syscall.h>

#include <cstdint>

/// Kernel interfaces that the C library has no functions for, with the numbers of the kernel's own headers: those
/// installed may be older than the kernel.
namespace weir::detail {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool under_sanitizer = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
inline constexpr bool under_sanitizer = true;
#else
inline constexpr bool under_sanitizer = false;
#endif
#else
inline constexpr bool under_sanitizer = false;
#endif

#ifdef SYS_landlock_create_ruleset
inline constexpr long nr_landlock_create_ruleset = SYS_landlock_create_ruleset;
inline constexpr long nr_landlock_add_rule = SYS_landlock_add_rule;
inline constexpr long nr_landlock_restrict_self = SYS_landlock_restrict_self;
#else
inline constexpr long nr_landlock_create_ruleset = 444, nr_landlock_add_rule = 445, nr_landlock_restrict_self = 446;
#endif

namespace landlock {

struct ruleset_attr {
  std::uint64_t handled_access_fs, handled_access_net, scoped;
};
struct [[gnu::packed]] path_beneath_attr {
  std::uint64_t allowed_access;
  std::int32_t parent_fd;
};

inline constexpr std::uint32_t ask_version = 1; // LANDLOCK_CREATE_RULESET_VERSION
inline constexpr int rule_path_beneath = 1;     // LANDLOCK_RULE_PATH_BENEATH
inline constexpr std::uint64_t read_file = 1u << 2, read_dir = 1u << 3;

/// All rights on files that the ABI version knows: 13, and one more in 2 (refer), 3 (truncate) and 5 (ioctl on
/// devices).
constexpr std::uint64_t all_file_rights(int abi) {
  const int rights = abi >= 5 ? 16 : abi >= 3 ? 15 : abi >= 2 ? 14 : 13;
  return (std::uint64_t{1} << rights) - 1;
}
/// TCP bind and connect.
constexpr std::uint64_t all_network_rights(int abi) { return abi >= 4 ? 3 : 0; }
/// Abstract Unix sockets and signals to processes outside.
constexpr std::uint64_t all_scopes(int abi) { return abi >= 6 ? 3 : 0; }
/// Older kernels know a shorter structure, and refuse a longer one only where what they do not know is not zero.
constexpr std::size_t attr_bytes(int abi) { return abi >= 6 ? 24 : abi >= 4 ? 16 : 8; }

} // namespace landlock
} // namespace weir::detail
