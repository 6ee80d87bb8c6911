#include <weir/core/error.hpp>
#include <weir/files/name.hpp>
#include <weir/files/publish.hpp>

#include <fcntl.h>
#include <files/confine.hpp>
#include <files/digest.hpp>
#include <files/staging.hpp>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace weir::files {

using detail::staging;
using detail::throw_write_error;

static bool taken(int dir, const std::string& part) noexcept {
  struct stat status;
  return ::fstatat(dir, part.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

static error name_taken(std::string_view name) {
  return error(errc::already_exists,
               quoted_name(name) + " exists already; choose another name, or allow it to be replaced");
}

/// Throws unless `part` is free or a regular file.
static void require_replaceable(int dir, const std::string& part, std::string_view name) {
  struct stat status;
  if (::fstatat(dir, part.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) {
    detail::require_kind(status, name, detail::allowed::file, false);
  } else if (errno != ENOENT) {
    throw_write_error(errno, name);
  }
}

/// A number from `from` upwards whose name is free just now. Doubling and halving, so that the ten-thousandth picture
/// of one name does not ask for ten thousand names.
static unsigned free_number(int dir, std::string_view last, unsigned from) {
  const auto is_taken = [&](unsigned n) { return taken(dir, numbered_name(last, n)); };
  unsigned low = from;
  for (; low < from + 16; ++low) {
    if (!is_taken(low)) return low;
  }
  unsigned step = 16;
  while (step < 1U << 29 && is_taken(low + step)) {
    low += step;
    step *= 2;
  }
  unsigned high = low + step;
  if (!is_taken(low)) return low;
  while (high - low > 1) {
    const unsigned middle = low + (high - low) / 2;
    (is_taken(middle) ? low : high) = middle;
  }
  return high;
}

/// A write past RLIMIT_FSIZE would kill the process with SIGXFSZ.
static bool beyond_process_limit(std::uint64_t end) noexcept {
  rlimit limit;
  if (end > static_cast<std::uint64_t>(INT64_MAX)) return true;
  return ::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && end > limit.rlim_cur;
}

static void reserve_room(int fd, std::uint64_t bytes, std::string_view name) {
  if (bytes == 0) return;
  if (beyond_process_limit(bytes)) throw_write_error(EFBIG, name);
  // Asked first, because a reservation that fails takes the last free block from everybody else before it does.
  struct statvfs disk;
  bool full = ::fstatvfs(fd, &disk) == 0 && bytes / disk.f_frsize >= disk.f_bavail;
  int number = full ? ENOSPC : EINTR;
  while (number == EINTR) {
    number = ::fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(bytes)) == 0 ? 0 : errno;
  }
  full = number == ENOSPC || number == EDQUOT;
  if (full) {
    throw error(errc::no_space, "No room for " + quoted_name(name) + ": it needs " + std::to_string(bytes) +
                                    " bytes, and the disk or the quota has not that many free; nothing was written");
  }
  if (number != 0 && number != EOPNOTSUPP && number != ENOSYS) throw_write_error(number, name);
}

struct publication::state {
  publish_options options;
  std::string name;   ///< as asked for
  std::string folder; ///< the parts of it
  std::string last;
  unique_fd dir; ///< of the folder
  staging stage;
  detail::digest sum;
  std::uint64_t bytes = 0;
  bool external = false; ///< somebody else may have written: length and digest are read back
  bool failed = false;   ///< a write was refused: the content is not complete
  bool done = false;

  void aim(const root& in, std::string_view at) {
    validate_name(at);
    const std::string_view above = split_extension(at).folder;
    unique_fd opened = in.open_dir(above);
    dir = std::move(opened);
    name = at;
    folder = above;
    last = last_part(at);
  }

  std::uint64_t length() const {
    struct stat status;
    if (::fstat(stage.fd(), &status) != 0) throw_write_error(errno, name);
    return static_cast<std::uint64_t>(status.st_size);
  }

  /// Copies the content into a new staging in the aimed-at folder.
  void restage(staging::kind how) {
    staging next = staging::create(dir.get(), options.mode, name, how);
    const std::uint64_t size = external ? length() : bytes;
    reserve_room(next.fd(), std::max(size, options.expected_bytes), name);
    detail::copy_content(stage.fd(), next.fd(), size, name);
    stage = std::move(next);
  }

  int place(const std::string& part, bool over) {
    const auto attempt = [&] {
      return over ? stage.publish_over(dir.get(), part) : stage.publish_new(dir.get(), part);
    };
    int number = attempt();
    if (number == EXDEV || number == EOPNOTSUPP) {
      restage(number == EXDEV ? staging::kind::unnamed_if_possible : staging::kind::named);
      settle();
      number = attempt();
      if (number == EOPNOTSUPP) {
        restage(staging::kind::named);
        settle();
        number = attempt();
      }
    }
    return number;
  }

  /// The last chance for a disk to say that it is full, before the name exists.
  void settle() {
    // Gives back what was reserved and not used, and a piece of a failed write that could not be cut off at once.
    const bool spare = options.expected_bytes > bytes || length() != bytes;
    if (spare && ::ftruncate(stage.fd(), static_cast<off_t>(bytes)) != 0) throw_write_error(errno, name);
    const int copy = ::fcntl(stage.fd(), F_DUPFD_CLOEXEC, 0); // network file systems report on close
    if (copy < 0 || ::close(copy) != 0) throw_write_error(errno, name);
    if (options.sync != sync_policy::none && ::fsync(stage.fd()) != 0) throw_write_error(errno, name);
  }

  /// Returns the part under which it was published.
  std::string publish() {
    if (options.on_conflict == on_conflict::replace) require_replaceable(dir.get(), last, name);
    int number = place(last, false);
    std::string part = last;
    if (number == EEXIST && options.on_conflict == on_conflict::replace) {
      require_replaceable(dir.get(), last, name);
      number = place(last, true);
    }
    if (options.on_conflict == on_conflict::number) {
      for (unsigned next = 2; number == EEXIST; ++next) {
        next = free_number(dir.get(), last, next);
        part = numbered_name(last, next);
        if (next >= 1U << 30 || !is_valid_name(join_name(folder, part))) break;
        number = place(part, false);
      }
    }
    if (number == EEXIST) throw name_taken(name);
    if (number != 0) throw_write_error(number, name);
    return part;
  }
};

publication::publication(std::unique_ptr<state> s) noexcept : state_(std::move(s)) {}
publication::publication(publication&&) noexcept = default;
publication& publication::operator=(publication&&) noexcept = default;
publication::~publication() = default;

publication publication::reserve(const root& in, std::string_view name, const publish_options& options) {
  auto s = std::make_unique<state>();
  s->options = options;
  s->aim(in, name);
  if (options.max_bytes != 0 && options.expected_bytes > options.max_bytes) {
    throw error(errc::too_large, quoted_name(name) + " would have " + std::to_string(options.expected_bytes) +
                                     " bytes; " + std::to_string(options.max_bytes) + " are allowed");
  }
  if (options.on_conflict == on_conflict::fail && taken(s->dir.get(), s->last)) throw name_taken(name);
  if (options.on_conflict == on_conflict::replace) require_replaceable(s->dir.get(), s->last, name);
  s->stage = staging::create(s->dir.get(), options.mode, name);
  reserve_room(s->stage.fd(), options.expected_bytes, name);
  return publication(std::move(s));
}

void publication::write(std::string_view bytes) { write(std::as_bytes(std::span(bytes))); }

void publication::write(std::span<const std::byte> bytes) {
  state& s = *state_;
  if (s.done || s.external || s.failed) {
    throw error(errc::internal, "Write to " + quoted_name(s.name) + " after " +
                                    (s.done     ? "it was published"
                                     : s.failed ? "a failed write"
                                                : "its descriptor was given away"));
  }
  const std::uint64_t end = s.bytes + bytes.size();
  const bool beyond = s.options.max_bytes != 0 && end > s.options.max_bytes;
  if (beyond || beyond_process_limit(end)) {
    s.failed = true;
    if (!beyond) throw_write_error(EFBIG, s.name);
    throw error(errc::too_large, quoted_name(s.name) + " is larger than the " + std::to_string(s.options.max_bytes) +
                                     " bytes that are allowed");
  }
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n =
        ::pwrite(s.stage.fd(), bytes.data() + done, bytes.size() - done, static_cast<off_t>(s.bytes + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      const int number = errno;
      s.failed = true;
      if (::ftruncate(s.stage.fd(), static_cast<off_t>(s.bytes)) != 0) { /* commit cuts it again */
      }
      throw_write_error(number, s.name);
    }
    done += static_cast<std::size_t>(n);
  }
  s.sum.add(bytes.data(), bytes.size());
  s.bytes = end;
}

int publication::fd() noexcept {
  state_->external = true;
  return state_->stage.fd();
}

std::string publication::hash_existing() {
  state& s = *state_;
  detail::digest sum;
  std::string buffer(1 << 18, '\0');
  std::uint64_t at = 0;
  for (;;) {
    const ssize_t n = ::pread(s.stage.fd(), buffer.data(), buffer.size(), static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw errno_error(errno, quoted_name(s.name) + " cannot be read back");
    if (n == 0) break;
    sum.add(buffer.data(), static_cast<std::size_t>(n));
    at += static_cast<std::uint64_t>(n);
  }
  s.sum = std::move(sum);
  s.bytes = at;
  return s.sum.hex();
}

std::string publication::sha256() const { return state_->sum.hex(); }
std::uint64_t publication::bytes() const noexcept { return state_->bytes; }
const std::string& publication::name() const noexcept { return state_->name; }

published publication::commit() {
  state& s = *state_;
  if (s.done) throw error(errc::internal, quoted_name(s.name) + " was published already");
  if (s.failed) {
    throw error(errc::invalid_argument,
                quoted_name(s.name) + " is not complete: a write to it failed; nothing was published");
  }
  if (s.external) hash_existing();
  if (s.options.max_bytes != 0 && s.bytes > s.options.max_bytes) {
    throw error(errc::too_large, quoted_name(s.name) + " has " + std::to_string(s.bytes) + " bytes; " +
                                     std::to_string(s.options.max_bytes) + " are allowed");
  }
  published result{{}, s.bytes, s.sum.hex()};
  s.settle();
  result.name = join_name(s.folder, s.publish());
  s.done = true;
  s.stage = staging();
  if (s.options.sync == sync_policy::file_and_dir && ::fsync(s.dir.get()) != 0 && errno != EINVAL && errno != EBADF) {
    throw errno_error(errno,
                      quoted_name(result.name) + " was published, but its folder could not be synced to the disk");
  }
  return result;
}

void publication::move_to(const root& other, std::string_view name) {
  state& s = *state_;
  if (s.done) throw error(errc::internal, quoted_name(s.name) + " was published already");
  state target;
  target.aim(other, name);
  struct stat here, there;
  if (::fstat(s.stage.fd(), &here) != 0 || ::fstat(target.dir.get(), &there) != 0) throw_write_error(errno, name);
  if (here.st_dev != there.st_dev) {
    target.options = s.options;
    target.external = s.external;
    target.bytes = s.bytes;
    std::swap(target.stage, s.stage);
    try {
      target.restage(staging::kind::unnamed_if_possible);
    } catch (...) {
      std::swap(target.stage, s.stage);
      throw;
    }
    s.stage = std::move(target.stage);
  }
  s.options.on_conflict = on_conflict::number;
  s.dir = std::move(target.dir);
  s.name = std::move(target.name);
  s.folder = std::move(target.folder);
  s.last = std::move(target.last);
  s.failed = false;
}

published publication::rescue(const root& recovery, std::string_view name) {
  if (state_->failed) {
    throw error(errc::invalid_argument, quoted_name(state_->name) + " is not complete: a write to it failed; move_to "
                                                                    "another folder and write the rest instead");
  }
  move_to(recovery, name);
  return commit();
}

} // namespace weir::files
