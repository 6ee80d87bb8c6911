#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace weir::media::detail {

/// Random access to the bytes of an image, in memory or behind a descriptor. Nothing throws, so that the callbacks of C
/// libraries may use it. A read error looks like the end of the data and sets `failed`.
class byte_source {
 public:
  virtual ~byte_source() = default;
  virtual std::uint64_t size() const noexcept = 0;

  /// Reads up to `into.size()` bytes at `offset`; fewer only at the end. Returns the count.
  virtual std::size_t read_at(std::uint64_t offset, std::span<unsigned char> into) noexcept = 0;

  /// All bytes, where they are in memory anyway; else empty.
  virtual std::span<const unsigned char> in_memory() const noexcept { return {}; }

  /// errno of the first failed read, 0 where none failed.
  int failed() const noexcept { return failed_; }

 protected:
  int failed_ = 0;
};

std::unique_ptr<byte_source> make_byte_source(std::span<const std::byte> bytes);

/// Reads with pread, so the position of the descriptor does not matter and does not move.
/// Fails: the error of fstat, or invalid_argument where `fd` is not a regular file.
std::unique_ptr<byte_source> make_byte_source(int fd, const std::string& name);

/// Reads numbers out of a source through a small window.
class byte_cursor {
 public:
  explicit byte_cursor(byte_source& source, std::uint64_t at = 0) noexcept : source_(source), at_(at) {}

  std::uint64_t at() const noexcept { return at_; }
  void seek(std::uint64_t at) noexcept { at_ = at; }
  void skip(std::uint64_t bytes) noexcept { at_ += bytes; }
  bool ended() const noexcept { return ended_; }

  /// The next byte; 0, and ended() from then on, past the end.
  std::uint8_t byte() noexcept;
  std::uint32_t big(int bytes) noexcept;
  std::uint32_t little(int bytes) noexcept;

 private:
  byte_source& source_;
  std::uint64_t at_;
  std::uint64_t window_at_ = 0;
  std::size_t window_size_ = 0;
  bool ended_ = false;
  unsigned char window_[512];
};

} // namespace weir::media::detail
