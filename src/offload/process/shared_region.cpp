#include "offload/process/shared_region.hpp"

#include <weir/core/error.hpp>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

namespace weir::detail {

namespace {

[[noreturn]] void refuse(const char* what) {
  throw error(errc::unavailable, errno_error(errno, std::string("shared memory for worker processes: ") + what).what());
}

int make_memory(const char* name) noexcept {
  // Not executable, for good; kernels before 6.3 do not know that.
  const int made = ::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
  return made >= 0 || errno != EINVAL ? made : ::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
}

std::byte* map(int descriptor, std::size_t size_bytes, int protection, int more_flags) {
  void* at = ::mmap(nullptr, size_bytes, protection, MAP_SHARED | more_flags, descriptor, 0);
  if (at == MAP_FAILED) refuse("it could not be mapped (an address space limit, ulimit -v, may be too tight)");
  return static_cast<std::byte*>(at);
}

} // namespace

shared_region::shared_region(unique_fd descriptor, std::byte* data, std::size_t size_bytes) noexcept
    : descriptor_(std::move(descriptor)), data_(data), size_bytes_(size_bytes) {}

shared_region shared_region::make(const char* name, std::size_t size_bytes) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  size_bytes = (size_bytes + page - 1) / page * page;
  unique_fd memory(make_memory(name));
  if (!memory) refuse("memfd_create");
  if (::ftruncate(memory.get(), static_cast<off_t>(size_bytes)) != 0) refuse("its size");
  if (::fcntl(memory.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) refuse("sealing its size");
  std::byte* data = map(memory.get(), size_bytes, PROT_READ | PROT_WRITE, MAP_NORESERVE);
  ::madvise(data, size_bytes, MADV_DONTFORK);
  return shared_region(std::move(memory), data, size_bytes);
}

shared_region shared_region::attach(int descriptor, std::size_t size_bytes, access how) {
  const int protection = how == access::read_only ? PROT_READ : PROT_READ | PROT_WRITE;
  return shared_region(unique_fd(), map(descriptor, size_bytes, protection, 0), size_bytes);
}

shared_region::shared_region(shared_region&& other) noexcept
    : descriptor_(std::move(other.descriptor_)), data_(std::exchange(other.data_, nullptr)),
      size_bytes_(std::exchange(other.size_bytes_, 0)) {}

shared_region& shared_region::operator=(shared_region&& other) noexcept {
  if (this != &other) {
    if (data_) ::munmap(data_, size_bytes_);
    descriptor_ = std::move(other.descriptor_);
    data_ = std::exchange(other.data_, nullptr);
    size_bytes_ = std::exchange(other.size_bytes_, 0);
  }
  return *this;
}

shared_region::~shared_region() {
  if (data_) ::munmap(data_, size_bytes_);
}

unique_fd shared_region::read_only_descriptor() const {
  const std::string path = "/proc/self/fd/" + std::to_string(descriptor_.get());
  unique_fd reader(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!reader) refuse("a read-only descriptor of it (is /proc mounted?)");
  return reader;
}

void shared_region::give_back(std::size_t offset, std::size_t length) const noexcept {
  if (length > 0) ::madvise(data_ + offset, length, MADV_REMOVE);
}

std::size_t shared_region::resident_bytes() const {
  struct stat now{};
  if (!descriptor_ || ::fstat(descriptor_.get(), &now) != 0) refuse("asking for its size");
  return static_cast<std::size_t>(now.st_blocks) * 512;
}

} // namespace weir::detail
