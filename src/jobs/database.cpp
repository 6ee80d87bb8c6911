#include "jobs/database.hpp"

#include <weir/json/suggest.hpp>

#include <algorithm>
#include <chrono>
#include <limits>

namespace weir::jobs::detail {
namespace {

constexpr std::size_t longest_id_bytes = 256;
constexpr std::size_t most_listed = 10'000;

// What was written under the parser's usual limits plus a level or two around it must be readable.
constexpr json::parse_limits stored_limits{
    .max_depth = 1000, .max_bytes = std::size_t{1} << 30, .max_values = std::size_t{1} << 30};

#define WEIR_JOB_COLUMNS                                                                                               \
  "id, kind, provider, operation, status, progress, remote_id, request, result, error_code, error_message, "           \
  "idempotency_key, folder, destination, recovered, created_at, updated_at, expires_at, attempts, revision"

constexpr const char* select = "SELECT " WEIR_JOB_COLUMNS " FROM jobs ";

std::int64_t now() {
  using namespace std::chrono;
  return duration_cast<seconds>(system_clock::now().time_since_epoch()).count();
}

void check(const job& j) {
  if (j.id.empty() || j.id.size() > longest_id_bytes || j.id.find('\0') != std::string::npos)
    throw error(errc::invalid_argument,
                "a job's id must have 1 to 256 bytes and no NUL, got '" + json::printable(j.id) + "'");
  if (j.progress < 0 || j.progress > 100)
    throw error(errc::invalid_argument, "the progress of job '" + json::printable(j.id) +
                                            "' must be between 0 and 100, got " + std::to_string(j.progress));
}

/// Binds all columns but the revision, in their order, from parameter 1.
void bind_row(statement& s, const job& j) {
  s.bind(1, j.id).bind(2, j.kind).bind(3, j.provider).bind(4, j.operation).bind(5, to_string(j.status));
  s.bind(6, std::int64_t{j.progress}).bind(7, j.remote_id);
  s.bind(8, json::serialize(j.request)).bind(9, json::serialize(j.result));
  s.bind(10, j.error_code).bind(11, j.error_message).bind(12, j.idempotency_key);
  s.bind(13, j.folder).bind(14, j.destination).bind(15, j.recovered);
  s.bind(16, j.created_at).bind(17, j.updated_at).bind(18, j.expires_at).bind(19, j.attempts);
}

job row(const statement& s) {
  job j;
  j.id = s.text(0);
  try {
    j.kind = s.text(1);
    j.provider = s.text(2);
    j.operation = s.text(3);
    j.status = job_status_from(s.text(4));
    j.progress = static_cast<int>(s.number(5));
    j.remote_id = s.text(6);
    j.request = json::parse(s.text(7), stored_limits);
    j.result = json::parse(s.text(8), stored_limits);
    j.error_code = s.text(9);
    j.error_message = s.text(10);
    j.idempotency_key = s.text(11);
    j.folder = s.text(12);
    j.destination = s.text(13);
    j.recovered = s.text(14);
    j.created_at = s.number(15);
    j.updated_at = s.number(16);
    j.expires_at = s.number(17);
    j.attempts = s.number(18);
    j.revision = s.number(19);
  } catch (const error& e) {
    throw error(errc::corrupt,
                std::string(table_name) + ": job '" + json::printable(j.id) + "' is damaged: " + e.what());
  }
  return j;
}

std::optional<job> first_row(statement& s) {
  if (!s.step()) return std::nullopt;
  return row(s);
}

error no_such(std::string_view id) { return {errc::not_found, "no job is called '" + json::printable(id) + "'"}; }

} // namespace

database::database(int folder_fd)
    : connection_(open_table(folder_fd)),
      insert_(connection_, "INSERT INTO jobs (" WEIR_JOB_COLUMNS ") VALUES "
                           "(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,1)"),
      get_(connection_, std::string(select) + "WHERE id = ?1"),
      find_remote_(connection_, std::string(select) + "WHERE provider = ?1 AND remote_id = ?2 AND remote_id <> '' "
                                                      "ORDER BY sequence DESC LIMIT 1"),
      find_key_(connection_,
                std::string(select) + "WHERE provider = ?1 AND idempotency_key = ?2 AND idempotency_key <> ''"),
      update_(connection_,
              "UPDATE jobs SET (" WEIR_JOB_COLUMNS ") = "
              "(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,created_at,?17,?18,?19,revision + 1) WHERE id = ?1 "
              "RETURNING created_at, revision"),
      remove_(connection_, "DELETE FROM jobs WHERE id = ?1"),
      sequence_(connection_, "SELECT sequence FROM jobs WHERE id = ?1"),
      unfinished_(connection_, std::string(select) +
                                   "WHERE status IN ('reserved', 'submitting', 'queued', 'in_progress') "
                                   "ORDER BY sequence") {}

job database::insert(job j) {
  check(j);
  j.created_at = j.updated_at = now();
  j.revision = 1;
  use s(insert_);
  bind_row(insert_, j);
  try {
    s->step();
  } catch (const error& e) {
    if (e.code() != errc::already_exists) throw;
    const bool by_key = std::string_view(e.what()).find("idempotency_key") != std::string_view::npos;
    throw error(errc::already_exists, by_key ? "a job of provider '" + json::printable(j.provider) +
                                                   "' already has this idempotency key: it is the same purchase"
                                             : "a job is already called '" + json::printable(j.id) + "'");
  }
  return j;
}

std::optional<job> database::get(std::string_view id) {
  use s(get_);
  s->bind(1, id);
  return first_row(get_);
}

std::optional<job> database::find_remote(std::string_view provider, std::string_view remote_id) {
  use s(find_remote_);
  s->bind(1, provider).bind(2, remote_id);
  return first_row(find_remote_);
}

std::optional<job> database::find_key(std::string_view provider, std::string_view idempotency_key) {
  use s(find_key_);
  s->bind(1, provider).bind(2, idempotency_key);
  return first_row(find_key_);
}

job database::update(job j) {
  check(j);
  j.updated_at = now();
  use s(update_);
  bind_row(update_, j);
  if (!s->step()) throw no_such(j.id);
  j.created_at = s->number(0);
  j.revision = s->number(1);
  while (s->step()) {}
  return j;
}

job database::modify(std::string_view id, const std::function<void(job&)>& change) {
  auto found = get(id);
  if (!found) throw no_such(id);
  const std::string same = found->id;
  change(*found);
  if (found->id != same)
    throw error(errc::invalid_argument, "the id of job '" + json::printable(same) + "' cannot change");
  return update(std::move(*found));
}

bool database::remove(std::string_view id) {
  use s(remove_);
  s->bind(1, id);
  s->step();
  return connection_.changes() > 0;
}

std::int64_t database::sequence_of(std::string_view id) {
  use s(sequence_);
  s->bind(1, id);
  if (!s->step()) throw no_such(id);
  return s->number(0);
}

std::vector<job> database::list(const filter& f) {
  const bool newest = f.order == job_order::newest_first;
  std::string sql = std::string(select) + "WHERE sequence " + (newest ? "< ?1" : "> ?1");
  if (!f.kind.empty()) sql += " AND kind = ?2";
  if (!f.provider.empty()) sql += " AND provider = ?3";
  std::string names;
  for (const auto status : f.statuses) names += (names.empty() ? "'" : ", '") + std::string(to_string(status)) + "'";
  if (!names.empty()) sql += " AND status IN (" + names + ")";
  sql += newest ? " ORDER BY sequence DESC LIMIT ?4" : " ORDER BY sequence LIMIT ?4";

  statement s(connection_, sql);
  const std::int64_t start = newest ? std::numeric_limits<std::int64_t>::max() : 0;
  s.bind(1, f.after.empty() ? start : sequence_of(f.after));
  if (!f.kind.empty()) s.bind(2, f.kind);
  if (!f.provider.empty()) s.bind(3, f.provider);
  s.bind(4, static_cast<std::int64_t>(std::min(f.limit, most_listed)));
  std::vector<job> out;
  while (s.step()) out.push_back(row(s));
  return out;
}

std::vector<job> database::unfinished() {
  use s(unfinished_);
  std::vector<job> out;
  while (s->step()) out.push_back(row(unfinished_));
  return out;
}

} // namespace weir::jobs::detail
