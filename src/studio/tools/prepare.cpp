#include "studio/tools/support.hpp"
#include "studio/tools/tools.hpp"

#include <weir/core/error.hpp>
#include <weir/files/name.hpp>
#include <weir/media/decoding.hpp>
#include <weir/offload/threadpool.hpp>
#include <weir/studio/saving.hpp>

#include <unistd.h>

#include <charconv>

namespace weir::studio::tools {

namespace {

struct prepare_arguments {
  std::string input_filename, target_size;
  std::optional<std::string> output_filename;
  std::string resize_mode = "crop";

  static const json::description<prepare_arguments>& described() {
    static const json::description<prepare_arguments> d("", [](auto& d) {
      d.field("input_filename", &prepare_arguments::input_filename, "Picture in the media folder: JPEG, PNG or WebP")
          .required()
          .min_length(1)
          .positional();
      d.field("target_size", &prepare_arguments::target_size, "WIDTHxHEIGHT in pixels, 1 to 8192 each")
          .required()
          .known({"720x1280", "1280x720", "1024x1792", "1792x1024"})
          .flag("size");
      d.field("output_filename", &prepare_arguments::output_filename, output_note).min_length(1).flag("output-name");
      d.field("resize_mode", &prepare_arguments::resize_mode,
              "crop: cover the target and cut the overhang; pad: fit into it, on black; rescale: stretch")
          .one_of({"crop", "pad", "rescale"})
          .flag("mode");
    });
    return d;
  }
};

struct prepare_result {
  std::string output_filename;
  std::vector<int> original_size, target_size;
  std::string resize_mode;
  std::int64_t bytes = 0;
  std::string sha256;

  static const json::description<prepare_result>& described() {
    static const json::description<prepare_result> d("A prepared picture.", [](auto& d) {
      d.field("output_filename", &prepare_result::output_filename, "The file that was made").required();
      d.field("original_size", &prepare_result::original_size, "Width and height of the source").required();
      d.field("target_size", &prepare_result::target_size, "Width and height of the result").required();
      d.field("resize_mode", &prepare_result::resize_mode, "How it was brought there").required();
      d.field("bytes", &prepare_result::bytes, "Length of the file in bytes").required();
      d.field("sha256", &prepare_result::sha256, "Digest of the file").required();
    });
    return d;
  }
};

struct extent {
  std::uint32_t width, height;
};

extent parse_size(const std::string& text) {
  extent size{};
  const char* end = text.data() + text.size();
  const auto [x, first] = std::from_chars(text.data(), end, size.width);
  if (first == std::errc() && x != end && *x == 'x') {
    const auto [stop, second] = std::from_chars(x + 1, end, size.height);
    if (second == std::errc() && stop == end && size.width >= 1 && size.height >= 1 &&
        size.width <= media::max_target_side && size.height <= media::max_target_side)
      return size;
  }
  throw error(errc::invalid_argument, "target_size: '" + files::display_name(text) +
                                          "' is not WIDTHxHEIGHT with 1 to 8192 pixels each, for example 1280x720");
}

/// "photo.jpg" becomes "photo_1280x720.png".
std::string default_name(const std::string& input, const std::string& size) {
  const auto parts = files::split_extension(files::last_part(input));
  return std::string(parts.stem) + "_" + size + ".png";
}

/// The first bytes of the file, for the budget: what the decoder will need is known from the header.
std::size_t memory_for(const files::file& file, const media::prepare_options& options, bool apart) {
  std::vector<std::byte> head(256 * 1024);
  const ssize_t n = ::pread(file.fd.get(), head.data(), head.size(), 0);
  if (n <= 0) return 0;
  try {
    const auto info = media::probe_image(std::span(head).first(static_cast<std::size_t>(n)));
    if (!info) return 0;
    const std::size_t shared = apart ? media::shared_memory_bytes(file.info.size_bytes, options) : 0;
    return media::estimate_memory_bytes(*info, options) + shared;
  } catch (const error&) {
    return 0; // too large, or damaged: prepare_image refuses it by its name, before it takes memory
  }
}

task<tool_outcome> prepare_reference_image(call& run, prepare_arguments asked) {
  studio& in = run.in();
  const extent size = parse_size(asked.target_size);
  media::prepare_options options;
  options.width = size.width;
  options.height = size.height;
  options.max_pixels = in.settings().max_image_pixels;
  options.mode = asked.resize_mode == "crop"  ? media::resize_mode::crop
                 : asked.resize_mode == "pad" ? media::resize_mode::pad
                                              : media::resize_mode::rescale;

  // A slot is held from the opening on, so that a thousand calls do not open a thousand files.
  auto slot = co_await in.image_slots().acquire();
  const place source = co_await run.input(media_kind::image, asked.input_filename);
  const thread_options as_file_work{.limiter = &in.file_work()};
  auto opened = co_await run_in_threadpool(
      as_file_work, [source] { return std::make_shared<files::file>(source.root.open_read(source.name)); });
  saving output = co_await saving::reserve(run, media_kind::image, asked.output_filename.value_or(""),
                                           default_name(asked.input_filename, asked.target_size));
  const bool apart = in.settings().image_sandbox != media::isolation::none;
  const std::size_t needed = co_await run_in_threadpool(
      as_file_work, [opened, options, apart] { return memory_for(*opened, options, apart); });
  auto memory = co_await in.image_bytes().acquire(needed);

  const auto made = co_await media::prepare_image_apart(
      in.decoding(), opened, files::display_name(asked.input_filename), options, output.sink(false));
  const produced_file file = co_await output.publish(false);
  prepare_result result{file.name,
                        {static_cast<int>(made.source.width), static_cast<int>(made.source.height)},
                        {static_cast<int>(made.width), static_cast<int>(made.height)},
                        asked.resize_mode,
                        static_cast<std::int64_t>(file.bytes),
                        file.sha256};
  co_return tool_outcome{prepare_result::described().to_json(result),
                         {file},
                         "Prepared " + file.name + ", " + asked.target_size + " (" + asked.resize_mode + "), from '" +
                             files::display_name(asked.input_filename) + "'."};
}

} // namespace

std::vector<tool> prepare_tools() {
  return {make_tool<prepare_arguments, prepare_result>(
      {.name = "prepare_reference_image",
       .group = "image",
       .verb = "prepare",
       .title = "Prepare a reference image",
       .description = "Brings a picture to exactly the size that a video needs, and writes it as a new PNG. The source "
                      "is never changed.",
       .hints = {}},
      prepare_reference_image)};
}

} // namespace weir::studio::tools
