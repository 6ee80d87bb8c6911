#pragma once

#include "jobs/connection.hpp"
#include "jobs/schema.hpp"

#include <weir/jobs/job.hpp>

#include <functional>
#include <optional>
#include <vector>

namespace weir::jobs::detail {

/// The job table, blocking. One thread at a time. The changes of each call are in the file when it returns, unless a
/// transaction around it is still open.
class database {
 public:
  /// Opens the table in the folder `folder_fd`; see open_table.
  explicit database(int folder_fd);
  database(const database&) = delete;
  database& operator=(const database&) = delete;

  /// Inserts `j` and returns it with times and revision. Fails: already_exists for its id or idempotency key,
  /// invalid_argument for an id that is empty, over 256 bytes, or has a NUL, and for a progress outside 0 to 100.
  job insert(job j);
  std::optional<job> get(std::string_view id);
  std::optional<job> find_remote(std::string_view provider, std::string_view remote_id);
  std::optional<job> find_key(std::string_view provider, std::string_view idempotency_key);
  /// Writes every field of `j`. Fails: not_found.
  job update(job j);
  /// Reads, calls `change`, writes; nobody else writes in between. Nothing is written when `change` throws.
  /// Must run inside a write transaction.
  job modify(std::string_view id, const std::function<void(job&)>& change);
  bool remove(std::string_view id);
  std::vector<job> list(const filter& f);
  std::vector<job> unfinished();

  connection& base() noexcept { return connection_; }

 private:
  std::int64_t sequence_of(std::string_view id);

  connection connection_;
  statement insert_, get_, find_remote_, find_key_, update_, remove_, sequence_, unfinished_;
};

} // namespace weir::jobs::detail
