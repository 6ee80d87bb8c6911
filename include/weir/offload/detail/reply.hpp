#pragma once

#include <weir/offload/codec.hpp>
#include <weir/offload/detail/exception_codec.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::detail {

enum class reply_kind : std::uint8_t { value, failure };

/// Where a worker's reply is written.
class reply_room {
 public:
  /// Room that is there anyway, tried first; may be empty.
  virtual std::span<std::byte> first() noexcept = 0;
  /// Room for exactly `bytes`, when the first does not do. Fails: errc::too_large, std::bad_alloc. The room of an
  /// earlier call is not used any more.
  virtual std::span<std::byte> more(std::size_t bytes) = 0;

 protected:
  ~reply_room() = default;
};

/// A reply room of this process's own memory: 256 bytes in place, the heap for more.
class memory_reply_room final : public reply_room {
 public:
  explicit memory_reply_room(std::size_t max_bytes = std::size_t{1} << 30) : max_bytes_(max_bytes) {}
  std::span<std::byte> first() noexcept override { return slot_; }
  std::span<std::byte> more(std::size_t bytes) override;

 private:
  std::byte slot_[256];
  std::size_t max_bytes_;
  std::unique_ptr<std::byte[]> heap_;
};

/// Writes with `write(encoder&)` into the first room; where that is too small, once more into as much as is needed.
/// Returns what was written. Fails: as `write` and reply_room::more.
template <class Write>
std::span<const std::byte> write_reply(reply_room& room, const Write& write) {
  encoder small(room.first(), encoder::when_full::count);
  write(small);
  if (small.complete()) return small.bytes();
  encoder large(room.more(small.size_bytes()), encoder::when_full::count);
  write(large);
  return large.bytes();
}

/// Writes the exception being handled; of one that finds no room a shorter account; nothing where that fails as well.
std::span<const std::byte> write_failure(reply_room& room, std::string_view function,
                                         std::vector<std::string> (*trace)()) noexcept;

/// Throws what a reply of kind `failure` holds, or that it is damaged.
[[noreturn]] void throw_failure(decoder& in, reply_kind kind);

/// Returns the result in a reply from a worker, or throws the exception in it. The bytes are hostile. Fails: besides
/// that, errc::corrupt. `spare`: what the result may be read into, where it is refillable; not used any more.
template <class R>
R read_reply(std::span<const std::byte> reply, decode_limits limits = {}, R* spare = nullptr) {
  decoder in(reply, limits);
  const decoder::level here(in, "the reply", "a part", decoder::level::depth::is_bounded);
  const auto kind = in.get<reply_kind>();
  if (kind != reply_kind::value) throw_failure(in, kind);
  if constexpr (std::is_void_v<R>) {
    in.finish();
  } else {
    const auto result = [&]() -> R {
      if constexpr (refillable<R>)
        if (spare) return wire<R>::decode(in, std::move(*spare));
      return decode_value<R>(in);
    };
    R value = result();
    in.finish();
    return value;
  }
}

} // namespace weir::detail
