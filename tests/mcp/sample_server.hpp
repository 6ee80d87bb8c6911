#pragma once

#include <weir/core/error.hpp>
#include <weir/core/sleep.hpp>
#include <weir/core/stop.hpp>
#include <weir/mcp/server.hpp>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace weir::mcp::testing {

/// What the sample tools have seen, for the tests to look at.
struct sightings {
  std::atomic<int> started = 0;
  std::atomic<int> cancelled = 0;
  std::atomic<int> finished = 0;
};

inline json::object no_arguments() { return {{"type", "object"}, {"additionalProperties", false}}; }

inline tool make_tool(std::string name, std::string description, tool_handler handler,
                      json::object schema = no_arguments()) {
  tool t;
  t.name = std::move(name);
  t.title = "The tool " + t.name;
  t.description = std::move(description);
  t.input_schema = std::move(schema);
  t.annotations = {true, false, true, false};
  t.handler = std::move(handler);
  return t;
}

inline task<tool_result> rest(std::shared_ptr<sightings> seen, call_context& call, json::object arguments) {
  struct count_cancelled {
    sightings& seen;
    bool done = false;
    ~count_cancelled() { ++(done ? seen.finished : seen.cancelled); }
  } at_end{*seen};
  ++seen->started;
  auto total = std::chrono::milliseconds(json::int_or(arguments, "milliseconds", 100));
  auto steps = json::int_or(arguments, "steps", 1);
  for (std::int64_t step = 1; step <= steps; ++step) {
    co_await sleep_for(total / steps);
    call.report_progress(double(step), double(steps), "step " + std::to_string(step));
  }
  at_end.done = true;
  co_return tool_result::text("rested");
}

/// Gives `to` a few ordinary tools, resources and prompts.
inline std::shared_ptr<sightings> furnish(server& to) {
  auto seen = std::make_shared<sightings>();
  json::object text{{"type", "object"}, {"properties", {{"text", {{"type", "string"}}}}}, {"required", {"text"}}};

  to.add_tool(make_tool(
      "echo", "Gives back its text.",
      [](call_context&, json::object arguments) -> task<tool_result> {
        co_return tool_result::text(json::string_or(arguments, "text", "nothing"));
      },
      text));
  to.add_tool(
      make_tool("rest", "Waits, and reports progress.",
                [seen](call_context& call, json::object arguments) { return rest(seen, call, std::move(arguments)); },
                {{"type", "object"},
                 {"properties", {{"milliseconds", {{"type", "integer"}}}, {"steps", {{"type", "integer"}}}}}}));
  tool measure = make_tool("measure", "Gives data.", [](call_context&, json::object) -> task<tool_result> {
    co_return tool_result::data(json::object{{"width", 640}, {"height", 480}});
  });
  measure.output_schema = json::object{
      {"type", "object"}, {"properties", {{"width", {{"type", "integer"}}}, {"height", {{"type", "integer"}}}}}};
  to.add_tool(std::move(measure));
  to.add_tool(make_tool("gallery", "Gives one of each kind.", [](call_context&, json::object) -> task<tool_result> {
    tool_result result;
    annotations for_user{audience::user, 0.5, "2026-01-02T03:04:05Z"};
    result.content.emplace_back(text_content{"a shot", for_user});
    result.content.emplace_back(image_content{"iVBORw0KGgo=", "image/png"});
    result.content.emplace_back(audio_content{"UklGRg==", "audio/wav"});
    result.content.emplace_back(resource_link{"media://images/a.png", "a.png", "image/png", 8, "the first one"});
    result.content.emplace_back(embedded_resource{{"media://notes/a.txt", "text/plain", "hello"}});
    co_return result;
  }));
  to.add_tool(make_tool("refuse", "Fails with an error.", [](call_context&, json::object) -> task<tool_result> {
    throw error(errc::invalid_argument, "size 'huge' is unknown; use small or large");
    co_return tool_result{};
  }));
  to.add_tool(make_tool("crash", "Fails unexpectedly.", [](call_context&, json::object) -> task<tool_result> {
    throw std::runtime_error("cannot open /home/secret/key");
    co_return tool_result{};
  }));
  to.add_tool(make_tool("ask", "Needs sampling.", [](call_context& call, json::object) -> task<tool_result> {
    call.require_client_capability({{"sampling", json::object()}});
    co_return tool_result::text("asked");
  }));
  json::object routed{{"type", "object"},
                      {"properties", {{"region", {{"type", "string"}, {"x-mcp-header", "Region"}}}}}};
  to.add_tool(make_tool(
      "routed", "Has an argument that is mirrored into a header.",
      [](call_context&, json::object arguments) -> task<tool_result> {
        co_return tool_result::text("to " + json::string_or(arguments, "region", "nowhere"));
      },
      routed));
  to.add_tool(make_tool("talk", "Sends log messages.", [](call_context& call, json::object) -> task<tool_result> {
    call.log(log_level::debug, "fine detail", "sample");
    call.log(log_level::warning, json::object{{"left", 3}}, "sample");
    co_return tool_result::text("talked");
  }));

  to.add_resource({"sample://greeting", "greeting", "Greeting", "A text.", "text/plain", 5},
                  [](call_context&, std::string uri) -> task<std::vector<resource_contents>> {
                    std::vector<resource_contents> out;
                    out.push_back({std::move(uri), "text/plain", "hello"});
                    co_return out;
                  });
  to.add_resource(
      {"ui://sample/page.html", "page", "", "", "text/html"},
      [](call_context&, std::string uri) -> task<std::vector<resource_contents>> {
        std::vector<resource_contents> out;
        out.push_back({std::move(uri), "text/html", "<p>hi"});
        co_return out;
      },
      {std::chrono::hours(1), true}, false);
  resource_provider files;
  files.list = [](call_context&, std::string cursor) -> task<resource_page> {
    resource_page page;
    if (cursor.empty()) {
      page.resources.push_back({"media://images/a.png", "a.png", "", "", "image/png", 8});
      page.next_cursor = "2";
    } else if (cursor == "2") {
      page.resources.push_back({"media://images/b.png", "b.png", "", "", "image/png", 9});
    } else {
      throw error(errc::invalid_argument, "unknown cursor");
    }
    co_return page;
  };
  files.read = [](call_context&, std::string uri) -> task<std::vector<resource_contents>> {
    if (uri != "media://images/a.png") throw error(errc::not_found, "no such file");
    std::vector<resource_contents> out;
    out.push_back({uri, "image/png", "iVBORw0KGgo=", true});
    co_return out;
  };
  to.set_resource_provider(std::move(files));
  to.add_resource_template({"media://images/{name}",
                            "image",
                            "Images",
                            "A produced image.",
                            "image/png",
                            {},
                            [](completion_request) -> task<std::vector<std::string>> {
                              std::vector<std::string> names;
                              for (int i = 0; i < 150; ++i) names.push_back("image" + std::to_string(i));
                              co_return names;
                            }});
  prompt review;
  review.name = "review";
  review.title = "Review a shot";
  review.description = "Looks at a shot.";
  review.arguments = {{"shot", "Which shot.", true}};
  review.get = [](call_context&, std::map<std::string, std::string> arguments) -> task<prompt_result> {
    prompt_result result{"A review", {}};
    result.messages.push_back({role::user, text_content{"Look at " + arguments["shot"]}});
    co_return result;
  };
  review.complete = [](completion_request request) -> task<std::vector<std::string>> {
    std::vector<std::string> out;
    for (std::string name : {"sh010", "sh020"})
      if (name.starts_with(request.value)) out.push_back(name);
    co_return out;
  };
  to.add_prompt(std::move(review));
  return seen;
}

inline server_options sample_options() {
  server_options options;
  options.info = {"sample", "1.2.3", "A sample", "For tests.", "https://example.org"};
  options.instructions = "Call echo.";
  return options;
}

} // namespace weir::mcp::testing
