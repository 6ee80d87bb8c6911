#include "jobs/schema.hpp"

#include <weir/core/unique_fd.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <climits>
#include <thread>

namespace weir::jobs::detail {
namespace {

constexpr std::int64_t application_id = 0x57656972; // "Weir", in the file's header: what `file` and we know it by

// `sequence` orders the jobs and is never used twice, so a page that was read stays where it was.
constexpr const char* version_1 = R"sql(
  CREATE TABLE jobs (
    sequence        INTEGER PRIMARY KEY AUTOINCREMENT,
    id              TEXT NOT NULL UNIQUE CHECK (id <> ''),
    kind            TEXT NOT NULL,
    provider        TEXT NOT NULL,
    operation       TEXT NOT NULL,
    status          TEXT NOT NULL,
    progress        INTEGER NOT NULL CHECK (progress BETWEEN 0 AND 100),
    remote_id       TEXT NOT NULL,
    request         TEXT NOT NULL,
    result          TEXT NOT NULL,
    error_code      TEXT NOT NULL,
    error_message   TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    folder          TEXT NOT NULL,
    destination     TEXT NOT NULL,
    recovered       TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    attempts        INTEGER NOT NULL,
    revision        INTEGER NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX jobs_by_key ON jobs (provider, idempotency_key) WHERE idempotency_key <> '';
  CREATE INDEX jobs_by_remote ON jobs (provider, remote_id) WHERE remote_id <> '';
  CREATE INDEX jobs_unfinished ON jobs (sequence) WHERE status IN ('reserved', 'submitting', 'queued', 'in_progress');
)sql";

constexpr const char* steps_of_weir[] = {version_1};

error refused(errc code, const std::string& why) { return {code, std::string(table_name) + " " + why}; }

void refuse_unless_plain(int folder_fd, const std::string& name) {
  struct stat info;
  if (fstatat(folder_fd, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return;
    throw errno_error(errno, table_name);
  }
  if (!S_ISREG(info.st_mode)) throw refused(errc::invalid_argument, "must be plain files: .weir/" + name + " is none");
  if (info.st_nlink > 1)
    throw refused(errc::invalid_argument, "must have one name only: a second hard link leads to .weir/" + name);
}

/// Creates the file where it is missing; refuses whatever is not a plain file with one name, also where SQLite keeps
/// what belongs to it.
void ensure_plain_files(int folder_fd) {
  for (const auto suffix : {"", "-wal", "-shm", "-journal"})
    refuse_unless_plain(folder_fd, file_name + std::string(suffix));
  const unique_fd made(openat(folder_fd, file_name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!made && errno != EEXIST) throw errno_error(errno, table_name);
  if (made && fsync(folder_fd) != 0) throw errno_error(errno, table_name); // the name too must survive a power cut
}

/// SQLite opens by path only: the folder's own path, free of links, as the kernel tells it.
std::string path_in(int folder_fd) {
  std::string folder(PATH_MAX, '\0');
  const auto length = readlink(("/proc/self/fd/" + std::to_string(folder_fd)).c_str(), folder.data(), folder.size());
  if (length < 0) throw errno_error(errno, table_name);
  folder.resize(static_cast<std::size_t>(length));
  struct stat by_path, by_fd;
  if (stat(folder.c_str(), &by_path) != 0 || fstat(folder_fd, &by_fd) != 0) throw errno_error(errno, table_name);
  if (by_path.st_dev != by_fd.st_dev || by_path.st_ino != by_fd.st_ino)
    throw refused(errc::unavailable, "cannot be opened: its folder was moved meanwhile, try again");
  return folder + "/" + file_name;
}

void check_owner(connection& c, std::size_t newest) {
  const auto owner = c.query_number("PRAGMA application_id");
  const auto version = c.query_number("PRAGMA user_version");
  const auto tables = c.query_number("SELECT count(*) FROM sqlite_schema");
  if (owner == application_id ? version < 1 : (owner != 0 || version != 0 || tables != 0))
    throw refused(errc::corrupt, "belongs to another program; it was left as it is");
  if (version > static_cast<std::int64_t>(newest))
    throw refused(errc::unsupported, "was written by a newer Weir (version " + std::to_string(version) +
                                         " of the table, this one knows " + std::to_string(newest) +
                                         "): use that one; nothing was changed");
}

/// Two processes that open a new file at once: one of them switches, the other is told "locked" without waiting.
void use_write_ahead_log(connection& c) {
  for (int attempt = 1;; ++attempt) {
    try {
      return c.execute("PRAGMA journal_mode = WAL");
    } catch (const error& e) {
      if (e.code() != errc::unavailable || attempt == 200) throw;
      std::this_thread::sleep_for(std::chrono::milliseconds(25));
    }
  }
}

void migrate(connection& c, std::span<const char* const> steps) {
  if (static_cast<std::size_t>(c.query_number("PRAGMA user_version")) == steps.size()) return;
  transaction t(c);
  check_owner(c, steps.size()); // again: another process may have been faster
  const auto version = static_cast<std::size_t>(c.query_number("PRAGMA user_version"));
  for (std::size_t step = version; step < steps.size(); ++step) c.execute(steps[step]);
  c.execute(("PRAGMA application_id = " + std::to_string(application_id)).c_str());
  c.execute(("PRAGMA user_version = " + std::to_string(steps.size())).c_str());
  t.commit();
}

} // namespace

std::span<const char* const> schema_steps() noexcept { return steps_of_weir; }

connection open_table(int folder_fd, std::span<const char* const> steps) {
  ensure_plain_files(folder_fd);
  connection c(path_in(folder_fd), table_name);
  c.execute("BEGIN"); // one snapshot: another process may be building the table
  check_owner(c, steps.size());
  c.execute("COMMIT");
  // FULL: a commit returns only when it is on the disk. An idempotency key must be there before the call that it is
  // sent with, or a power cut makes the call a second purchase.
  c.execute("PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 16777216;");
  use_write_ahead_log(c);
  migrate(c, steps);
  return c;
}

} // namespace weir::jobs::detail
