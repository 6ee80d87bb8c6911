#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ctime>

namespace weir::detail {

/// Sleeps while `word` is `value`; may return for no reason. Not FUTEX_PRIVATE: other processes wake it.
inline void shared_wait(std::atomic<std::uint32_t>& word, std::uint32_t value,
                        const timespec* limit = nullptr) noexcept {
  ::syscall(SYS_futex, &word, FUTEX_WAIT, value, limit, nullptr, 0);
}

inline void shared_wake(std::atomic<std::uint32_t>& word) noexcept {
  ::syscall(SYS_futex, &word, FUTEX_WAKE, 1, nullptr, nullptr, 0);
}

/// Copies `size` bytes that another process may be changing meanwhile: each is read once, whatever it is.
inline void copy_bytes_once(void* to, const void* from, std::size_t size) noexcept {
  auto* out = static_cast<unsigned char*>(to);
  const auto* in = static_cast<const unsigned char*>(from);
  for (std::size_t i = 0; i < size; ++i) out[i] = __atomic_load_n(in + i, __ATOMIC_RELAXED);
}

/// The same by words: both addresses are multiples of 8.
inline void copy_once(void* to, const void* from, std::size_t size) noexcept {
  auto* out = static_cast<std::byte*>(to);
  const auto* in = static_cast<const std::byte*>(from);
  for (; size >= 8; size -= 8, in += 8, out += 8) {
    const std::uint64_t word = __atomic_load_n(reinterpret_cast<const std::uint64_t*>(in), __ATOMIC_RELAXED);
    std::memcpy(out, &word, 8);
  }
  copy_bytes_once(out, in, size);
}

} // namespace weir::detail
