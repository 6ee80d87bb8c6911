#include "media/byte_source.hpp"

#include <weir/core/error.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace weir::media::detail {
namespace {

class memory_source final : public byte_source {
 public:
  explicit memory_source(std::span<const std::byte> bytes) noexcept
      : bytes_(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()) {}

  std::uint64_t size() const noexcept override { return bytes_.size(); }
  std::span<const unsigned char> in_memory() const noexcept override { return bytes_; }

  std::size_t read_at(std::uint64_t offset, std::span<unsigned char> into) noexcept override {
    if (offset >= bytes_.size()) return 0;
    const auto count = std::min<std::uint64_t>(into.size(), bytes_.size() - offset);
    if (count != 0) std::memcpy(into.data(), bytes_.data() + offset, count);
    return count;
  }

 private:
  std::span<const unsigned char> bytes_;
};

class file_source final : public byte_source {
 public:
  file_source(int fd, std::uint64_t size) noexcept : fd_(fd), size_(size) {}

  std::uint64_t size() const noexcept override { return size_; }

  std::size_t read_at(std::uint64_t offset, std::span<unsigned char> into) noexcept override {
    std::size_t done = 0;
    // The size is read once: bytes that somebody appends meanwhile are not part of this image.
    const std::size_t want = offset >= size_ ? 0 : std::min<std::uint64_t>(into.size(), size_ - offset);
    while (done < want) {
      const auto count = ::pread(fd_, into.data() + done, want - done, static_cast<off_t>(offset + done));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0 && failed_ == 0) failed_ = errno;
      if (count <= 0) break;
      done += static_cast<std::size_t>(count);
    }
    return done;
  }

 private:
  int fd_;
  std::uint64_t size_;
};

} // namespace

std::unique_ptr<byte_source> make_byte_source(std::span<const std::byte> bytes) {
  return std::make_unique<memory_source>(bytes);
}

std::unique_ptr<byte_source> make_byte_source(int fd, const std::string& name) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) throw errno_error(errno, name);
  if (!S_ISREG(status.st_mode)) throw error(errc::invalid_argument, name + ": not a regular file");
  return std::make_unique<file_source>(fd, static_cast<std::uint64_t>(status.st_size));
}

std::uint8_t byte_cursor::byte() noexcept {
  if (at_ < window_at_ || at_ >= window_at_ + window_size_) {
    window_at_ = at_;
    window_size_ = source_.read_at(at_, window_);
    if (window_size_ == 0) {
      ended_ = true;
      return 0;
    }
  }
  return window_[at_++ - window_at_];
}

std::uint32_t byte_cursor::big(int bytes) noexcept {
  std::uint32_t value = 0;
  for (int i = 0; i < bytes; ++i) value = value << 8 | byte();
  return value;
}

std::uint32_t byte_cursor::little(int bytes) noexcept {
  std::uint32_t value = 0;
  for (int i = 0; i < bytes; ++i) value |= std::uint32_t{byte()} << (8 * i);
  return value;
}

} // namespace weir::media::detail
