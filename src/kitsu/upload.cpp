#include "kitsu/impl.hpp"

#include <weir/files/async.hpp>
#include <weir/http/multipart.hpp>
#include <weir/offload/threadpool.hpp>

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace weir::kitsu {
namespace {

std::string content_type_of(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 12> types{{{".png", "image/png"},
                                                                                 {".jpg", "image/jpeg"},
                                                                                 {".jpeg", "image/jpeg"},
                                                                                 {".gif", "image/gif"},
                                                                                 {".mp4", "video/mp4"},
                                                                                 {".m4v", "video/x-m4v"},
                                                                                 {".mov", "video/quicktime"},
                                                                                 {".webm", "video/webm"},
                                                                                 {".pdf", "application/pdf"},
                                                                                 {".wav", "audio/wav"},
                                                                                 {".zip", "application/zip"},
                                                                                 {".csv", "text/csv"}}};
  std::string lower(name.substr(std::min(name.size(), name.rfind('.'))));
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  for (const auto& [ending, type] : types)
    if (lower == ending) return std::string(type);
  return "application/octet-stream";
}

/// A field as the server reads it: what is no text is JSON.
std::string field_text(const json::value& v) {
  if (const auto* text = v.if_string()) return {text->data(), text->size()};
  return json::serialize(v);
}

http::body form_of(const upload_source& file, const upload_options& options) {
  http::multipart form;
  for (const auto& [name, v] : options.fields)
    if (!v.is_null()) form.add(std::string_view(name.data(), name.size()), field_text(v));
  // Opened all before anything is sent: a missing one fails the call while it has no effect.
  const auto add = [&form](const std::string& field, const upload_source& source) {
    files::file opened = source.open();
    form.add_file(field, source.file_name(), content_type_of(source.file_name()), std::move(opened.fd));
  };
  add("file", file);
  for (std::size_t i = 0; i < options.more_files.size(); ++i)
    add("file-" + std::to_string(i + 1), options.more_files[i]);
  return std::move(form).finish();
}

task<json::value> upload_to(std::shared_ptr<client::impl> self, path where, upload_source file,
                            upload_options options) {
  http::body form = co_await run_in_threadpool(thread_options{.limiter = &files::file_limiter()},
                                               [&] { return form_of(file, options); });
  co_return co_await self->call({.method = "POST",
                                 .where = std::move(where),
                                 .parameters = std::move(options.parameters),
                                 .body = std::move(form),
                                 .accept = "application/json",
                                 .authorized = true,
                                 .transfer = true,
                                 .on_upload_progress = std::move(options.on_progress)});
}

} // namespace

std::string upload_source::file_name() const {
  return path_.substr(path_.find_last_of('/') == std::string::npos ? 0 : path_.find_last_of('/') + 1);
}

files::file upload_source::open() const {
  files::file opened;
  if (root_) {
    opened = root_->open_read(path_);
  } else {
    // Not blocking: a FIFO that nobody writes to would be waited for without end.
    opened.fd.reset(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!opened.fd) throw errno_error(errno, "\"" + path_ + "\" cannot be sent");
    struct stat about{};
    if (::fstat(opened.fd.get(), &about) != 0) throw errno_error(errno, "\"" + path_ + "\" cannot be sent");
    if (!S_ISREG(about.st_mode)) throw error(errc::invalid_argument, "\"" + path_ + "\" is no file that can be sent");
    opened.info.size_bytes = static_cast<std::uint64_t>(about.st_size);
  }
  if (opened.info.size_bytes == 0)
    throw error(errc::invalid_argument, "\"" + path_ + "\" is empty: the server would drop the entry that it is for");
  return opened;
}

task<json::value> client::upload(path where, upload_source file, upload_options options) {
  if (impl_->options.check_values) check_values(where, json::value(options.fields));
  return upload_to(impl_, std::move(where), std::move(file), std::move(options));
}

} // namespace weir::kitsu
