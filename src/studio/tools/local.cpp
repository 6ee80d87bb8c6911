#include "studio/tools/tools.hpp"

#include <weir/files/list.hpp>
#include <weir/offload/threadpool.hpp>
#include <weir/studio/studio.hpp>

namespace weir::studio::tools {

namespace {

struct listed_file {
  std::string filename;
  std::int64_t size_bytes = 0, modified_timestamp = 0;
  std::string file_type;

  static const json::description<listed_file>& described() {
    static const json::description<listed_file> d("A file.", [](auto& d) {
      d.field("filename", &listed_file::filename, "Name, as the other tools take it").required();
      d.field("size_bytes", &listed_file::size_bytes, "Length in bytes").required();
      d.field("modified_timestamp", &listed_file::modified_timestamp, "Unix seconds").required();
      d.field("file_type", &listed_file::file_type, "Type, by the extension").required();
    });
    return d;
  }
};

struct list_result {
  std::vector<listed_file> data;

  static const json::description<list_result>& described() {
    static const json::description<list_result> d(
        "Files.", [](auto& d) { d.field("data", &list_result::data, "The files").required(); });
    return d;
  }
};

struct list_arguments {
  std::optional<std::string> pattern;
  std::string file_type = "all", sort_by = "modified", order = "desc";
  int limit = 50;

  /// `types` are the file types that one may ask for.
  static json::description<list_arguments> describe(std::vector<std::string> types) {
    return json::description<list_arguments>("", [&](auto& d) {
      d.field("pattern", &list_arguments::pattern, "Names to list: * any characters, ? one, [a-z] one of a set")
          .length(0, files::max_pattern_bytes);
      d.field("file_type", &list_arguments::file_type, "Only files of this type").one_of(std::move(types)).flag("type");
      d.field("sort_by", &list_arguments::sort_by, "What to sort by").one_of({"name", "size", "modified"}).flag("sort");
      d.field("order", &list_arguments::order, "Direction").one_of({"asc", "desc"});
      d.field("limit", &list_arguments::limit, "How many at most").range(0, files::max_listed);
    });
  }
};

struct video_arguments : list_arguments {
  static const json::description<list_arguments>& described() {
    static const auto d = describe({"mp4", "webm", "mov", "all"});
    return d;
  }
};
struct image_arguments : list_arguments {
  static const json::description<list_arguments>& described() {
    static const auto d = describe({"jpeg", "png", "webp", "all"});
    return d;
  }
};

std::string type_of(std::string extension) {
  for (char& c : extension)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  if (extension.starts_with('.')) extension.erase(0, 1);
  return extension == "jpg" ? "jpeg" : extension;
}

task<tool_outcome> list(call& run, media_kind kind, list_arguments asked) {
  files::list_options options;
  options.pattern = asked.pattern.value_or("");
  if (asked.file_type == "all")
    options.extensions = kind == media_kind::video ? std::vector<std::string>{"mp4", "webm", "mov"}
                                                   : std::vector<std::string>{"jpg", "jpeg", "png", "webp"};
  else if (asked.file_type == "jpeg")
    options.extensions = {"jpg", "jpeg"};
  else
    options.extensions = {asked.file_type};
  options.sort_by = asked.sort_by == "name"   ? files::sort_by::name
                    : asked.sort_by == "size" ? files::sort_by::size
                                              : files::sort_by::modified;
  options.order = asked.order == "asc" ? files::sort_order::ascending : files::sort_order::descending;
  options.limit = asked.limit;
  const files::root folder = co_await run.in().folder(kind);
  const auto found = co_await run_in_threadpool(
      thread_options{.limiter = &run.in().file_work()},
      [folder, options](std::stop_token stop) { return files::list(folder, options, stop); });
  list_result result;
  for (const auto& file : found)
    result.data.push_back({file.name, static_cast<std::int64_t>(file.size_bytes),
                           static_cast<std::int64_t>(file.modified_seconds()), type_of(file.extension)});
  co_return tool_outcome{list_result::described().to_json(result), {}, {}};
}

task<tool_outcome> list_local_videos(call& run, list_arguments asked) {
  return list(run, media_kind::video, std::move(asked));
}
task<tool_outcome> list_reference_images(call& run, list_arguments asked) {
  return list(run, media_kind::image, std::move(asked));
}

template <class Arguments>
tool listing(tool head, task<tool_outcome> (*function)(call&, list_arguments)) {
  head.arguments = Arguments::described().structure();
  head.results = list_result::described().structure();
  head.hints = {.read_only = true, .idempotent = true};
  head.run = [function](call& run, json::object arguments) -> task<tool_outcome> {
    return function(run, Arguments::described().from_json(arguments));
  };
  return head;
}

} // namespace

std::vector<tool> local_tools() {
  return {
      listing<video_arguments>({.name = "list_local_videos",
                                .group = "video",
                                .verb = "files",
                                .title = "List downloaded videos",
                                .description = "Lists the video files in the media folder."},
                               list_local_videos),
      listing<image_arguments>({.name = "list_reference_images",
                                .group = "image",
                                .verb = "files",
                                .title = "List pictures",
                                .description = "Lists the pictures in the media folder: reference images and "
                                               "generated ones."},
                               list_reference_images),
  };
}

} // namespace weir::studio::tools
