#pragma once

#include <weir/offload/detail/large_block.hpp>

#include <cstddef>
#include <span>

namespace weir {

/// Writes values as bytes for a worker process of the same program (same machine, same build: no byte order, no
/// versions). Include codec.hpp to use it.
///
/// Small packs without the heap: give it a buffer, `std::byte slot[256]; encoder out(slot);`. What does not fit goes to
/// the heap (`when_full::grow`) or is only counted (`when_full::count`): then `complete()` is false, `size_bytes()`
/// says what is needed, and the caller encodes once more into room of that size, so that a big payload is written once.
/// Thread-safety: one thread at a time.
class encoder {
 public:
  enum class when_full { grow, count };
  static constexpr std::size_t max_depth = 64;

  encoder() noexcept = default;
  explicit encoder(std::span<std::byte> room, when_full policy = when_full::grow) noexcept
      : data_(room.data()), capacity_(room.size()), policy_(policy) {}
  encoder(const encoder&) = delete;
  encoder& operator=(const encoder&) = delete;
  ~encoder();

  /// Appends `value`. Fails: at compile time, in plain words, where T cannot be sent; errc::invalid_argument for a
  /// value nested deeper than 64, a valueless std::variant, a std::error_code of a foreign category; std::bad_alloc.
  /// Cost: a copy of the bytes; arrays of numbers are one memcpy.
  template <class T>
  void put(const T& value);

  /// For weir::codec: appends raw bytes, or the count of what follows (1 byte below 255, else 9).
  void write(const void* data, std::size_t size) {
    if (size == 0) return;
    if (size_ + size > capacity_ && !make_room(size)) {
      size_ += size;
      return;
    }
    detail::copy_block(data_ + size_, data, size);
    size_ += size;
  }
  void write_length(std::size_t count);
  /// For weir::codec: appends an array whose size decoder::take_array is told: a large one at an address that suits it.
  void write_array(const void* data, std::size_t size) {
    if (size >= detail::aligned_array_bytes) align_array();
    write(data, size);
  }

  /// The bytes that all values so far need, whether or not they were written.
  std::size_t size_bytes() const noexcept { return size_; }
  /// Whether everything was written; false only with `when_full::count`.
  bool complete() const noexcept { return size_ <= capacity_; }
  /// What was written; empty where it is not complete. Valid until the next call.
  std::span<const std::byte> bytes() const noexcept {
    return complete() ? std::span<const std::byte>(data_, size_) : std::span<const std::byte>();
  }
  /// Forgets all after the first `size` bytes (at most size_bytes()).
  void rewind(std::size_t size) noexcept { size_ = size; }

  /// Counts how deep values hold values while it lives; what it refuses here the decoder would refuse there.
  class level {
   public:
    explicit level(encoder& out) : out_(out) {
      if (++out_.depth_ > max_depth) out_.too_deep();
    }
    level(const level&) = delete;
    level& operator=(const level&) = delete;
    ~level() { --out_.depth_; }

   private:
    encoder& out_;
  };

 private:
  bool make_room(std::size_t more); // false: only count
  void align_array();
  [[noreturn]] void too_deep();

  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
  std::size_t depth_ = 0;
  when_full policy_ = when_full::grow;
  bool on_heap_ = false;
};

} // namespace weir
