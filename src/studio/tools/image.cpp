#include "studio/tools/support.hpp"
#include "studio/tools/tools.hpp"

#include <weir/core/error.hpp>
#include <weir/studio/purchase.hpp>
#include <weir/studio/saving.hpp>

#include <memory>
#include <utility>

namespace weir::studio::tools {

namespace {

struct image_result {
  std::string filename;
  std::vector<int> size;
  std::string format, model;
  std::optional<json::object> usage;
  std::int64_t bytes = 0;
  std::string sha256;

  static const json::description<image_result>& described() {
    static const json::description<image_result> d("A picture.", [](auto& d) {
      d.field("filename", &image_result::filename, "The file that was made").required();
      d.field("size", &image_result::size, "Width and height in pixels").required();
      d.field("format", &image_result::format, "png, jpeg or webp, by the bytes").required();
      d.field("model", &image_result::model, "Model").required();
      d.field("usage", &image_result::usage, "What the provider counted");
      d.field("bytes", &image_result::bytes, "Length of the file in bytes").required();
      d.field("sha256", &image_result::sha256, "Digest of the file").required();
    });
    return d;
  }
};

/// What generating and editing have in common.
struct common_arguments {
  std::string prompt, model = "gpt-image-2", size = "auto", quality = "auto", background = "auto",
                      output_format = "png";
  std::optional<std::string> filename;
};

/// A member of the common part as one of the whole.
template <class Arguments, class Member>
Member Arguments::* own(Member common_arguments::* member) {
  return member;
}

template <class Arguments, class Builder>
void add_prompt_and_model(Builder& d) {
  d.field("prompt", own<Arguments>(&common_arguments::prompt), "What the picture shows")
      .required()
      .length(1, 32'000)
      .positional();
  d.field("model", own<Arguments>(&common_arguments::model), "Model of the provider")
      .known({"gpt-image-2", "gpt-image-2.5-flare", "gpt-image-2.5-sunburst", "gpt-image-1.5"});
}

template <class Arguments, class Builder>
void add_looks(Builder& d) {
  d.field("size", own<Arguments>(&common_arguments::size),
          "WIDTHxHEIGHT in pixels, or auto; what is possible depends on the model")
      .known({"auto", "1024x1024", "1536x1024", "1024x1536", "2048x2048", "2048x1152", "2560x1440", "1440x2560",
              "3840x2160", "2160x3840"});
  d.field("quality", own<Arguments>(&common_arguments::quality), "How much effort the model makes")
      .known({"auto", "low", "medium", "high", "xhigh", "max"});
  d.field("background", own<Arguments>(&common_arguments::background), "Background of the picture")
      .one_of({"auto", "transparent", "opaque"});
  d.field("output_format", own<Arguments>(&common_arguments::output_format), "File format")
      .one_of({"png", "jpeg", "webp"});
}

struct generate_arguments : common_arguments {
  std::string moderation = "auto";

  static const json::description<generate_arguments>& described() {
    static const json::description<generate_arguments> d("", [](auto& d) {
      add_prompt_and_model<generate_arguments>(d);
      add_looks<generate_arguments>(d);
      d.field("moderation", &generate_arguments::moderation, "How strict the provider is").one_of({"auto", "low"});
      d.field("filename", own<generate_arguments>(&common_arguments::filename), output_note).min_length(1).flag("name");
    });
    return d;
  }
};

struct edit_arguments : common_arguments {
  std::vector<std::string> input_images;
  std::optional<std::string> mask_filename, input_fidelity;

  static const json::description<edit_arguments>& described() {
    static const json::description<edit_arguments> d("", [](auto& d) {
      add_prompt_and_model<edit_arguments>(d);
      d.field("input_images", &edit_arguments::input_images, "1 to 16 pictures in the media folder (JPEG, PNG, WebP)")
          .required()
          .items(1, 16)
          .flag("input-image");
      d.field("mask_filename", &edit_arguments::mask_filename,
              "PNG whose transparent parts say what may change; as large as the first picture")
          .flag("mask");
      add_looks<edit_arguments>(d);
      d.field("input_fidelity", &edit_arguments::input_fidelity, "How closely the inputs are kept, where the model can")
          .one_of({"high", "low"});
      d.field("filename", own<edit_arguments>(&common_arguments::filename), output_note).min_length(1).flag("name");
    });
    return d;
  }
};

void check_transparency(const common_arguments& asked) {
  if (asked.model == "gpt-image-2" && asked.background == "transparent")
    throw error(errc::invalid_argument,
                "gpt-image-2 does not support transparent backgrounds. Use gpt-image-1.5 for transparent output.");
}

providers::image_request request_of(const common_arguments& asked) {
  providers::image_request request;
  request.prompt = asked.prompt;
  request.model = asked.model;
  request.size = asked.size;
  request.quality = asked.quality;
  request.background = asked.background;
  request.output_format = asked.output_format;
  return request;
}

/// The place for the picture is made before it is paid for; the picture goes on its way to it while it arrives.
task<tool_outcome> make_picture(call& run, std::string operation, providers::image_request request,
                                std::optional<std::string> filename, json::object asked) {
  studio& in = run.in();
  providers::provider& maker = in.provider();
  require_ready(maker);
  const std::string prefix = request.inputs.empty() ? "gen_" : "edit_";
  const std::string extension = request.output_format == "jpeg" ? "jpg" : request.output_format;
  auto output = std::make_shared<saving>(co_await saving::reserve(
      run, media_kind::image, filename.value_or(""), prefix + std::to_string(unix_now()) + "." + extension));

  jobs::job draft;
  draft.kind = "image";
  draft.provider = maker.name();
  draft.operation = std::move(operation);
  draft.folder = folder_of(media_kind::image);
  draft.destination = output->target().name();
  draft.request = std::move(asked);
  auto outcome = std::make_shared<std::pair<providers::image_outcome, produced_file>>();
  run.progress(0, 1, "the picture is ordered");
  co_await purchase(
      in, std::move(draft), [&maker, request, output = std::move(output), outcome](jobs::job& row) -> task<void> {
        auto sent = request;
        sent.idempotency_key = row.idempotency_key;
        outcome->first = co_await maker.make_image(std::move(sent), output->sink(true));
        row.status = jobs::job_status::completed;
        row.progress = 100;
        try {
          outcome->second = co_await output->publish(true);
        } catch (const error&) {
          row.recovered = output->recovered();
          throw;
        }
        row.destination = outcome->second.name;
        row.result = json::object{
            {"filename", outcome->second.name}, {"bytes", outcome->second.bytes}, {"sha256", outcome->second.sha256}};
      });
  const produced_file& file = outcome->second;
  const picture_facts facts = co_await facts_of(run, file);
  image_result result;
  result.filename = file.name;
  result.size = facts.size;
  result.format = facts.format;
  result.model = outcome->first.model;
  if (outcome->first.usage.is_object()) result.usage = outcome->first.usage.get_object();
  result.bytes = static_cast<std::int64_t>(file.bytes);
  result.sha256 = file.sha256;
  co_return tool_outcome{image_result::described().to_json(result),
                         {file},
                         "Saved " + file.name + ", " + std::to_string(facts.size[0]) + "x" +
                             std::to_string(facts.size[1]) + "."};
}

task<tool_outcome> generate_image(call& run, generate_arguments asked) {
  check_transparency(asked);
  auto request = request_of(asked);
  request.moderation = asked.moderation;
  co_return co_await make_picture(run, "generate", std::move(request), asked.filename,
                                  generate_arguments::described().to_json(asked));
}

task<tool_outcome> edit_image(call& run, edit_arguments asked) {
  check_transparency(asked);
  auto request = request_of(asked);
  request.input_fidelity = asked.input_fidelity;
  request.inputs = co_await open_pictures(run, asked.input_images);
  request.mask = co_await open_mask(run, asked.mask_filename);
  co_return co_await make_picture(run, "edit", std::move(request), asked.filename,
                                  edit_arguments::described().to_json(asked));
}

} // namespace

std::vector<tool> image_tools() {
  return {
      make_tool<generate_arguments, image_result>(
          {.name = "generate_image",
           .group = "image",
           .verb = "generate",
           .title = "Generate a picture",
           .description =
               "Makes a picture from a prompt and saves it in the media folder. Waits until it is there, which "
               "can take minutes; create_image does the same in the background.",
           .hints = {.open_world = true}},
          generate_image),
      make_tool<edit_arguments, image_result>(
          {.name = "edit_image",
           .group = "image",
           .verb = "edit",
           .title = "Edit pictures",
           .description =
               "Makes a new picture from one or more pictures of the media folder and a prompt. The inputs are "
               "not changed.",
           .hints = {.open_world = true}},
          edit_image),
  };
}

} // namespace weir::studio::tools
