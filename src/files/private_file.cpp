#include <weir/core/error.hpp>
#include <weir/files/name.hpp>

#include <fcntl.h>
#include <files/digest.hpp>
#include <files/private_file.hpp>
#include <files/staging.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace weir::files::detail {
namespace {

constexpr std::string_view head = ".weir-";
constexpr std::size_t digits = 32;

bool same_file(const struct stat& a, const struct stat& b) noexcept {
  return a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

bool may_be_ours(const struct stat& status, const struct stat& folder) noexcept {
  // Some network file systems show one fixed owner for everything.
  const bool owned = status.st_uid == ::geteuid() || status.st_uid == folder.st_uid;
  return S_ISREG(status.st_mode) && status.st_nlink == 1 && owned;
}

} // namespace

std::string hidden_stem(std::string_view last) {
  digest sum;
  sum.add(last.data(), last.size());
  return std::string(head) + sum.hex().substr(0, digits);
}

bool is_hidden_name(std::string_view name, std::string_view tail) noexcept {
  if (name.size() != head.size() + digits + tail.size() || !name.starts_with(head) || !name.ends_with(tail))
    return false;
  return name.substr(head.size(), digits).find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

unique_fd open_private(int dir, const std::string& part, std::string_view shown) {
  struct stat folder, before, opened, after;
  if (::fstat(dir, &folder) != 0) throw_write_error(errno, shown);
  for (int tries = 0; tries < 32; ++tries) {
    unique_fd fd;
    if (::fstatat(dir, part.c_str(), &before, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno != ENOENT) throw_write_error(errno, shown);
      fd.reset(::openat(dir, part.c_str(), O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0600));
      if (!fd && errno == EEXIST) continue;
      if (!fd) throw_write_error(errno, shown);
    } else if (S_ISDIR(before.st_mode)) {
      throw error(errc::invalid_argument,
                  quoted_name(shown) + " cannot be written: a folder has the hidden name of its unfinished part");
    } else if (!may_be_ours(before, folder)) {
      if (::unlinkat(dir, part.c_str(), 0) != 0 && errno != ENOENT) throw_write_error(errno, shown);
      continue;
    } else {
      fd.reset(::openat(dir, part.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
      if (!fd && (errno == ENOENT || errno == ELOOP || errno == ENXIO)) continue; // it was changed meanwhile
      if (!fd) throw_write_error(errno, shown);
    }
    if (!lock_part(fd.get())) return {};
    // Whoever had the lock until now may have published or removed the file that was opened here.
    if (::fstat(fd.get(), &opened) == 0 && ::fstatat(dir, part.c_str(), &after, AT_SYMLINK_NOFOLLOW) == 0 &&
        same_file(opened, after) && may_be_ours(opened, folder))
      return fd;
  }
  throw error(errc::unavailable, quoted_name(shown) +
                                     " cannot be written now: its unfinished part is changed by others "
                                     "all the time; try again");
}

} // namespace weir::files::detail
