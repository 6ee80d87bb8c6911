#include <weir/files/publish.hpp>

#include <dirent.h>
#include <fcntl.h>
#include <files/staging.hpp>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace weir::files {

namespace {

constexpr int max_depth = 64; ///< as many folders are open at once

struct close_folder {
  void operator()(DIR* folder) const noexcept { ::closedir(folder); }
};

/// Removes the part where its writer is gone: the lock of a writer ends with its process.
bool remove_if_dead(int dir, const char* name) {
  struct stat status, locked, again;
  if (::fstatat(dir, name, &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(status.st_mode)) return false;
  const unique_fd fd(::openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd || ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) return false; // where nothing can be locked, nothing is removed
  const bool same = ::fstat(fd.get(), &locked) == 0 && ::fstatat(dir, name, &again, AT_SYMLINK_NOFOLLOW) == 0 &&
                    locked.st_ino == again.st_ino && locked.st_dev == again.st_dev;
  return same && ::unlinkat(dir, name, 0) == 0;
}

std::size_t sweep(unique_fd folder, int depth) {
  const std::unique_ptr<DIR, close_folder> entries(::fdopendir(folder.get()));
  if (!entries) return 0;
  const int dir = folder.release();
  std::size_t removed = 0;
  while (const dirent* entry = ::readdir(entries.get())) {
    const std::string_view name = entry->d_name;
    if (detail::is_part_name(name)) {
      removed += remove_if_dead(dir, entry->d_name) ? 1 : 0;
    } else if (name != "." && name != ".." && depth < max_depth &&
               (entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN)) {
      unique_fd below(::openat(dir, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
      if (below) removed += sweep(std::move(below), depth + 1);
    }
  }
  return removed;
}

} // namespace

std::size_t remove_stale_parts(const root& in) { return sweep(in.open_dir(""), 0); }

} // namespace weir::files
