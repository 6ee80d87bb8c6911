#include "providers/openai_spool.hpp"

#include <weir/core/error.hpp>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <utility>

namespace weir::providers::openai {
namespace {

constexpr const char* what = "the temporary file";

unique_fd unnamed_file() {
  const char* chosen = std::getenv("TMPDIR");
  const std::string folder = chosen && *chosen ? chosen : "/tmp";
  if (unique_fd fd(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)); fd) return fd;
  std::string name = folder + "/weir-XXXXXX";
  if (unique_fd fd(::mkostemp(name.data(), O_CLOEXEC)); fd) {
    ::unlink(name.c_str());
    return fd;
  }
  unique_fd fd(::memfd_create("weir", MFD_CLOEXEC));
  if (!fd) throw errno_error(errno, what);
  return fd;
}

} // namespace

void spool::open() {
  if (!fd_) fd_ = unnamed_file();
}

void spool::write(std::string_view bytes) {
  open();
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(size_));
    if (n < 0) {
      if (errno == EINTR) continue;
      throw errno_error(errno, what);
    }
    bytes.remove_prefix(static_cast<std::size_t>(n));
    size_ += static_cast<std::uint64_t>(n);
  }
}

void spool::clear() {
  if (fd_ && ::ftruncate(fd_.get(), 0) != 0) throw errno_error(errno, what);
  size_ = 0;
}

void spool::read(const std::function<void(std::string_view)>& sink) const {
  std::string piece(128 * 1024, '\0');
  for (std::uint64_t at = 0; at < size_;) {
    const ssize_t n = ::pread(fd_.get(), piece.data(), piece.size(), static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw errno_error(errno, what);
    if (n == 0) throw error(errc::internal, "the temporary file became shorter");
    sink(std::string_view(piece).substr(0, static_cast<std::size_t>(n)));
    at += static_cast<std::uint64_t>(n);
  }
}

unique_fd spool::take() && {
  open();
  size_ = 0;
  return std::move(fd_);
}

} // namespace weir::providers::openai
