#include <weir/core/error.hpp>
#include <weir/files/name.hpp>

#include <fcntl.h>
#include <files/confine.hpp>
#include <files/making.hpp>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace weir::files::detail {

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
    require_kind(status, name, allowed::file, false);
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

bool beyond_process_limit(std::uint64_t end) noexcept {
  rlimit limit;
  if (end > static_cast<std::uint64_t>(INT64_MAX)) return true;
  return ::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && end > limit.rlim_cur;
}

static void reserve_on_disk(int fd, std::uint64_t bytes, std::uint64_t have, std::string_view name) {
  if (bytes <= have) return;
  if (beyond_process_limit(bytes)) throw_write_error(EFBIG, name);
  // Asked first, because a reservation that fails takes the last free block from everybody else before it does.
  struct statvfs disk;
  bool full = ::fstatvfs(fd, &disk) == 0 && (bytes - have) / disk.f_frsize >= disk.f_bavail;
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

void making::aim(const root& in, std::string_view at) {
  validate_name(at);
  const std::string_view above = split_extension(at).folder;
  unique_fd opened = in.open_dir(above);
  dir = std::move(opened);
  name = at;
  folder = above;
  last = last_part(at);
}

void making::check_rules() const {
  if (options.max_bytes != 0 && options.expected_bytes > options.max_bytes) {
    throw error(errc::too_large, quoted_name(name) + " would have " + std::to_string(options.expected_bytes) +
                                     " bytes; " + std::to_string(options.max_bytes) + " are allowed");
  }
  if (options.on_conflict == on_conflict::fail && taken(dir.get(), last)) throw name_taken(name);
  if (options.on_conflict == on_conflict::replace) require_replaceable(dir.get(), last, name);
}

void making::reserve_room(std::uint64_t have) const { reserve_on_disk(stage.fd(), options.expected_bytes, have, name); }

void making::append(std::span<const std::byte> more) {
  if (done || external || failed) {
    throw error(errc::internal, "Write to " + quoted_name(name) + " after " +
                                    (done     ? "it was published"
                                     : failed ? "a failed write"
                                              : "its descriptor was given away"));
  }
  const std::uint64_t end = bytes + more.size();
  const bool beyond = options.max_bytes != 0 && end > options.max_bytes;
  if (beyond || beyond_process_limit(end)) {
    failed = true;
    if (!beyond) throw_write_error(EFBIG, name);
    throw error(errc::too_large, quoted_name(name) + " is larger than the " + std::to_string(options.max_bytes) +
                                     " bytes that are allowed");
  }
  std::size_t written = 0;
  while (written < more.size()) {
    const ssize_t n =
        ::pwrite(stage.fd(), more.data() + written, more.size() - written, static_cast<off_t>(bytes + written));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      const int number = errno;
      failed = true;
      if (::ftruncate(stage.fd(), static_cast<off_t>(bytes)) != 0) { /* commit cuts it again */
      }
      throw_write_error(number, name);
    }
    written += static_cast<std::size_t>(n);
  }
  sum.add(more.data(), more.size());
  bytes = end;
}

std::uint64_t making::length() const {
  struct stat status;
  if (::fstat(stage.fd(), &status) != 0) throw_write_error(errno, name);
  return static_cast<std::uint64_t>(status.st_size);
}

std::string making::hash_existing() {
  digest read;
  std::string buffer(1 << 18, '\0');
  std::uint64_t at = 0;
  for (;;) {
    const ssize_t n = ::pread(stage.fd(), buffer.data(), buffer.size(), static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw errno_error(errno, quoted_name(name) + " cannot be read back");
    if (n == 0) break;
    read.add(buffer.data(), static_cast<std::size_t>(n));
    at += static_cast<std::uint64_t>(n);
  }
  sum = std::move(read);
  bytes = at;
  return sum.hex();
}

void making::restage(staging::kind how) {
  staging next = staging::create(dir.get(), options.mode, name, how);
  const std::uint64_t size = external ? length() : bytes;
  reserve_on_disk(next.fd(), std::max(size, options.expected_bytes), 0, name);
  copy_content(stage.fd(), next.fd(), size, name);
  stage = std::move(next);
}

int making::place(const std::string& part, bool over) {
  const auto attempt = [&] { return over ? stage.publish_over(dir.get(), part) : stage.publish_new(dir.get(), part); };
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
void making::settle() {
  // Gives back what was reserved and not used, and a piece of a failed write that could not be cut off at once.
  const bool spare = options.expected_bytes > bytes || length() != bytes;
  if (spare && ::ftruncate(stage.fd(), static_cast<off_t>(bytes)) != 0) throw_write_error(errno, name);
  const int copy = ::fcntl(stage.fd(), F_DUPFD_CLOEXEC, 0); // network file systems report on close
  if (copy < 0 || ::close(copy) != 0) throw_write_error(errno, name);
  if (options.sync != sync_policy::none && ::fsync(stage.fd()) != 0) throw_write_error(errno, name);
}

/// Returns the part under which it was published.
std::string making::publish() {
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

published making::commit() {
  if (done) throw error(errc::internal, quoted_name(name) + " was published already");
  if (failed) {
    throw error(errc::invalid_argument,
                quoted_name(name) + " is not complete: a write to it failed; nothing was published");
  }
  if (external) hash_existing();
  if (options.max_bytes != 0 && bytes > options.max_bytes) {
    throw error(errc::too_large, quoted_name(name) + " has " + std::to_string(bytes) + " bytes; " +
                                     std::to_string(options.max_bytes) + " are allowed");
  }
  published result{{}, bytes, sum.hex()};
  settle();
  result.name = join_name(folder, publish());
  done = true;
  stage = staging();
  if (options.sync == sync_policy::file_and_dir && ::fsync(dir.get()) != 0 && errno != EINVAL && errno != EBADF) {
    throw errno_error(errno,
                      quoted_name(result.name) + " was published, but its folder could not be synced to the disk");
  }
  return result;
}

} // namespace weir::files::detail
