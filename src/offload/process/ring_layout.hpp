#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace weir::detail {

// The memory that a worker and its parent share, one region per worker:
//
//   page 0      ring_header
//   page 1      crash slot, for detail::crash_record
//   page 2      ring_returns: memory that the parent gives back to the worker's result area
//   then        request_slot[depth], reply_slot[depth]
//
// Positions count requests (and, apart, replies) from 0; position p is in slot p % depth. A slot's word says what it
// holds, with its position, so that a word of an earlier round is never taken for one of this round.

constexpr std::size_t ring_page_bytes = 4096;
constexpr std::size_t slot_bytes = 256;
constexpr std::size_t inline_bytes = 208;
constexpr std::uint32_t max_ring_depth = 64;

struct ring_header {
  std::uint32_t depth; ///< set before the worker starts
  /// 1: the worker sleeps, or is about to. A futex(2).
  alignas(64) std::atomic<std::uint32_t> asleep;
  /// How many requests were announced.
  alignas(64) std::atomic<std::uint64_t> announced;
  std::atomic<std::uint32_t> closing;
  /// The job that the worker is at, for its output; 0: none. The worker's word, no more.
  alignas(64) std::atomic<std::uint64_t> running;
};
static_assert(sizeof(ring_header) <= ring_page_bytes);

struct ring_returns {
  static constexpr std::uint64_t capacity = 480;
  std::atomic<std::uint64_t> written; ///< by the parent
  alignas(64) std::atomic<std::uint64_t> read;
  alignas(64) std::atomic<std::uint64_t> offsets[capacity];
};
static_assert(sizeof(ring_returns) <= ring_page_bytes);

enum class request_phase : std::uint64_t { ready = 1, taken = 2, retracted = 3 };
constexpr std::uint64_t request_word(std::uint64_t position, request_phase phase) noexcept {
  return position << 2 | static_cast<std::uint64_t>(phase);
}

struct request_slot {
  std::atomic<std::uint64_t> word;
  std::uint64_t id;
  std::uint64_t offset; ///< of the payload in the arena; where there is none, it is in `bytes`
  std::uint64_t length; ///< of the payload in the arena; 0: none
  std::uint32_t flags;
  std::uint16_t thunk_bytes;
  std::uint16_t payload_bytes; ///< in `bytes`, after the thunk's
  std::atomic<std::uint32_t> stop;
  std::uint32_t buffers;
  std::byte bytes[inline_bytes];
};

struct reply_slot {
  std::atomic<std::uint64_t> word; ///< position + 1
  std::uint64_t id;
  std::uint64_t offset; ///< of the payload in the worker's result area
  std::uint64_t length; ///< 0: it is in `bytes`
  std::uint32_t flags;
  std::uint32_t payload_bytes; ///< in `bytes`
  std::uint32_t buffers;
  std::uint32_t unused;
  std::byte bytes[inline_bytes];
};

static_assert(sizeof(request_slot) == slot_bytes && sizeof(reply_slot) == slot_bytes);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free && std::atomic<std::uint32_t>::is_always_lock_free,
              "a lock would not be shared between processes");

/// Where things are in a ring that is mapped at `base`.
struct ring_view {
  std::byte* base = nullptr;
  std::uint32_t depth = 0;

  static constexpr std::size_t total_bytes(std::uint32_t depth) noexcept {
    return 3 * ring_page_bytes + 2 * depth * slot_bytes;
  }
  ring_header& header() const noexcept { return *reinterpret_cast<ring_header*>(base); }
  std::byte* crash() const noexcept { return base + ring_page_bytes; }
  ring_returns& returns() const noexcept { return *reinterpret_cast<ring_returns*>(base + 2 * ring_page_bytes); }
  request_slot& request(std::uint64_t position) const noexcept {
    return reinterpret_cast<request_slot*>(base + 3 * ring_page_bytes)[position % depth];
  }
  reply_slot& reply(std::uint64_t position) const noexcept {
    return reinterpret_cast<reply_slot*>(base + 3 * ring_page_bytes + depth * slot_bytes)[position % depth];
  }
};

} // namespace weir::detail
