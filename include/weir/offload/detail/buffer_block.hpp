#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

namespace weir::detail {

/// A piece of memory that buffers refer to. It is given back where it came from when it is destroyed.
class buffer_block {
 public:
  buffer_block(std::span<std::byte> bytes, const void* home, std::size_t offset) noexcept
      : bytes_(bytes), home_(home), offset_(offset) {}
  buffer_block(const buffer_block&) = delete;
  buffer_block& operator=(const buffer_block&) = delete;
  virtual ~buffer_block() = default;

  std::span<std::byte> bytes() const noexcept { return bytes_; }
  /// The arena or result area that it lies in; nullptr: the heap.
  const void* home() const noexcept { return home_; }
  /// Where it begins there.
  std::size_t offset() const noexcept { return offset_; }
  /// Whether this process may write into it: not where a worker looks at its parent's memory.
  virtual bool writable() const noexcept { return true; }

 private:
  std::span<std::byte> bytes_;
  const void* home_;
  std::size_t offset_;
};

using block_handle = std::shared_ptr<buffer_block>;

/// Where new buffers of this process come from: the parent's arena, or a worker's result area.
class buffer_source {
 public:
  /// Returns `size_bytes` of memory that holds anything. Fails: errc::too_large, errc::unavailable.
  virtual block_handle make_block(std::size_t size_bytes) = 0;
  static buffer_source& here();
  /// In a worker, before its first job. `source` is never destroyed.
  static void use(buffer_source& source) noexcept;

 protected:
  ~buffer_source() = default;
};

/// A journey to or from another process in which buffers go along by reference: encoded and decoded values then hold
/// only their numbers. Without one they hold the bytes.
class buffer_transfer {
 public:
  /// Takes `block` along; the same one again gets the same number.
  virtual std::uint32_t place(const block_handle& block, bool exclusive) = 0;
  /// Returns the block with this number; nothing where there is none, or it is not to be had exclusively.
  virtual block_handle find(std::uint32_t number, bool exclusive) = 0;
  static buffer_transfer* current() noexcept;

  /// While it lives, this thread's encoders and decoders use `transfer`.
  class scope {
   public:
    explicit scope(buffer_transfer& transfer) noexcept;
    scope(const scope&) = delete;
    scope& operator=(const scope&) = delete;
    ~scope();

   private:
    buffer_transfer* before_;
  };

 protected:
  ~buffer_transfer() = default;
};

} // namespace weir::detail
