#include "providers/slate_record.hpp"

#include <weir/core/error.hpp>
#include <weir/files/list.hpp>
#include <weir/files/publish.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace weir::providers::slate {

namespace {

constexpr std::size_t max_record_bytes = std::size_t{1} << 20;

/// Only ids that `new_id` could have made name files.
bool is_id(std::string_view id) {
  const auto underscore = id.find('_');
  if (underscore == std::string_view::npos || id.size() > 64) return false;
  return id.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos;
}

void require_id(const std::string& id) {
  if (!is_id(id)) throw error(errc::not_found, "the provider slate has no job with that id");
}

void remove_quietly(const files::root& folder, const std::string& name) {
  try {
    folder.remove(name);
  } catch (const error& failure) {
    if (failure.code() != errc::not_found) throw;
  }
}

} // namespace

std::string new_id(const char* prefix) {
  std::array<unsigned char, 12> bytes;
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    throw error(errc::internal, "the system has no random numbers");
  std::string id = prefix;
  for (const unsigned char byte : bytes) {
    id += "0123456789abcdef"[byte >> 4];
    id += "0123456789abcdef"[byte & 15];
  }
  return id;
}

record load(const files::root& folder, const std::string& id) {
  require_id(id);
  std::string text;
  try {
    text = folder.read_all(id + ".json", max_record_bytes);
  } catch (const error& failure) {
    if (failure.code() == errc::not_found) throw error(errc::not_found, "the provider slate has no job '" + id + "'");
    throw;
  }
  const json::value parsed = json::parse(text);
  if (!parsed.is_object()) throw error(errc::corrupt, "the job '" + id + "' of the provider slate is damaged");
  const json::object& in = parsed.get_object();
  record job;
  job.id = id;
  job.kind = json::string_or(in, "kind");
  job.status = json::string_or(in, "status");
  job.prompt = json::string_or(in, "prompt");
  job.model = json::string_or(in, "model");
  job.width = static_cast<std::uint32_t>(std::clamp<std::int64_t>(json::int_or(in, "width", 0), 0, 8192));
  job.height = static_cast<std::uint32_t>(std::clamp<std::int64_t>(json::int_or(in, "height", 0), 0, 8192));
  job.seconds = json::number_or(in, "seconds", 0);
  job.output_format = json::string_or(in, "output_format", "png");
  job.created_ns = json::int_or(in, "created_ns", 0);
  job.completed_at = json::int_or(in, "completed_at", 0);
  job.remixed_from = json::string_or(in, "remixed_from");
  job.error = json::string_or(in, "error");
  job.has_reference = json::bool_or(in, "has_reference", false);
  return job;
}

void save(const files::root& folder, const record& job) {
  const json::object out{{"kind", job.kind},
                         {"status", job.status},
                         {"prompt", job.prompt},
                         {"model", job.model},
                         {"width", job.width},
                         {"height", job.height},
                         {"seconds", job.seconds},
                         {"output_format", job.output_format},
                         {"created_ns", job.created_ns},
                         {"completed_at", job.completed_at},
                         {"remixed_from", job.remixed_from},
                         {"error", job.error},
                         {"has_reference", job.has_reference}};
  files::publish_options options;
  options.on_conflict = files::on_conflict::replace;
  auto file = files::publication::reserve(folder, job.id + ".json", options);
  file.write(json::serialize(out));
  file.commit();
}

void remove(const files::root& folder, const std::string& id) {
  require_id(id);
  for (const char* ending : {".json", ".mp4", ".ref", ".lock"}) remove_quietly(folder, id + ending);
}

std::vector<record> all(const files::root& folder, const std::string& kind) {
  files::list_options options;
  options.extensions = {"json"};
  options.limit = files::max_listed;
  options.sort_by = files::sort_by::modified;
  options.order = files::sort_order::descending;
  std::vector<record> jobs;
  for (const auto& entry : files::list(folder, options)) {
    try {
      record job = load(folder, entry.name.substr(0, entry.name.size() - 5));
      if (job.kind == kind) jobs.push_back(std::move(job));
    } catch (const error&) {
      // Deleted meanwhile, or no job of ours.
    }
  }
  std::sort(jobs.begin(), jobs.end(), [](const record& a, const record& b) {
    return a.created_ns != b.created_ns ? a.created_ns > b.created_ns : a.id > b.id;
  });
  return jobs;
}

void keep_reference(const files::root& folder, const record& job, const input_file& picture) {
  auto copy = files::publication::reserve(folder, job.reference());
  std::vector<std::byte> piece(std::size_t{1} << 20);
  for (off_t at = 0;;) {
    const ssize_t n = ::pread(picture.file->fd.get(), piece.data(), piece.size(), at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw errno_error(errno, "'" + picture.name + "'");
    if (n == 0) break;
    copy.write(std::span(piece).first(static_cast<std::size_t>(n)));
    at += n;
  }
  copy.commit();
}

unique_fd claim(const files::root& folder, const std::string& id) {
  require_id(id);
  unique_fd lock(::openat(folder.fd(), (id + ".lock").c_str(), O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock) throw errno_error(errno, "the job '" + id + "' could not be claimed");
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) return {};
  return lock;
}

} // namespace weir::providers::slate
