#include <weir/core/cancelled.hpp>
#include <weir/core/error.hpp>
#include <weir/files/name.hpp>
#include <weir/files/root.hpp>

#include <fcntl.h>
#include <files/confine.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace weir::files {

static constexpr int folder_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

/// The last part of an operator's path: enough to know it by, without showing the server's tree.
static std::string shown_folder(const std::string& path) {
  std::string_view view = path;
  while (view.size() > 1 && view.back() == '/') view.remove_suffix(1);
  return "The folder " + quoted_name(last_part(view));
}

root root::open(const std::string& path, root_options options) {
  if (path.empty() || path.find('\0') != std::string::npos) {
    throw error(errc::invalid_argument, "The path of a folder is empty or holds a null byte");
  }
  unique_fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd) return root(std::move(fd), options);
  const int number = errno;
  const bool absent = number == ENOENT || number == ENOTDIR;
  throw error(absent ? errc::not_configured : errno_error(number, "").code(),
              shown_folder(path) +
                  " cannot be opened: " + (absent ? "there is no such folder" : ::strerrordesc_np(number)));
}

root root::open_or_create(const std::string& path, root_options options) {
  for (std::size_t end = 0; end < path.size() && path.find('\0') == std::string::npos;) {
    end = std::min(path.find('/', end + 1), path.size());
    const std::string folder = path.substr(0, end);
    struct stat status;
    if (::mkdir(folder.c_str(), options.folder_mode) == 0) continue;
    const int number = errno; // a folder that exists may say EEXIST, EROFS or EACCES
    if (::stat(folder.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) {
      throw error(number == EEXIST ? errc::not_configured : errno_error(number, "").code(),
                  shown_folder(folder) + " cannot be created: " +
                      (number == EEXIST ? "something else has that name" : ::strerrordesc_np(number)));
    }
  }
  return open(path, options);
}

/// Opens `name` only as a place in the tree: nothing happens to what is there.
static unique_fd open_place(const root& in, std::string_view name, struct stat& status) {
  validate_name(name);
  unique_fd place(detail::open_beneath(in.fd(), std::string(name), O_PATH));
  if (!place) throw detail::open_error(-place.release(), name);
  if (::fstat(place.get(), &status) != 0) throw detail::open_error(errno, name);
  return place;
}

/// Opens for reading what `place` holds. Without /proc, or where it is closed to us (a process that changed its user),
/// the name is resolved once more and must lead to the same file.
static unique_fd reopen(const root& in, int place, std::string_view name, const struct stat& status) {
  constexpr int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  const std::string link = "/proc/self/fd/" + std::to_string(place);
  unique_fd fd(::open(link.c_str(), flags));
  if (!fd && (errno == ENOENT || errno == EACCES)) {
    fd.reset(detail::open_beneath(in.fd(), std::string(name), flags));
    if (!fd) throw detail::open_error(-fd.release(), name);
    struct stat again;
    if (::fstat(fd.get(), &again) != 0) throw detail::open_error(errno, name);
    if (again.st_dev != status.st_dev || again.st_ino != status.st_ino) throw detail::open_error(ENOENT, name);
  }
  if (!fd) throw detail::open_error(errno, name);
  ::fcntl(fd.get(), F_SETFL, 0); // O_NONBLOCK guarded the open; those who inherit the descriptor do not expect it
  return fd;
}

file root::open_read(std::string_view name) const {
  struct stat status;
  const unique_fd place = open_place(*this, name, status);
  detail::require_kind(status, name, detail::allowed::file, options_.refuse_hard_links);
  file opened{reopen(*this, place.get(), name, status), {}};
  if (::fstat(opened.fd.get(), &status) != 0) throw detail::open_error(errno, name);
  opened.info = detail::info_of(status);
  return opened;
}

unique_fd root::open_dir(std::string_view name) const {
  if (name.empty()) {
    unique_fd self(::openat(fd(), ".", folder_flags));
    if (!self) throw detail::open_error(errno, ".");
    return self;
  }
  validate_name(name);
  unique_fd fd(detail::open_beneath(this->fd(), std::string(name), folder_flags));
  if (fd) return fd;
  const int number = -fd.release();
  if (number == ENOENT) throw error(errc::not_found, "Folder not found: " + quoted_name(name));
  throw detail::open_error(number, name);
}

file_info root::stat(std::string_view name) const {
  struct stat status;
  open_place(*this, name, status);
  detail::require_kind(status, name, detail::allowed::file_or_folder, options_.refuse_hard_links);
  return detail::info_of(status);
}

void root::remove(std::string_view name) const {
  validate_name(name);
  const unique_fd folder = open_dir(split_extension(name).folder);
  const std::string last(last_part(name));
  struct stat status;
  if (::fstatat(folder.get(), last.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) throw detail::open_error(errno, name);
  detail::require_kind(status, name, detail::allowed::file, false);
  if (::unlinkat(folder.get(), last.c_str(), 0) != 0) throw detail::open_error(errno, name);
}

root root::subroot(std::string_view name, bool create) const {
  validate_name(name);
  for (std::size_t end = 0; create && end < name.size();) {
    end = std::min(name.find('/', end + 1), name.size());
    const std::string_view folder = name.substr(0, end);
    const unique_fd above = open_dir(split_extension(folder).folder);
    if (::mkdirat(above.get(), std::string(last_part(folder)).c_str(), options_.folder_mode) != 0 && errno != EEXIST) {
      throw detail::open_error(errno, folder);
    }
  }
  return root(open_dir(name), options_);
}

root root::private_root() const {
  if (::mkdirat(fd(), ".weir", 0700) != 0 && errno != EEXIST)
    throw errno_error(errno, "in this folder nothing can be written ('.weir', where unfinished files are kept)");
  unique_fd folder(::openat(fd(), ".weir", folder_flags));
  if (!folder) throw detail::open_error(errno, ".weir");
  return root(std::move(folder), options_);
}

static error too_large(std::string_view name, std::uint64_t max_bytes) {
  return error(errc::too_large,
               quoted_name(name) + " is larger than the " + std::to_string(max_bytes) + " bytes that are allowed here");
}

std::string root::read_all(std::string_view name, std::uint64_t max_bytes, const std::stop_token& stop) const {
  constexpr std::size_t piece_bytes = 1 << 20;
  const file from = open_read(name);
  if (from.info.size_bytes > max_bytes) throw too_large(name, max_bytes);
  std::string bytes(static_cast<std::size_t>(from.info.size_bytes), '\0');
  std::size_t filled = 0;
  for (;;) {
    if (stop.stop_requested()) throw cancelled();
    if (filled == bytes.size()) { // at the size that was promised: is there more?
      char more;
      const ssize_t n = ::read(from.fd.get(), &more, 1);
      if (n == 0) break;
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw detail::open_error(errno, name);
      if (filled >= max_bytes) throw too_large(name, max_bytes);
      bytes.resize(static_cast<std::size_t>(std::min<std::uint64_t>(max_bytes, filled + piece_bytes)));
      bytes[filled++] = more;
      continue;
    }
    const ssize_t n = ::read(from.fd.get(), bytes.data() + filled, std::min(piece_bytes, bytes.size() - filled));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw detail::open_error(errno, name);
    if (n == 0) break;
    filled += static_cast<std::size_t>(n);
  }
  bytes.resize(filled);
  return bytes;
}

} // namespace weir::files
