#pragma once

#include <cstddef>
#include <cstring>

namespace weir::detail {

/// Arrays from here on lie in the encoded bytes where malloc would put them, 16 bytes after a multiple of 64. A decoder
/// takes them as they are, whatever the elements' alignment, and the copy is not the one that processors are slow at:
/// `rep movsb` to where the address is just above that of the source, modulo 4096, took 17 times as long on a Zen 4.
constexpr std::size_t aligned_array_bytes = 2048;
constexpr std::size_t array_alignment = 64;
constexpr std::size_t array_offset = 16;

/// From here on the copies of a payload drive each other out of the caches: `copy_block` writes past them.
constexpr std::size_t streamed_bytes = std::size_t{16} << 20;
/// From here on fresh memory is asked for in huge pages.
constexpr std::size_t huge_block_bytes = std::size_t{4} << 20;

/// As memcpy, for blocks of `streamed_bytes` or more: nothing stays in the caches. What it wrote is visible to whoever
/// sees what this thread releases later.
void stream_block(void* to, const void* from, std::size_t size) noexcept;

inline void copy_block(void* to, const void* from, std::size_t size) noexcept {
  if (size >= streamed_bytes)
    stream_block(to, from, size);
  else if (size != 0)
    std::memcpy(to, from, size);
}

/// Says that all of this fresh memory, `huge_block_bytes` or more, is about to be written: one fault for 2 MiB instead
/// of 512, where the system has huge pages to give. Cost: a system call.
void expect_block(void* memory, std::size_t size) noexcept;

} // namespace weir::detail
