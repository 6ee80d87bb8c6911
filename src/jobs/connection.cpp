#include "jobs/connection.hpp"

#include <sqlite3.h>

#include <cerrno>

namespace weir::jobs::detail {
namespace {

constexpr int patience_ms = 10'000; // how long a writer waits for the writers of other processes

errc code_of(int code, int os_error) {
  switch (code & 0xFF) {
  case SQLITE_FULL:
    return errc::no_space;
  case SQLITE_PERM:
  case SQLITE_AUTH:
  case SQLITE_READONLY:
  case SQLITE_CANTOPEN:
    return errc::permission_denied;
  case SQLITE_CORRUPT:
  case SQLITE_NOTADB:
    return errc::corrupt;
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
    return errc::unavailable;
  case SQLITE_TOOBIG:
    return errc::too_large;
  case SQLITE_CONSTRAINT:
    return code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY ? errc::already_exists
                                                                                    : errc::invalid_argument;
  case SQLITE_IOERR: // EFBIG: the process's own limit on file sizes
    return os_error == ENOSPC || os_error == EDQUOT || os_error == EFBIG ? errc::no_space : errc::internal;
  default:
    return errc::internal;
  }
}

std::string_view advice(errc code) {
  switch (code) {
  case errc::no_space:
    return "; free some space and try again, nothing was changed";
  case errc::permission_denied:
    return "; the folder and its files must be writable";
  case errc::corrupt:
    return "; it was left as it is: move it away to begin an empty one";
  case errc::unavailable:
    return "; another process holds it, try again";
  default:
    return "";
  }
}

} // namespace

void connection::closer::operator()(sqlite3* db) const noexcept { sqlite3_close_v2(db); }

connection::connection(const std::string& path, std::string name) : name_(std::move(name)) {
  sqlite3* db = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, nullptr);
  handle_.reset(db);
  if (code != SQLITE_OK) fail(code);
  sqlite3_extended_result_codes(db, 1);
  sqlite3_busy_timeout(db, patience_ms);
  // A destructor must not wait for the disk: the next one to open the file finds everything in the log.
  sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
}

void connection::execute(const char* sql) {
  const int code = sqlite3_exec(handle(), sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code);
}

std::int64_t connection::query_number(const char* sql) {
  statement s(*this, sql);
  return s.step() ? s.number(0) : 0;
}

std::int64_t connection::changes() const noexcept { return sqlite3_changes64(handle()); }

bool connection::in_transaction() const noexcept { return sqlite3_get_autocommit(handle()) == 0; }

void connection::checkpoint() noexcept {
  sqlite3_wal_checkpoint_v2(handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
}

void connection::fail(int code) {
  const errc kind = code_of(code, handle() ? sqlite3_system_errno(handle()) : 0);
  std::string why = handle() ? sqlite3_errmsg(handle()) : sqlite3_errstr(code);
  if (const auto* general = sqlite3_errstr(code); why != general && kind != errc::already_exists)
    why = std::string(general) + " (" + why + ")";
  throw error(kind, name_ + ": " + why + std::string(advice(kind)));
}

void statement::finalizer::operator()(sqlite3_stmt* s) const noexcept { sqlite3_finalize(s); }

statement::statement(connection& owner, std::string_view sql) : owner_(&owner) {
  sqlite3_stmt* s = nullptr;
  const int code = sqlite3_prepare_v3(owner.handle(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &s, nullptr);
  handle_.reset(s);
  if (code != SQLITE_OK) owner.fail(code);
}

statement& statement::bind(int index, std::string_view text) {
  // SQLite takes a null pointer for NULL; an empty view may have one.
  const char* data = text.data() ? text.data() : "";
  const int code = sqlite3_bind_text64(handle_.get(), index, data, text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  if (code != SQLITE_OK) owner_->fail(code);
  return *this;
}

statement& statement::bind(int index, std::int64_t number) {
  const int code = sqlite3_bind_int64(handle_.get(), index, number);
  if (code != SQLITE_OK) owner_->fail(code);
  return *this;
}

bool statement::step() {
  const int code = sqlite3_step(handle_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  owner_->fail(code);
}

void statement::reset() noexcept {
  sqlite3_reset(handle_.get());
  sqlite3_clear_bindings(handle_.get());
}

std::string statement::text(int column) const {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(handle_.get(), column));
  const int size = sqlite3_column_bytes(handle_.get(), column);
  return data ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

std::int64_t statement::number(int column) const { return sqlite3_column_int64(handle_.get(), column); }

transaction::~transaction() {
  // After some errors (a full disk) SQLite has rolled back by itself.
  if (open_ && connection_.in_transaction()) sqlite3_exec(connection_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

void transaction::commit() {
  connection_.execute("COMMIT");
  open_ = false;
}

} // namespace weir::jobs::detail
