#include "cli_call.hpp"

#include "envelope.hpp"

#include <weir/core/error.hpp>
#include <weir/offload/threadpool.hpp>
#include <weir/studio/saving.hpp>

#include <sys/stat.h>

namespace weir::app {

namespace {

struct split_path {
  std::string folder, name;
};

split_path split(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return {".", path};
  return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

bool is_folder(const std::string& path) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

bool exists_in(const files::root& root, const std::string& name) {
  try {
    root.stat(name);
    return true;
  } catch (const error&) {
    return false;
  }
}

} // namespace

task<studio::place> cli_call::input(studio::media_kind kind, std::string name) {
  const thread_options files{.limiter = &in().file_work()};
  if (name.find('/') != std::string::npos) {
    const split_path path = split(name);
    if (path.name.empty()) throw error(errc::invalid_argument, "'" + name + "' is a folder, not a file");
    auto root = co_await run_in_threadpool(files, [path, name] {
      try {
        return files::root::open(path.folder);
      } catch (const error& failure) {
        // The person's own folder is no part of the configuration.
        if (failure.code() != errc::not_configured) throw;
        throw error(errc::not_found, "'" + name + "': " + failure.what());
      }
    });
    co_return studio::place{std::move(root), path.name};
  }
  auto here = co_await run_in_threadpool(files, [name]() -> std::optional<files::root> {
    auto root = files::root::open(".");
    if (exists_in(root, name)) return root;
    return std::nullopt;
  });
  auto library = co_await call::input(kind, name);
  if (!here) co_return library;
  if (co_await run_in_threadpool(files, [library, name] { return exists_in(library.root, name); }))
    tell("'" + name + "' is here and in the media folder; the one here is used");
  co_return studio::place{std::move(*here), std::move(name)};
}

task<studio::destination> cli_call::output(studio::media_kind kind, std::string name) {
  studio::destination where = co_await call::output(kind, name);
  if (output_.overwrite) where.on_conflict = files::on_conflict::replace;
  if (output_.path.empty()) co_return where;
  const bool to_folder = output_.path.ends_with('/') || is_folder(output_.path);
  if (!to_folder && output_.must_be_folder)
    throw error(errc::invalid_argument, "-o must be a folder (end it with a slash) for several results");
  split_path path = split(output_.path);
  if (to_folder) path = {output_.path, name};
  folder_ = path.folder;
  where.root = co_await run_in_threadpool(thread_options{.limiter = &in().file_work()},
                                          [path] { return files::root::open_or_create(path.folder); });
  where.name = path.name;
  co_return where;
}

task<void> cli_call::check_output(studio::media_kind kind) {
  // Given back at once: it leaves nothing behind.
  co_await studio::saving::reserve(*this, kind, "", kind == studio::media_kind::video ? "video.mp4" : "image.png");
}

void cli_call::progress(double done, std::optional<double> total, std::string_view message) {
  const auto now = std::chrono::steady_clock::now();
  if (now - last_told_ < std::chrono::seconds(1) && !(total && done >= *total)) return;
  last_told_ = now;
  std::string line(message);
  if (message == "bytes") {
    line = std::to_string(static_cast<long long>(done) >> 10) + " KiB";
    if (total) line += " of " + std::to_string(static_cast<long long>(*total) >> 10) + " KiB";
  } else if (total && *total > 0) {
    line += " (" + std::to_string(static_cast<int>(100 * done / *total)) + "%)";
  }
  tell(line);
}

std::string cli_call::path_of(const studio::produced_file& file) const {
  std::string folder = folder_;
  if (folder.empty()) folder = in().settings().media_dir + "/" + std::string(studio::folder_of(file.kind));
  if (folder == ".") return file.name;
  return folder + (folder.ends_with('/') ? "" : "/") + file.name;
}

} // namespace weir::app
