#pragma once

#include <weir/core/error.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace weir::jobs::detail {

class connection;

/// One prepared statement. Parameters are numbered from 1, columns from 0. A blocking call each; not thread-safe.
class statement {
 public:
  statement() = default;
  statement(connection& owner, std::string_view sql);

  statement& bind(int index, std::string_view text);
  statement& bind(int index, std::int64_t number);

  /// Runs to the next row; returns false at the end. Fails: as SQLite's code says (see connection::fail).
  bool step();
  /// Makes ready for the next run, with no parameter bound. Called by `use` too.
  void reset() noexcept;

  std::string text(int column) const;
  std::int64_t number(int column) const;

 private:
  struct finalizer {
    void operator()(sqlite3_stmt* s) const noexcept;
  };
  connection* owner_ = nullptr;
  std::unique_ptr<sqlite3_stmt, finalizer> handle_;
};

/// Resets a statement at the end of a scope, so that it holds no lock.
class use {
 public:
  explicit use(statement& s) noexcept : statement_(s) {}
  use(const use&) = delete;
  use& operator=(const use&) = delete;
  ~use() { statement_.reset(); }
  statement* operator->() const noexcept { return &statement_; }

 private:
  statement& statement_;
};

/// A connection to one SQLite file. Blocking; one thread at a time.
class connection {
 public:
  /// Opens the existing file at the absolute `path`, which may lead through no symbolic link.
  /// `name` is what errors call it.
  connection(const std::string& path, std::string name);

  void execute(const char* sql);
  std::int64_t query_number(const char* sql);
  std::int64_t changes() const noexcept;
  bool in_transaction() const noexcept;
  /// Copies the write-ahead log into the file.
  void checkpoint() noexcept;

  /// Throws the weir::error for SQLite's result `code`: no_space, permission_denied, corrupt, unavailable (locked by
  /// another process for too long), already_exists (a unique column), too_large, else internal.
  [[noreturn]] void fail(int code);

  sqlite3* handle() const noexcept { return handle_.get(); }

 private:
  struct closer {
    void operator()(sqlite3* db) const noexcept;
  };
  std::string name_;
  std::unique_ptr<sqlite3, closer> handle_;
};

/// A write transaction (BEGIN IMMEDIATE: it waits for the other writers now, not in the middle). Rolled back unless
/// `commit` returned.
class transaction {
 public:
  explicit transaction(connection& c) : connection_(c) { connection_.execute("BEGIN IMMEDIATE"); }
  transaction(const transaction&) = delete;
  transaction& operator=(const transaction&) = delete;
  ~transaction();
  void commit();

 private:
  connection& connection_;
  bool open_ = true;
};

} // namespace weir::jobs::detail
