#include "media/frame_memory.hpp"

#include <weir/core/error.hpp>

#include <sys/mman.h>

namespace weir::media::detail {

frame_memory::frame_memory(std::size_t bytes) : bytes_(bytes) {
  if (bytes == 0) return;
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw error(errc::too_large, "image: the system has no memory for the decoded frame");
  // Advice only: without large pages it is just slower.
  ::madvise(memory, bytes, MADV_HUGEPAGE);
  data_ = static_cast<std::uint8_t*>(memory);
}

frame_memory::~frame_memory() {
  if (data_ != nullptr) ::munmap(data_, bytes_);
}

} // namespace weir::media::detail
