#include <weir/core/cancelled.hpp>
#include <weir/core/error.hpp>
#include <weir/files/list.hpp>
#include <weir/files/name.hpp>

#include <dirent.h>
#include <fcntl.h>
#include <files/confine.hpp>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <optional>

namespace weir::files {

namespace {

struct close_folder {
  void operator()(DIR* folder) const noexcept { ::closedir(folder); }
};

std::string lower(std::string_view text) {
  std::string folded(text);
  for (char& c : folded) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return folded;
}

/// Which names are wanted: decided before the file system is asked about the file.
struct filter {
  std::optional<glob> pattern;
  std::vector<std::string> extensions;

  explicit filter(const list_options& options) {
    if (!options.pattern.empty()) pattern.emplace(options.pattern);
    for (const std::string& extension : options.extensions) {
      const std::string folded = lower(extension);
      extensions.push_back(folded.starts_with('.') ? folded : "." + folded);
    }
  }

  bool wants(std::string_view name) const {
    if (name.starts_with('.') || !is_valid_name(name)) return false;
    if (pattern && !pattern->matches(name)) return false;
    if (extensions.empty()) return true;
    const std::string extension = lower(split_extension(name).extension);
    return std::find(extensions.begin(), extensions.end(), extension) != extensions.end();
  }
};

/// Whether `a` stands before `b`.
struct before {
  sort_by by;
  bool descending;

  bool operator()(const entry& a, const entry& b) const noexcept {
    if (by == sort_by::size && a.size_bytes != b.size_bytes) return (a.size_bytes < b.size_bytes) != descending;
    if (by == sort_by::modified && a.modified != b.modified) return (a.modified < b.modified) != descending;
    if (by == sort_by::name && descending) return b.name < a.name;
    return a.name < b.name;
  }
};

} // namespace

std::vector<entry> list(const root& in, const list_options& options, const std::stop_token& stop) {
  if (options.limit < 0 || options.limit > max_listed) {
    throw error(errc::invalid_argument,
                "The limit " + std::to_string(options.limit) + " is not between 0 and " + std::to_string(max_listed));
  }
  const filter wanted(options);
  const before order{options.sort_by, options.order == sort_order::descending};
  unique_fd folder = in.open_dir(options.folder);
  const std::unique_ptr<DIR, close_folder> entries(::fdopendir(folder.get()));
  if (!entries) throw detail::open_error(errno, options.folder);
  const int dir = folder.release();
  const std::size_t limit = static_cast<std::size_t>(options.limit);
  std::vector<entry> best; // a heap with the last of the best in front
  while (limit > 0) {
    if (stop.stop_requested()) throw cancelled();
    errno = 0;
    const dirent* found = ::readdir(entries.get());
    if (!found && errno != 0) throw detail::open_error(errno, options.folder);
    if (!found) break;
    if ((found->d_type != DT_REG && found->d_type != DT_UNKNOWN) || !wanted.wants(found->d_name)) continue;
    entry candidate{join_name(options.folder, found->d_name), 0, {}, {}};
    if (candidate.name.size() > max_name_bytes) continue;
    const bool full = best.size() == limit;
    if (full && options.sort_by == sort_by::name && !order(candidate, best.front())) continue;
    struct stat status;
    if (::fstatat(dir, found->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(status.st_mode)) continue;
    if (in.options().refuse_hard_links && status.st_nlink > 1) continue;
    const file_info info = detail::info_of(status);
    candidate.size_bytes = info.size_bytes;
    candidate.modified = info.modified;
    if (full && !order(candidate, best.front())) continue;
    candidate.extension = split_extension(candidate.name).extension;
    if (full) {
      std::pop_heap(best.begin(), best.end(), order);
      best.back() = std::move(candidate);
    } else {
      best.push_back(std::move(candidate));
    }
    std::push_heap(best.begin(), best.end(), order);
  }
  std::sort_heap(best.begin(), best.end(), order);
  return best;
}

} // namespace weir::files
