// The fixtures that the official conformance suite asks for, over HTTP on a port that is printed:
//   conformance_server [PORT]
//   npx -y --package=node@22 --package=@modelcontextprotocol/conformance@0.2.0-alpha.12 \
//     -c 'conformance server --url http://127.0.0.1:PORT/mcp --requirements 2026-07-28 -o results'
#include <weir/core/run.hpp>
#include <weir/mcp/http_transport.hpp>

#include <mcp/sample_server.hpp>

#include <cstdio>
#include <cstdlib>

namespace weir::mcp::testing {
namespace {

using namespace std::chrono_literals;

// One red pixel, and a WAV of no samples.
constexpr const char* png =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";
constexpr const char* wav = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=";

json::object form(std::string message, json::object properties) {
  json::array required;
  for (const auto& property : properties) required.push_back(json::value(property.key()));
  return {{"message", std::move(message)},
          {"requestedSchema",
           json::object{{"type", "object"}, {"properties", std::move(properties)}, {"required", std::move(required)}}}};
}
input_request elicit(std::string key, std::string message, json::object properties) {
  return {std::move(key), "elicitation/create", form(std::move(message), std::move(properties))};
}
input_request sample(std::string key, std::string prompt, int max_tokens) {
  return {std::move(key), "sampling/createMessage",
          json::object{{"messages", json::array{json::object{
                                        {"role", "user"},
                                        {"content", json::object{{"type", "text"}, {"text", std::move(prompt)}}}}}},
                       {"maxTokens", max_tokens}}};
}
json::object string_property() { return {{"type", "string"}}; }

using results = std::function<tool_result()>;

/// A tool without arguments whose answer is always the same.
void add_fixed(server& to, std::string name, results make) {
  to.add_tool(make_tool(std::move(name), "A fixture.",
                        [make](call_context&, json::object) -> task<tool_result> { co_return make(); }));
}

/// A tool that asks `questions` and then says what it got.
void add_asking(server& to, std::string name, std::vector<std::vector<input_request>> rounds) {
  tool t = make_tool(std::move(name), "A fixture that asks.",
                     [rounds](call_context& call, json::object) -> task<tool_result> {
                       json::object all;
                       for (std::vector<input_request> round : rounds)
                         for (auto& [key, answer] : co_await call.ask(std::move(round))) all.emplace(key, answer);
                       co_return tool_result::text("state-ok: " + json::serialize(all));
                     });
  t.asks_client = true;
  to.add_tool(std::move(t));
}

void add_contents(server& to) {
  add_fixed(to, "test_simple_text", [] { return tool_result::text("This is a simple text response for testing."); });
  add_fixed(to, "test_image_content", [] {
    tool_result result;
    result.content.emplace_back(image_content{png, "image/png"});
    return result;
  });
  add_fixed(to, "test_audio_content", [] {
    tool_result result;
    result.content.emplace_back(audio_content{wav, "audio/wav"});
    return result;
  });
  add_fixed(to, "test_embedded_resource", [] {
    tool_result result;
    result.content.emplace_back(
        embedded_resource{{"test://embedded-resource", "text/plain", "This is an embedded resource content."}});
    return result;
  });
  add_fixed(to, "test_multiple_content_types", [] {
    tool_result result = tool_result::text("Multiple content types test:");
    result.content.emplace_back(image_content{png, "image/png"});
    result.content.emplace_back(
        embedded_resource{{"test://mixed-content-resource", "application/json", R"({"test":"data","value":123})"}});
    return result;
  });
  to.add_tool(make_tool("test_error_handling", "A fixture.", [](call_context&, json::object) -> task<tool_result> {
    throw error(errc::invalid_argument, "This tool intentionally returns an error for testing");
    co_return tool_result{};
  }));
}

void add_notifying(server& to) {
  auto talk = [](call_context& call, json::object) -> task<tool_result> {
    call.log(log_level::info, "Tool execution started");
    co_await sleep_for(50ms);
    call.log(log_level::info, "Tool processing data");
    co_await sleep_for(50ms);
    call.log(log_level::info, "Tool execution completed");
    co_return tool_result::text("logged");
  };
  to.add_tool(make_tool("test_tool_with_logging", "A fixture.", talk));
  to.add_tool(make_tool("test_logging_tool", "A fixture.", talk));
  to.add_tool(
      make_tool("test_tool_with_progress", "A fixture.", [](call_context& call, json::object) -> task<tool_result> {
        for (int done : {0, 50, 100}) {
          if (done > 0) co_await sleep_for(50ms);
          call.report_progress(done, 100);
        }
        co_return tool_result::text("done");
      }));
  to.add_tool(
      make_tool("test_trigger_tool_change", "A fixture.", [&to](call_context&, json::object) -> task<tool_result> {
        to.tools_changed();
        co_return tool_result::text("announced");
      }));
  to.add_tool(
      make_tool("test_trigger_prompt_change", "A fixture.", [&to](call_context&, json::object) -> task<tool_result> {
        to.prompts_changed();
        co_return tool_result::text("announced");
      }));
}

void add_questions(server& to) {
  json::object name{{"name", string_property()}};
  json::object ok{{"ok", json::object{{"type", "boolean"}}}};
  add_asking(to, "test_input_required_result_elicitation", {{elicit("user_name", "What is your name?", name)}});
  add_asking(to, "test_streaming_elicitation", {{elicit("user_name", "What is your name?", name)}});
  add_asking(to, "test_input_required_result_sampling",
             {{sample("capital_question", "What is the capital of France?", 100)}});
  add_asking(to, "test_input_required_result_list_roots", {{{"client_roots", "roots/list", {}}}});
  add_asking(to, "test_input_required_result_request_state", {{elicit("confirm", "Please confirm", ok)}});
  add_asking(to, "test_input_required_result_tampered_state", {{elicit("confirm", "Please confirm", ok)}});
  add_asking(to, "test_input_required_result_multiple_inputs",
             {{elicit("user_name", "What is your name?", name),
               sample("greeting", "Generate a greeting", 50),
               {"client_roots", "roots/list", {}}}});
  add_asking(to, "test_input_required_result_multi_round",
             {{elicit("step1", "Step 1: What is your name?", name)},
              {elicit("step2", "Step 2: What is your favorite color?", {{"color", string_property()}})}});

  tool able = make_tool("test_input_required_result_capabilities", "A fixture.",
                        [](call_context& call, json::object) -> task<tool_result> {
                          std::vector<input_request> round;
                          if (call.client_can("elicitation"))
                            round.push_back(elicit("name", "Your name?", {{"name", string_property()}}));
                          if (call.client_can("sampling")) round.push_back(sample("word", "A word", 10));
                          co_await call.ask(std::move(round));
                          co_return tool_result::text("asked what the client can do");
                        });
  able.asks_client = true;
  to.add_tool(std::move(able));
  to.add_tool(
      make_tool("test_missing_capability", "A fixture.", [](call_context& call, json::object) -> task<tool_result> {
        call.require_client_capability({{"sampling", json::object()}});
        co_return tool_result::text("the client can sample");
      }));
}

tool ask_once(std::string name, json::object schema, std::function<input_request(const json::object&)> question,
              std::string opening) {
  tool t = make_tool(
      std::move(name), "A fixture that asks.",
      [question, opening](call_context& call, json::object arguments) -> task<tool_result> {
        std::vector<input_request> round;
        round.push_back(question(arguments));
        auto answers = co_await call.ask(std::move(round));
        const json::object& answer = answers.begin()->second;
        const json::value* content = json::find(answer, "content");
        co_return tool_result::text(opening + "action=" + json::string_or(answer, "action", "none") +
                                    ", content=" + (content ? json::serialize(*content) : "{}"));
      },
      std::move(schema));
  t.asks_client = true;
  return t;
}

void add_legacy_questions(server& to) {
  auto one_string = [](const char* key) {
    return json::object{
        {"type", "object"}, {"properties", json::object{{key, string_property()}}}, {"required", json::array{key}}};
  };
  to.add_tool(ask_once(
      "test_sampling", one_string("prompt"),
      [](const json::object& given) { return sample("s", json::string_or(given, "prompt"), 100); }, "LLM response: "));
  to.add_tool(ask_once(
      "test_elicitation", one_string("message"),
      [](const json::object& given) {
        return elicit("e", json::string_or(given, "message"),
                      {{"username", json::object{{"type", "string"}, {"description", "User's response"}}},
                       {"email", json::object{{"type", "string"}, {"description", "User's email address"}}}});
      },
      "User response: "));
  to.add_tool(ask_once(
      "test_elicitation_sep1034_defaults", no_arguments(),
      [](const json::object&) {
        return elicit(
            "e", "Your details",
            json::parse(
                R"({"name":{"type":"string","default":"John Doe"},"age":{"type":"integer","default":30},)"
                R"("score":{"type":"number","default":95.5},"status":{"type":"string","enum":)"
                R"(["active","inactive","pending"],"default":"active"},"verified":{"type":"boolean","default":true}})")
                .as_object());
      },
      "Elicitation completed: "));
  to.add_tool(ask_once(
      "test_elicitation_sep1330_enums", no_arguments(),
      [](const json::object&) {
        return elicit(
            "e", "Your choices",
            json::parse(
                R"({"untitledSingle":{"type":"string","enum":["option1","option2","option3"]},)"
                R"("titledSingle":{"type":"string","oneOf":[{"const":"value1","title":"First Option"},)"
                R"({"const":"value2","title":"Second Option"},{"const":"value3","title":"Third Option"}]},)"
                R"("legacyEnum":{"type":"string","enum":["opt1","opt2","opt3"],"enumNames":["Option One","Option Two","Option Three"]},)"
                R"("untitledMulti":{"type":"array","items":{"type":"string","enum":["option1","option2","option3"]}},)"
                R"("titledMulti":{"type":"array","items":{"anyOf":[{"const":"value1","title":"First Choice"},)"
                R"({"const":"value2","title":"Second Choice"},{"const":"value3","title":"Third Choice"}]}}})")
                .as_object());
      },
      "Elicitation completed: "));
}

void add_resources(server& to) {
  auto fixed = [&](std::string uri, std::string type, std::string body, bool base64) {
    resource_contents contents{uri, type, std::move(body), base64};
    to.add_resource({uri, uri.substr(7), "", "A fixture.", type},
                    [contents](call_context&, std::string) -> task<std::vector<resource_contents>> {
                      co_return std::vector<resource_contents>{contents};
                    });
  };
  fixed("test://static-text", "text/plain", "This is the content of the static text resource.", false);
  fixed("test://static-binary", "image/png", png, true);
  fixed("test://watched-resource", "text/plain", "Watched.", false);
  to.add_resource_template({"test://template/{id}/data", "template", "", "A fixture.", "application/json"});
  resource_provider provider;
  provider.read = [](call_context&, std::string uri) -> task<std::vector<resource_contents>> {
    constexpr std::string_view opening = "test://template/", closing = "/data";
    if (!uri.starts_with(opening) || !uri.ends_with(closing)) throw error(errc::not_found, "no such resource");
    std::string id = uri.substr(opening.size(), uri.size() - opening.size() - closing.size());
    json::object data{{"id", id}, {"templateTest", true}, {"data", "Data for ID: " + id}};
    std::vector<resource_contents> out;
    out.push_back({uri, "application/json", json::serialize(data)});
    co_return out;
  };
  to.set_resource_provider(std::move(provider));
}

void add_prompts(server& to) {
  using arguments = std::map<std::string, std::string>;
  auto add = [&](std::string name, std::vector<prompt_argument> wanted,
                 std::function<std::vector<mcp::content>(const arguments&)> make) {
    prompt p;
    p.name = std::move(name);
    p.description = "A fixture.";
    p.arguments = std::move(wanted);
    p.get = [make](call_context&, arguments given) -> task<prompt_result> {
      prompt_result result;
      for (mcp::content& piece : make(given)) result.messages.push_back({role::user, std::move(piece)});
      co_return result;
    };
    p.complete = [](completion_request) -> task<std::vector<std::string>> {
      co_return std::vector<std::string>{"test"};
    };
    to.add_prompt(std::move(p));
  };
  using contents = std::vector<mcp::content>;
  add("test_simple_prompt", {},
      [](const arguments&) { return contents{text_content{"This is a simple prompt for testing."}}; });
  add("test_prompt_with_arguments", {{"arg1", "First.", true}, {"arg2", "Second.", true}}, [](const arguments& given) {
    return contents{
        text_content{"Prompt with arguments: arg1='" + given.at("arg1") + "', arg2='" + given.at("arg2") + "'"}};
  });
  add("test_prompt_with_embedded_resource", {{"resourceUri", "What to embed.", true}}, [](const arguments& given) {
    return contents{
        embedded_resource{{given.at("resourceUri"), "text/plain", "Embedded resource content for testing."}},
        text_content{"Please process the embedded resource above."}};
  });
  add("test_prompt_with_image", {}, [](const arguments&) {
    return contents{image_content{png, "image/png"}, text_content{"Please analyze the image above."}};
  });
  prompt asking;
  asking.name = "test_input_required_result_prompt";
  asking.description = "A fixture that asks.";
  asking.get = [](call_context& call, arguments) -> task<prompt_result> {
    std::vector<input_request> round;
    round.push_back(elicit("user_context", "What context should the prompt use?", {{"context", string_property()}}));
    auto answers = co_await call.ask(std::move(round));
    prompt_result result;
    result.messages.push_back({role::user, text_content{json::serialize(answers.begin()->second)}});
    co_return result;
  };
  to.add_prompt(std::move(asking));
}

void add_schemas(server& to) {
  auto nothing = [](call_context&, json::object) -> task<tool_result> { co_return tool_result::text("fine"); };
  to.add_tool(make_tool(
      "json_schema_2020_12_tool", "Tool with JSON Schema 2020-12 features", nothing,
      json::parse(
          R"({"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","$defs":)"
          R"({"address":{"$anchor":"addressDef","type":"object","properties":{"street":{"type":"string"},"city":{"type":"string"}}}},)"
          R"("properties":{"name":{"type":"string"},"address":{"$ref":"#/$defs/address"},"contactMethod":{"type":"string","enum":["phone","email"]},)"
          R"("phone":{"type":"string"},"email":{"type":"string"}},"allOf":[{"anyOf":[{"required":["phone"]},{"required":["email"]}]}],)"
          R"("if":{"properties":{"contactMethod":{"const":"phone"}},"required":["contactMethod"]},"then":{"required":["phone"]},"else":{"required":["email"]},)"
          R"("additionalProperties":false})")
          .as_object()));
  to.add_tool(make_tool(
      "test_x_mcp_header", "A mirrored argument.", nothing,
      {{"type", "object"},
       {"properties", json::object{{"region", json::object{{"type", "string"}, {"x-mcp-header", "Region"}}}}}}));
}

task<void> serve(server& to, std::uint16_t port) {
  http::server_options where;
  where.port = port;
  http::server listener(std::move(where));
  http_transport transport(to);
  transport.attach(listener);
  std::printf("%d\n", listener.port());
  std::fflush(stdout);
  co_await listener.serve();
}

} // namespace
} // namespace weir::mcp::testing

int main(int argc, char** argv) {
  using namespace weir;
  using namespace weir::mcp::testing;
  mcp::server_options options = sample_options();
  options.tools_change = true;
  options.prompts_change = true;
  mcp::server server(std::move(options));
  add_contents(server);
  add_notifying(server);
  add_questions(server);
  add_legacy_questions(server);
  add_resources(server);
  add_prompts(server);
  add_schemas(server);
  try {
    run(serve(server, static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 0)));
  } catch (const cancelled&) {
    return 0;
  }
}
