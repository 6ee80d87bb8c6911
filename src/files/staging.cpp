#include <weir/core/error.hpp>
#include <weir/files/name.hpp>

#include <fcntl.h>
#include <files/staging.hpp>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

namespace weir::files::detail {

static constexpr std::string_view part_head = ".weir-", part_tail = ".part";
static constexpr std::size_t random_digits = 32;

/// 128 random bits: never the same twice. Empty when the kernel gives none.
static std::string random_part_name() {
  unsigned char bits[random_digits / 2];
  if (::getrandom(bits, sizeof bits, 0) != static_cast<ssize_t>(sizeof bits)) return {};
  std::string name(part_head);
  for (const unsigned char b : bits) {
    name += "0123456789abcdef"[b >> 4];
    name += "0123456789abcdef"[b & 15];
  }
  return name.append(part_tail);
}

bool is_part_name(std::string_view name) noexcept {
  if (name.size() != part_head.size() + random_digits + part_tail.size()) return false;
  if (!name.starts_with(part_head) || !name.ends_with(part_tail)) return false;
  const std::string_view middle = name.substr(part_head.size(), random_digits);
  return middle.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool lock_part(int fd) noexcept { return ::flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK; }

[[noreturn]] void throw_write_error(int number, std::string_view name) {
  const std::string shown = quoted_name(name);
  switch (number) {
  case ENOSPC:
  case EDQUOT:
    throw error(errc::no_space, "No room for " + shown + ": the disk or the quota is full; nothing was published");
  case EACCES:
  case EPERM:
    throw error(errc::permission_denied,
                shown + " may not be written by this process; look at the rights of its folder");
  case EROFS:
    throw error(errc::permission_denied, shown + " cannot be written: its disk is read-only");
  case EFBIG:
    throw error(errc::too_large, shown + " is larger than a file may be here");
  case ENOENT:
    throw error(errc::not_found, shown + " cannot be written: its folder has been removed");
  case EMFILE:
  case ENFILE:
    throw error(errc::unavailable, shown + " cannot be written now: too many files are open; try again");
  default:
    throw errno_error(number, shown + " cannot be written");
  }
}

staging::staging(staging&& other) noexcept
    : fd_(std::move(other.fd_)), dir_(std::move(other.dir_)), part_(std::exchange(other.part_, {})),
      stays_(other.stays_) {}

staging staging::adopt(unique_fd fd, unique_fd dir, std::string part) noexcept {
  staging taken;
  taken.fd_ = std::move(fd);
  taken.dir_ = std::move(dir);
  taken.part_ = std::move(part);
  taken.stays_ = true;
  return taken;
}

staging& staging::operator=(staging&& other) noexcept {
  if (this != &other) {
    discard();
    fd_ = std::move(other.fd_);
    dir_ = std::move(other.dir_);
    part_ = std::exchange(other.part_, {});
    stays_ = other.stays_;
  }
  return *this;
}

void staging::discard() noexcept {
  if (!part_.empty() && !stays_) ::unlinkat(dir_.get(), part_.c_str(), 0);
  part_.clear();
  fd_.reset();
}

staging staging::create(int dir, unsigned mode, std::string_view shown, kind how) {
  staging made;
  if (how == kind::unnamed_if_possible) {
    made.fd_.reset(::openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    const bool unsupported = errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL || errno == ENOSYS;
    if (!made.fd_ && !unsupported) throw_write_error(errno, shown);
    if (made.fd_) lock_part(made.fd_.get()); // for the moment in which publish_over gives it a hidden name
  }
  while (!made.fd_) {
    std::string part = random_part_name();
    if (part.empty()) throw error(errc::internal, "The kernel gives no random numbers");
    unique_fd fd(::openat(dir, part.c_str(), O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd && errno == EEXIST) continue;
    if (!fd) throw_write_error(errno, shown);
    // Between creation and lock, remove_stale_parts may have taken it for a dead writer's; then it has no name any
    // more.
    struct stat status;
    if (!lock_part(fd.get()) || ::fstat(fd.get(), &status) != 0 || status.st_nlink == 0) continue;
    made.part_ = std::move(part);
    made.dir_.reset(::fcntl(dir, F_DUPFD_CLOEXEC, 0));
    if (!made.dir_) {
      const int number = errno;
      ::unlinkat(dir, made.part_.c_str(), 0);
      made.part_.clear();
      throw_write_error(number, shown);
    }
    made.fd_ = std::move(fd);
  }
  if (::fchmod(made.fd_.get(), mode & 0777) != 0 && errno != EPERM && errno != EOPNOTSUPP)
    throw_write_error(errno, shown);
  return made;
}

int staging::link_unnamed(int dir, const char* name) const noexcept {
  // Without the right to link a bare descriptor, /proc gives it a name to link from (open(2), O_TMPFILE).
  if (::linkat(fd_.get(), "", dir, name, AT_EMPTY_PATH) == 0) return 0;
  if (errno == ENOENT || errno == EPERM || errno == EACCES) {
    char link[40];
    std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd_.get());
    if (::linkat(AT_FDCWD, link, dir, name, AT_SYMLINK_FOLLOW) == 0) return 0;
  }
  const int number = errno;
  struct stat status;
  if (number == ENOENT) return ::fstat(dir, &status) == 0 && status.st_nlink > 0 ? EOPNOTSUPP : ENOENT;
  return number == EPERM || number == EACCES || number == ENOSYS ? EOPNOTSUPP : number;
}

int staging::publish_new(int dir, const std::string& name) noexcept {
  if (part_.empty()) return link_unnamed(dir, name.c_str());
  if (::renameat2(dir_.get(), part_.c_str(), dir, name.c_str(), RENAME_NOREPLACE) == 0) {
    part_.clear();
    return 0;
  }
  if (errno != EINVAL && errno != ENOSYS && errno != EPERM) return errno;
  // No such rename here (NFS has links instead): the destructor then takes away the hidden name.
  if (::linkat(dir_.get(), part_.c_str(), dir, name.c_str(), 0) != 0) return errno;
  ::unlinkat(dir_.get(), part_.c_str(), 0);
  part_.clear();
  return 0;
}

int staging::publish_over(int dir, const std::string& name) {
  if (!part_.empty()) {
    if (::renameat(dir_.get(), part_.c_str(), dir, name.c_str()) != 0) return errno;
    part_.clear();
    return 0;
  }
  std::string part;
  int number = EEXIST;
  while (number == EEXIST) {
    part = random_part_name();
    if (part.empty()) return EAGAIN;
    number = link_unnamed(dir, part.c_str());
  }
  if (number != 0) return number;
  if (::renameat(dir, part.c_str(), dir, name.c_str()) == 0) return 0;
  number = errno;
  ::unlinkat(dir, part.c_str(), 0);
  return number;
}

void copy_content(int from, int to, std::uint64_t bytes, std::string_view shown) {
  off_t in = 0, out = 0;
  bool in_kernel = true;
  std::string buffer;
  while (static_cast<std::uint64_t>(out) < bytes) {
    const std::size_t piece =
        static_cast<std::size_t>(std::min<std::uint64_t>(bytes - static_cast<std::uint64_t>(out), 1 << 24));
    if (in_kernel) {
      const ssize_t n = ::copy_file_range(from, &in, to, &out, piece, 0);
      if (n > 0 || (n < 0 && errno == EINTR)) continue;
      if (n < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EFBIG || errno == EIO))
        throw_write_error(errno, shown);
      in_kernel = false; // across file systems before Linux 5.19, or not supported by one of the two
    }
    buffer.resize(std::min<std::size_t>(piece, 1 << 18));
    const ssize_t got = ::pread(from, buffer.data(), buffer.size(), out);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_write_error(errno, shown);
    if (got == 0) throw error(errc::corrupt, quoted_name(shown) + " became shorter while it was copied");
    for (ssize_t done = 0; done < got;) {
      const ssize_t n = ::pwrite(to, buffer.data() + done, static_cast<std::size_t>(got - done), out);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw_write_error(errno, shown);
      done += n;
      out += n;
    }
  }
}

} // namespace weir::files::detail
