#include <weir/files/name.hpp>

#include <fcntl.h>
#include <files/confine.hpp>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace weir::files::detail {

/// The way for kernels before 5.6 and for containers whose filter forbids openat2. As no part is "..", and each part is
/// opened below the one before without following links, a swap can at worst make it fail.
static int open_part_by_part(int dir, const std::string& name, int flags) noexcept {
  unique_fd folder;
  std::string_view rest = name;
  for (;;) {
    const std::size_t slash = rest.find('/');
    char part[max_part_bytes + 1];
    const std::size_t length = std::min(slash, rest.size());
    if (length > max_part_bytes) return -ENAMETOOLONG;
    part[rest.copy(part, length)] = '\0';
    const int at = folder ? folder.get() : dir;
    const bool last = slash == std::string_view::npos;
    const int next = ::openat(at, part, (last ? flags : O_PATH | O_DIRECTORY) | O_NOFOLLOW | O_CLOEXEC);
    if (next < 0) {
      const int number = errno; // ENOTDIR is also what O_DIRECTORY says of a link
      struct stat status;
      const bool link =
          number == ENOTDIR && ::fstatat(at, part, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(status.st_mode);
      return link ? -ELOOP : -number;
    }
    if (last) return next;
    folder.reset(next);
    rest.remove_prefix(slash + 1);
  }
}

int open_beneath(int dir, const std::string& name, int flags) noexcept {
  open_how how{};
  // Here O_NOFOLLOW means "open the link itself", which only O_PATH can; the rest is refused by RESOLVE_NO_SYMLINKS.
  const int links = (flags & O_PATH) != 0 ? O_NOFOLLOW : 0;
  how.flags = static_cast<std::uint64_t>((flags & ~O_NOFOLLOW) | links | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  for (int tries = 0; tries < 16; ++tries) {
    const long fd = ::syscall(SYS_openat2, dir, name.c_str(), &how, sizeof how);
    if (fd >= 0) return static_cast<int>(fd);
    if (errno == ENOSYS || errno == EPERM) break;
    if (errno != EAGAIN && errno != EINTR) return -errno; // EAGAIN: something was renamed on the way
  }
  return open_part_by_part(dir, name, flags);
}

error open_error(int number, std::string_view name) {
  const std::string shown = quoted_name(name);
  switch (number) {
  case ENOENT:
    return error(errc::not_found, "File not found: " + shown);
  case ELOOP:
    return error(errc::invalid_argument, shown + " leads through a symbolic link; links are not followed");
  case EXDEV:
    return error(errc::invalid_argument, shown + " leads out of its folder");
  case ENOTDIR:
    return error(errc::invalid_argument, shown + " is no folder, or leads through something that is none");
  case EACCES:
  case EPERM:
    return error(errc::permission_denied,
                 shown + " may not be opened by this process; look at the owner and mode of the file and its folder");
  case EMFILE:
  case ENFILE:
    return error(errc::unavailable, shown + " cannot be opened now: too many files are open; try again");
  case EWOULDBLOCK:
    return error(errc::unavailable, shown + " is in use by another program; try again");
  default:
    return errno_error(number, shown);
  }
}

void require_kind(const struct stat& status, std::string_view name, allowed what, bool refuse_hard_links) {
  const auto refuse = [&](const char* why) { throw error(errc::invalid_argument, quoted_name(name) + why); };
  switch (status.st_mode & S_IFMT) {
  case S_IFREG:
    if (refuse_hard_links && status.st_nlink > 1)
      refuse(" has more than one name (hard link), which is not allowed here");
    return;
  case S_IFDIR:
    if (what == allowed::file) refuse(" is a folder, not a file");
    return;
  case S_IFLNK:
    refuse(" is a symbolic link; links are not followed");
    break;
  case S_IFIFO:
    refuse(" is a named pipe (FIFO), not a file");
    break;
  case S_IFSOCK:
    refuse(" is a socket, not a file");
    break;
  default:
    refuse(" is a device, not a file");
    break;
  }
}

file_info info_of(const struct stat& status) noexcept {
  constexpr std::int64_t most_seconds = 9'223'372'035; // 2^63 ns, less one second to spare
  file_info info;
  info.is_folder = S_ISDIR(status.st_mode);
  info.size_bytes = static_cast<std::uint64_t>(status.st_size);
  const std::int64_t seconds = std::clamp<std::int64_t>(status.st_mtim.tv_sec, -most_seconds, most_seconds);
  info.modified = file_time(std::chrono::seconds(seconds) + std::chrono::nanoseconds(status.st_mtim.tv_nsec));
  info.device = status.st_dev;
  info.inode = status.st_ino;
  return info;
}

} // namespace weir::files::detail
