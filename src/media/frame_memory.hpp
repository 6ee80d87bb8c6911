#pragma once

#include <cstddef>
#include <cstdint>

namespace weir::media::detail {

/// Memory for one whole frame: zeroed, straight from the kernel in large pages where it gives them (touching fresh
/// 4 KiB pages costs about half a millisecond per megabyte), and back to it at the end.
class frame_memory {
 public:
  /// Fails: error too_large where the system has no memory. 0 bytes allocate nothing.
  explicit frame_memory(std::size_t bytes);
  ~frame_memory();
  frame_memory(const frame_memory&) = delete;
  frame_memory& operator=(const frame_memory&) = delete;

  std::uint8_t* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return bytes_; }

 private:
  std::uint8_t* data_ = nullptr;
  std::size_t bytes_ = 0;
};

} // namespace weir::media::detail
