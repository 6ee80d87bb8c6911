#include <weir/files/publish.hpp>

#include <dirent.h>
#include <fcntl.h>
#include <files/private_file.hpp>
#include <files/staging.hpp>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

namespace weir::files {

namespace {

constexpr int max_depth = 64; ///< as many folders are open at once
/// A part_file that nobody has written to for so long is not gone on with any more.
constexpr std::time_t partial_lasts_seconds = 7 * 24 * 3600;

struct close_folder {
  void operator()(DIR* folder) const noexcept { ::closedir(folder); }
};

bool is_old(const struct stat& status) noexcept { return ::time(nullptr) - status.st_mtime > partial_lasts_seconds; }

/// Removes the part where its writer is gone: the lock of a writer ends with its process. With `facts`, a part that may
/// be gone on with: only when it is old, and those go with it.
bool remove_if_dead(int dir, const char* name, const std::string& facts = {}) {
  struct stat status, locked, again;
  if (::fstatat(dir, name, &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(status.st_mode)) return false;
  if (!facts.empty() && !is_old(status)) return false;
  const unique_fd fd(::openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd || ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) return false; // where nothing can be locked, nothing is removed
  const bool same = ::fstat(fd.get(), &locked) == 0 && ::fstatat(dir, name, &again, AT_SYMLINK_NOFOLLOW) == 0 &&
                    locked.st_ino == again.st_ino && locked.st_dev == again.st_dev;
  if (!same || (!facts.empty() && !is_old(locked))) return false;
  if (!facts.empty()) ::unlinkat(dir, facts.c_str(), 0); // first, while the lock keeps the next writer out
  return ::unlinkat(dir, name, 0) == 0;
}

/// Removes old facts whose part was published, by a process that was killed in between.
bool remove_if_alone(int dir, const char* name, const std::string& part) {
  struct stat status;
  if (::fstatat(dir, part.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT) return false;
  return ::fstatat(dir, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && is_old(status) && remove_if_dead(dir, name);
}

std::string with_tail(std::string_view name, std::string_view old, std::string_view other) {
  return std::string(name.substr(0, name.size() - old.size())).append(other);
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
    } else if (detail::is_hidden_name(name, detail::partial_tail)) {
      removed += remove_if_dead(dir, entry->d_name, with_tail(name, detail::partial_tail, detail::facts_tail)) ? 1 : 0;
    } else if (detail::is_hidden_name(name, detail::facts_tail)) {
      removed += remove_if_alone(dir, entry->d_name, with_tail(name, detail::facts_tail, detail::partial_tail)) ? 1 : 0;
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
