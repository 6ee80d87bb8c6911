#include "studio/resources.hpp"

#include <weir/core/error.hpp>
#include <weir/files/list.hpp>
#include <weir/files/name.hpp>
#include <weir/http/percent.hpp>
#include <weir/media/base64.hpp>
#include <weir/offload/threadpool.hpp>
#include <weir/studio/mcp_tools.hpp>
#include <weir/studio/saving.hpp>

#include <cctype>

namespace weir::studio {

namespace {

constexpr std::string_view scheme = "weir://";
/// As base64 in a JSON answer; larger files are for download tools and file systems.
constexpr std::uint64_t max_resource_bytes = std::uint64_t{8} << 20;
constexpr std::int64_t max_listed = 200;

std::optional<std::string> decoded(std::string_view text) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size() || digit(text[i + 1]) < 0 || digit(text[i + 2]) < 0) return std::nullopt;
    out += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
    i += 2;
  }
  return out;
}

std::string uri_of(media_kind kind, std::string_view name) {
  return std::string(scheme) + std::string(folder_of(kind)) + "/" + http::percent_encoded(name, "/");
}

struct named_file {
  media_kind kind;
  std::string name;
};

std::optional<named_file> file_of(std::string_view uri) {
  if (!uri.starts_with(scheme)) return std::nullopt;
  uri.remove_prefix(scheme.size());
  for (const auto kind : {media_kind::video, media_kind::image}) {
    const auto folder = folder_of(kind);
    if (!uri.starts_with(folder) || uri.size() <= folder.size() || uri[folder.size()] != '/') continue;
    auto name = decoded(uri.substr(folder.size() + 1));
    if (!name || !files::is_valid_name(*name)) return std::nullopt;
    return named_file{kind, std::move(*name)};
  }
  return std::nullopt;
}

std::string mime_by_name(std::string_view name) {
  std::string extension(files::split_extension(name).extension);
  for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (extension == ".png") return "image/png";
  if (extension == ".jpg" || extension == ".jpeg") return "image/jpeg";
  if (extension == ".webp") return "image/webp";
  if (extension == ".webm") return "video/webm";
  if (extension == ".mov") return "video/quicktime";
  return "video/mp4";
}

std::vector<std::string> extensions_of(media_kind kind) {
  if (kind == media_kind::video) return {"mp4", "webm", "mov"};
  return {"png", "jpg", "jpeg", "webp"};
}

task<std::vector<files::entry>> newest(studio& in, media_kind kind, std::int64_t limit) {
  const files::root folder = co_await in.folder(kind);
  files::list_options options;
  options.extensions = extensions_of(kind);
  options.sort_by = files::sort_by::modified;
  options.order = files::sort_order::descending;
  options.limit = limit;
  co_return co_await run_in_threadpool(
      thread_options{.limiter = &in.file_work()},
      [folder, options](std::stop_token stop) { return files::list(folder, options, stop); });
}

task<mcp::resource_page> list(studio& in, const std::string& cursor) {
  if (!cursor.empty()) throw error(errc::invalid_argument, "there is no such page of resources");
  mcp::resource_page page;
  for (const auto kind : {media_kind::video, media_kind::image})
    for (const auto& file : co_await newest(in, kind, max_listed))
      page.resources.push_back({.uri = uri_of(kind, file.name),
                                .name = file.name,
                                .mime_type = mime_by_name(file.name),
                                .size_bytes = file.size_bytes});
  co_return page;
}

task<std::vector<mcp::resource_contents>> read(studio& in, std::string uri) {
  const auto asked = file_of(uri);
  if (!asked) throw error(errc::not_found, "there is no resource '" + files::display_name(uri) + "'");
  const files::root folder = co_await in.folder(asked->kind);
  mcp::resource_contents contents;
  contents.uri = uri;
  contents.mime_type = mime_by_name(asked->name);
  contents.is_base64 = true;
  contents.body = co_await run_in_threadpool(
      thread_options{.limiter = &in.file_work()}, [folder, name = asked->name](std::stop_token stop) {
        return media::base64_encode(folder.read_all(name, max_resource_bytes, stop));
      });
  co_return std::vector<mcp::resource_contents>{std::move(contents)};
}

mcp::completer names_of(studio& in, media_kind kind) {
  return [&in, kind](mcp::completion_request request) -> task<std::vector<std::string>> {
    std::vector<std::string> names;
    for (const auto& file : co_await newest(in, kind, files::max_listed))
      if (file.name.find(request.value) != std::string::npos) names.push_back(file.name);
    co_return names;
  };
}

} // namespace

std::string uri_of(const produced_file& file) { return uri_of(file.kind, file.name); }

void offer_resources(mcp::server& to, studio& in) {
  to.set_resource_provider(
      {.list = [&in](mcp::call_context&, std::string cursor) -> task<mcp::resource_page> { return list(in, cursor); },
       .read = [&in](mcp::call_context&, std::string uri) { return read(in, std::move(uri)); }});
  to.add_resource_template({.uri_template = "weir://videos/{name}",
                            .name = "video",
                            .title = "A video in the media folder",
                            .mime_type = "video/mp4",
                            .complete = names_of(in, media_kind::video)});
  to.add_resource_template({.uri_template = "weir://images/{name}",
                            .name = "image",
                            .title = "A picture in the media folder",
                            .mime_type = "image/png",
                            .complete = names_of(in, media_kind::image)});
}

} // namespace weir::studio
