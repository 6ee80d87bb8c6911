#include "studio/resources.hpp"

#include <weir/studio/mcp_tools.hpp>

#include <utility>

namespace weir::studio {

namespace {

/// A call by an assistant: progress goes to its client.
class mcp_call final : public call {
 public:
  mcp_call(studio& in, mcp::call_context& context) : call(in), context_(context) {}
  void progress(double done, std::optional<double> total, std::string_view message) override {
    context_.report_progress(done, total, message);
  }

 private:
  mcp::call_context& context_;
};

/// Text first, complete on its own: some clients show a model nothing else, others only the structured half.
mcp::tool_result to_result(tool_outcome outcome) {
  mcp::tool_result result;
  std::string text = json::serialize_pretty(json::value(outcome.result));
  if (!outcome.text.empty()) text = outcome.text + "\n" + text;
  result.content.push_back(mcp::text_content{std::move(text)});
  for (const produced_file& file : outcome.files)
    result.content.push_back(mcp::resource_link{
        .uri = uri_of(file), .name = file.name, .mime_type = file.mime_type, .size_bytes = file.bytes});
  result.structured = json::value(std::move(outcome.result));
  return result;
}

} // namespace

std::string instructions() {
  return "Weir makes, fetches and prepares images and videos, many at once. Files live in the media folder; tools name "
         "them by name, never by path.\n"
         "- A video: create_video, then wait_for with download=true; repeat wait_for with the ids in `pending` until "
         "all "
         "are done. Several videos: create them all first, then one wait_for for all ids.\n"
         "- A video that begins with a picture: prepare_reference_image to exactly the video's size first, then "
         "create_video with input_reference_filename.\n"
         "- A picture now: generate_image; from other pictures: edit_image. In the background: create_image, then "
         "wait_for.\n"
         "- Nothing is overwritten: a name that is taken gets a number, so read the name in the result.\n"
         "- Tools that begin with kitsu_ are there where a login to a Kitsu server is configured: kitsu_list_shots, "
         "then "
         "kitsu_download_preview to have a shot's picture as a file for the other tools.\n"
         "- If an error says that something may have been bought, do not repeat the call: look with list_videos first.";
}

void offer(mcp::server& to, studio& in) {
  for (const tool& each : all_tools()) {
    if (each.is_offered && !each.is_offered(in.settings())) continue;
    mcp::tool offered;
    offered.name = each.name;
    offered.title = each.title;
    offered.description = each.description;
    offered.input_schema = json::schema(*each.arguments, each.title);
    offered.output_schema = json::schema(*each.results, "");
    offered.annotations = {.read_only = each.hints.read_only,
                           .destructive = each.hints.destructive,
                           .idempotent = each.hints.idempotent,
                           .open_world = each.hints.open_world};
    offered.handler = [&each, &in](mcp::call_context& context, json::object arguments) -> task<mcp::tool_result> {
      mcp_call run(in, context);
      co_return to_result(co_await each.run(run, std::move(arguments)));
    };
    to.add_tool(std::move(offered));
  }
  offer_resources(to, in);
}

} // namespace weir::studio
