#include "kitsu/pull_journal.hpp"

#include <weir/core/error.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace weir::kitsu {
namespace {

constexpr const char* file_name = "kitsu-pull.jsonl";
constexpr std::uint64_t max_bytes = 512ull << 20; // some two million files

void write_all(const unique_fd& file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(file.get(), text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw errno_error(errno, std::string(".weir/") + file_name);
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

} // namespace

pull_journal pull_journal::open(const files::root& folder) {
  const files::root own = folder.private_root();
  pull_journal journal;
  journal.file_.reset(
      ::openat(own.fd(), file_name, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
  if (!journal.file_) throw errno_error(errno, std::string(".weir/") + file_name);
  struct stat about{};
  if (::fstat(journal.file_.get(), &about) != 0 || !S_ISREG(about.st_mode))
    throw error(errc::invalid_argument, std::string(".weir/") + file_name + " is no regular file");
  const std::string text = own.read_all(file_name, max_bytes);
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t end = std::min(text.find('\n', from), text.size());
    const std::string_view line = std::string_view(text).substr(from, end - from);
    from = end + 1;
    if (line.empty()) continue;
    try {
      const json::value parsed = json::parse(line);
      const json::object& fields = parsed.as_object();
      const std::int64_t bytes = json::int_or(fields, "bytes", -1);
      std::string id = json::string_or(fields, "id");
      if (bytes < 0 || id.empty()) continue;
      journal.entries_[std::move(id)] = {.name = json::string_or(fields, "name"),
                                         .sha256 = json::string_or(fields, "sha256"),
                                         .bytes = static_cast<std::uint64_t>(bytes),
                                         .record_bytes = static_cast<std::uint64_t>(
                                             std::max<std::int64_t>(json::int_or(fields, "record_bytes", 0), 0))};
    } catch (const std::exception&) { // cut by a crash
    }
  }
  if (!text.empty() && !text.ends_with('\n')) write_all(journal.file_, "\n");
  return journal;
}

const pull_journal::entry* pull_journal::find(const std::string& id) const {
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : &found->second;
}

void pull_journal::note(const pull_item& item, std::uint64_t bytes, const std::string& sha256) const {
  write_all(file_, json::serialize(json::object{{"id", item.id},
                                                {"name", item.name},
                                                {"bytes", bytes},
                                                {"sha256", sha256},
                                                {"updated_at", item.updated_at},
                                                {"record_bytes", item.record_bytes}}) +
                       "\n");
}

std::optional<pull_journal::entry> whole_already(const files::root& folder, const pull_journal& journal,
                                                 const pull_item& item) {
  std::uint64_t length = 0;
  try {
    const files::file_info about = folder.stat(item.name);
    if (about.is_folder) return std::nullopt; // refused where the download is published
    length = about.size_bytes;
  } catch (const error&) {
    return std::nullopt;
  }
  const pull_journal::entry* noted = journal.find(item.id);
  if (noted && noted->name == item.name && noted->bytes == length && noted->record_bytes == item.record_bytes)
    return *noted;
  if (item.kind != preview_kind::movie && item.record_bytes > 0 && length == item.record_bytes)
    return pull_journal::entry{.name = item.name, .sha256 = {}, .bytes = length, .record_bytes = item.record_bytes};
  return std::nullopt;
}

} // namespace weir::kitsu
