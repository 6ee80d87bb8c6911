#pragma once

#include "offload/process/arena.hpp"
#include "offload/process/job_ring.hpp"
#include "offload/process/result_area.hpp"

#include <weir/offload/codec.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace weir::detail {

/// One line of the table that stands behind a payload: where the buffers are that its values name by number.
struct buffer_entry {
  enum where : std::uint64_t { in_arena, in_area };
  std::uint64_t place = in_arena;
  std::uint64_t offset = 0;
  std::uint64_t size_bytes = 0;
};

/// The arguments of one call on their way to a worker, in the parent: small ones in the request's slot, larger ones
/// encoded into the arena, buffers by reference. Keep it until the reply was read or the worker is gone: it keeps alive
/// what the worker looks at. Thread-safety: none.
class packed_call final : public buffer_transfer {
 public:
  /// `encode(encoder&)` writes the arguments; it is called once or twice. `thunk` is at most 100 bytes.
  /// Fails: as `encode`; errc::too_large, errc::unavailable (see arena::make_block).
  /// Cost: what does not fit into the slot is encoded straight into the arena, a copy of its bytes.
  template <class Encode>
  packed_call(std::shared_ptr<arena> where, std::span<const std::byte> thunk, const Encode& encode)
      : packed_call(std::move(where), thunk, &encode,
                    [](const void* function, encoder& out) { (*static_cast<const Encode*>(function))(out); }) {}
  packed_call(const packed_call&) = delete;
  packed_call& operator=(const packed_call&) = delete;

  /// The result area in which some of its buffers lie: that worker can have them without a copy. nullptr: no matter.
  const void* home() const noexcept;
  /// The request as the worker of `area` understands it; valid while this lives. Buffers that this worker cannot see
  /// (on the heap, of another pool, made by another worker) are copied into the arena first.
  /// Fails: as arena::make_block. May be called again after the request was retracted, for another worker.
  ring_request request(std::uint64_t id, std::uint32_t flags, result_area& area);
  /// Bytes of arena that it holds for itself.
  std::size_t arena_bytes() const noexcept;

  std::uint32_t place(const block_handle& block, bool exclusive) override;
  block_handle find(std::uint32_t, bool) override { return nullptr; }

  /// For unpacked_reply: the buffer that was sent as this.
  struct sent {
    block_handle block;
    bool exclusive;
  };
  std::optional<sent> was_sent(const buffer_entry& entry) const;

 private:
  using encode_function = void (*)(const void*, encoder&);
  packed_call(std::shared_ptr<arena> where, std::span<const std::byte> thunk, const void* function,
              encode_function encode);

  struct kept {
    block_handle block;
    bool exclusive;
    block_handle copy; ///< in the arena
    buffer_entry entry;
  };
  std::shared_ptr<arena> arena_;
  std::vector<kept> buffers_;
  block_handle payload_; ///< nothing where it is in `slot_`
  std::size_t thunk_bytes_ = 0;
  std::size_t value_bytes_ = 0; ///< of the payload, without the table
  std::array<std::byte, inline_bytes> slot_;
};

} // namespace weir::detail
