#pragma once

#include <weir/offload/detail/large_block.hpp>

#include <cstddef>
#include <span>
#include <string_view>

namespace weir {

/// What a decoder spends at most, whatever the bytes say.
struct decode_limits {
  std::size_t max_depth = 64;                             ///< values within values
  std::size_t max_elements = std::size_t{1} << 26;        ///< of all containers together, arrays of numbers apart
  std::size_t max_memory_bytes = std::size_t{1024} << 20; ///< of those elements; arrays of numbers are bounded by
                                                          ///< the bytes that they come from
};

/// Reads values back from bytes that may be hostile: every length is checked against the bytes that are left, and
/// against the limits, before memory is spent. Include codec.hpp to use it. The bytes must stay, and must not change,
/// while it reads. Thread-safety: one thread at a time.
class decoder {
 public:
  explicit decoder(std::span<const std::byte> bytes, decode_limits limits = {}) noexcept
      : whole_bytes_(bytes.size()), left_(bytes), limits_(limits) {}
  decoder(const decoder&) = delete;
  decoder& operator=(const decoder&) = delete;

  /// Returns the next value. Fails: errc::corrupt, naming what was being read and its type; std::bad_alloc.
  template <class T>
  T get();

  /// Fails: errc::corrupt where bytes are left after the last value.
  void finish() const;

  std::size_t left_bytes() const noexcept { return left_.size(); }

  /// For weir::codec: the next `size` bytes of a value whose type people call `type`. Fails: errc::corrupt where fewer
  /// are left.
  std::span<const std::byte> take(std::size_t size, std::string_view type) {
    if (size > left_.size()) too_short(size, type);
    const auto taken = left_.first(size);
    left_ = left_.subspan(size);
    return taken;
  }
  void read(void* into, std::size_t size, std::string_view type) {
    detail::copy_block(into, take(size, type).data(), size);
  }
  /// For weir::codec: what encoder::write_array wrote. Fails: as `take`, and where a gap before it is too wide.
  std::span<const std::byte> take_array(std::size_t size, std::string_view type) {
    if (size >= detail::aligned_array_bytes) skip_gap(type);
    return take(size, type);
  }
  /// For weir::codec: the count of elements that follow, of which each takes `least_bytes` or more here and
  /// `memory_bytes` once read (0: no more than the bytes that it comes from). Fails: errc::corrupt where so many
  /// cannot follow or a limit is passed.
  std::size_t read_length(std::string_view type, std::size_t least_bytes, std::size_t memory_bytes);
  /// Fails always: errc::corrupt, "<where>: <type> <problem>".
  [[noreturn]] void fail(std::string_view type, std::string_view problem) const;

  /// Tells messages where the decoder is, and counts the depth, while it lives: "`part` <number> of `type`".
  /// Fails: errc::corrupt where it is one level too many.
  class level {
   public:
    enum class depth { counts, is_bounded }; ///< is_bounded: the type itself says how deep it goes
    level(decoder& in, std::string_view type, std::string_view part, depth how = depth::counts)
        : in_(in), up_(in.here_), type_(type), part_(part), counted_(how == depth::counts) {
      if (counted_ && in_.depth_ == in_.limits_.max_depth) in_.too_deep(type);
      if (counted_) ++in_.depth_;
      in_.here_ = this;
    }
    level(const level&) = delete;
    level& operator=(const level&) = delete;
    ~level() {
      in_.here_ = up_;
      if (counted_) --in_.depth_;
    }
    /// The number, from 1, of the part that is read next; 0: the part needs none.
    void at(std::size_t number) noexcept { number_ = number; }

   private:
    friend decoder;
    decoder& in_;
    const level* up_;
    std::string_view type_;
    std::string_view part_;
    std::size_t number_ = 0;
    bool counted_;
  };

 private:
  void skip_gap(std::string_view type);
  [[noreturn]] void too_short(std::size_t size, std::string_view type) const;
  [[noreturn]] void too_deep(std::string_view type) const;

  std::size_t whole_bytes_;
  std::span<const std::byte> left_;
  decode_limits limits_;
  std::size_t depth_ = 0;
  std::size_t elements_ = 0;
  std::size_t memory_bytes_ = 0;
  const level* here_ = nullptr;
};

} // namespace weir
