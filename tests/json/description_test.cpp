#include <weir/core/error.hpp>
#include <weir/json/description.hpp>

#include <gtest/gtest.h>

namespace json = weir::json;

namespace {

struct size_pair {
  int width = 0;
  int height = 0;
  bool operator==(const size_pair&) const = default;
  static const json::description<size_pair>& described() {
    static const json::description<size_pair> d("", [](auto& d) {
      d.field("width", &size_pair::width, "").required().at_least(1);
      d.field("height", &size_pair::height, "").required().at_least(1);
    });
    return d;
  }
};

struct request {
  std::string prompt;
  std::optional<std::string> model;
  std::string mode = "crop";
  std::int64_t limit = 20;
  bool wait = false;
  double strength = 0.5;
  std::vector<std::string> inputs;
  std::vector<int> size{1280, 720};
  std::optional<json::object> config;
  json::value extra;
  std::optional<size_pair> crop;
  std::vector<size_pair> sizes;
  std::optional<int> count;

  static const json::description<request>& described() {
    static const json::description<request> d("Make a picture.", [](auto& d) {
      d.field("prompt", &request::prompt, "What it shows").required().length(1, 10).positional();
      d.field("model", &request::model, "Which model").known({"one", "two"});
      d.field("mode", &request::mode, "How to fit").one_of({"crop", "pad", "rescale"});
      d.field("limit", &request::limit, "How many").range(1, 100).flag("max");
      d.field("wait", &request::wait, "Wait for it");
      d.field("strength", &request::strength, "").range(0, 1.5);
      d.field("inputs", &request::inputs, "Files").items(0, 2).length(1, 5);
      d.field("size", &request::size, "").items(2, 2).at_least(1);
      d.field("config", &request::config, "").hidden_in_cli();
      d.field("extra", &request::extra, "");
      d.field("crop", &request::crop, "").omit_null();
      d.field("sizes", &request::sizes, "");
      d.field("count", &request::count, "").default_value(4);
    });
    return d;
  }
};

request from(std::string_view text) { return request::described().from_json(json::parse(text).as_object()); }

std::string refusal(std::string_view text) {
  try {
    from(text);
  } catch (const weir::error& e) {
    EXPECT_EQ(e.code(), weir::errc::invalid_argument);
    return e.what();
  }
  return "accepted";
}

TEST(description, schema_is_closed_and_complete) {
  const auto expected = json::parse(R"({
    "type": "object", "title": "createArguments", "description": "Make a picture.",
    "properties": {
      "prompt": {"type": "string", "minLength": 1, "maxLength": 10, "title": "Prompt", "description": "What it shows"},
      "model": {"anyOf": [{"type": "string"}, {"type": "null"}], "title": "Model", "description": "Which model",
                "examples": ["one", "two"], "default": null},
      "mode": {"type": "string", "enum": ["crop", "pad", "rescale"], "title": "Mode", "description": "How to fit",
               "default": "crop"},
      "limit": {"type": "integer", "minimum": 1, "maximum": 100, "title": "Limit", "description": "How many",
                "default": 20},
      "wait": {"type": "boolean", "title": "Wait", "description": "Wait for it", "default": false},
      "strength": {"type": "number", "minimum": 0.0, "maximum": 1.5, "title": "Strength", "default": 0.5},
      "inputs": {"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 5}, "minItems": 0,
                 "maxItems": 2, "title": "Inputs", "description": "Files", "default": []},
      "size": {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 2, "maxItems": 2,
               "title": "Size", "default": [1280, 720]},
      "config": {"anyOf": [{"type": "object", "additionalProperties": true}, {"type": "null"}], "title": "Config",
                 "default": null},
      "extra": {"title": "Extra", "default": null},
      "crop": {"anyOf": [{"type": "object", "properties": {
                 "width": {"type": "integer", "minimum": 1, "title": "Width"},
                 "height": {"type": "integer", "minimum": 1, "title": "Height"}},
                 "required": ["width", "height"], "additionalProperties": false}, {"type": "null"}],
               "title": "Crop", "default": null},
      "sizes": {"type": "array", "items": {"type": "object", "properties": {
                 "width": {"type": "integer", "minimum": 1, "title": "Width"},
                 "height": {"type": "integer", "minimum": 1, "title": "Height"}},
                 "required": ["width", "height"], "additionalProperties": false}, "title": "Sizes", "default": []},
      "count": {"anyOf": [{"type": "integer"}, {"type": "null"}], "title": "Count", "default": 4}
    },
    "required": ["prompt"], "additionalProperties": false})");
  const json::value actual(request::described().schema("createArguments"));
  EXPECT_EQ(json::serialize_pretty(actual), json::serialize_pretty(expected));
}

TEST(description, absent_fields_have_their_defaults) {
  const auto r = from(R"({"prompt":"fox"})");
  EXPECT_EQ(r.prompt, "fox");
  EXPECT_EQ(r.model, std::nullopt);
  EXPECT_EQ(r.mode, "crop");
  EXPECT_EQ(r.limit, 20);
  EXPECT_FALSE(r.wait);
  EXPECT_EQ(r.size, (std::vector<int>{1280, 720}));
  EXPECT_EQ(r.count, 4);
  EXPECT_EQ(from(R"({"prompt":"fox","count":null,"model":null})").count, 4) << "null is the same as absent";
}

TEST(description, every_kind_goes_there_and_back) {
  const std::string text =
      R"({"prompt":"fox","model":"two","mode":"pad","limit":7,"wait":true,"strength":1.25,"inputs":["a","b"],)"
      R"("size":[3,4],"config":{"any":[1]},"extra":[null],"crop":{"width":1,"height":2},)"
      R"("sizes":[{"width":5,"height":6},{"width":7,"height":8}],"count":-9})";
  const auto r = from(text);
  EXPECT_EQ(r.crop, (size_pair{1, 2}));
  EXPECT_EQ(r.sizes.at(1), (size_pair{7, 8}));
  EXPECT_EQ(r.inputs, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(json::serialize(request::described().to_json(r)), text);
}

TEST(description, null_is_written_unless_omitted) {
  const auto o = request::described().to_json(request{.prompt = "p"});
  EXPECT_TRUE(o.at("model").is_null());
  EXPECT_TRUE(o.at("config").is_null());
  EXPECT_FALSE(o.contains("crop"));
}

TEST(description, unknown_arguments_are_named_with_a_suggestion) {
  EXPECT_EQ(refusal(R"({"prompt":"p","promt":"x"})"), "unknown argument 'promt' (did you mean 'prompt'?)");
  EXPECT_EQ(refusal(R"({"prompt":"p","zebra":1})"), "unknown argument 'zebra'");
  EXPECT_EQ(refusal(R"({"prompt":"p","crop":{"width":1,"height":2,"heigth":3}})"),
            "unknown argument 'crop.heigth' (did you mean 'height'?)");
  const auto long_name = refusal("{\"prompt\":\"p\",\"\\u001b[2J" + std::string(100'000, 'x') + "\":1}");
  EXPECT_LT(long_name.size(), 100u);
  EXPECT_EQ(long_name.find('\x1b'), std::string::npos);
}

TEST(description, all_problems_come_in_one_error) {
  EXPECT_EQ(refusal(R"({"promt":"x","limit":"twenty","mode":"croop","wait":1,"sizes":[{"width":0}]})"),
            "unknown argument 'promt' (did you mean 'prompt'?); missing required argument 'prompt'; "
            "'mode' must be one of 'crop', 'pad', 'rescale', got 'croop' (did you mean 'crop'?); "
            "'limit' must be an integer, got string; 'wait' must be true or false, got integer; "
            "'sizes[0].width' must be at least 1, got 0; missing required argument 'sizes[0].height'");
}

TEST(description, a_hostile_number_of_problems_stays_a_short_text) {
  json::object many;
  for (int i = 0; i < 200'000; ++i) many.emplace("unknown" + std::to_string(i), i);
  try {
    request::described().from_json(many);
    FAIL();
  } catch (const weir::error& e) {
    const std::string text = e.what();
    EXPECT_LT(text.size(), 4000u);
    EXPECT_NE(text.find("; and 199981 more"), std::string::npos) << text;
  }
}

TEST(description, types_are_never_guessed) {
  EXPECT_EQ(refusal(R"({"prompt":5})"), "'prompt' must be a string, got integer");
  EXPECT_EQ(refusal(R"({"prompt":null})"), "'prompt' must be a string, got null");
  EXPECT_EQ(refusal(R"({"prompt":"p","limit":true})"), "'limit' must be an integer, got boolean");
  EXPECT_EQ(refusal(R"({"prompt":"p","limit":"7"})"), "'limit' must be an integer, got string");
  EXPECT_EQ(refusal(R"({"prompt":"p","limit":7.5})"), "'limit' must be an integer, got number");
  EXPECT_EQ(refusal(R"({"prompt":"p","wait":"true"})"), "'wait' must be true or false, got string");
  EXPECT_EQ(refusal(R"({"prompt":"p","strength":true})"), "'strength' must be a number, got boolean");
  EXPECT_EQ(refusal(R"({"prompt":"p","inputs":"a.png"})"), "'inputs' must be an array of strings, got string");
  EXPECT_EQ(refusal(R"({"prompt":"p","inputs":["a",7]})"), "'inputs[1]' must be a string, got integer");
  EXPECT_EQ(refusal(R"({"prompt":"p","size":[1,"2"]})"), "'size[1]' must be an integer, got string");
  EXPECT_EQ(refusal(R"({"prompt":"p","config":[]})"), "'config' must be an object, got array");
  EXPECT_EQ(refusal(R"({"prompt":"p","crop":7})"), "'crop' must be an object, got integer");
  EXPECT_EQ(refusal(R"({"prompt":"p","limit":null})"), "'limit' must be an integer, got null");
}

TEST(description, whole_doubles_are_integers) {
  EXPECT_EQ(from(R"({"prompt":"p","limit":20.0})").limit, 20);
  EXPECT_EQ(from(R"({"prompt":"p","size":[2e1,4]})").size.at(0), 20);
  EXPECT_EQ(from(R"({"prompt":"p","strength":1})").strength, 1.0);
}

TEST(description, bounds) {
  EXPECT_EQ(refusal(R"({"prompt":"p","limit":0})"), "'limit' must be between 1 and 100, got 0");
  EXPECT_EQ(refusal(R"({"prompt":"p","limit":101})"), "'limit' must be between 1 and 100, got 101");
  EXPECT_EQ(refusal(R"({"prompt":"p","strength":1.6})"), "'strength' must be between 0 and 1.5, got 1.6");
  EXPECT_EQ(refusal(R"({"prompt":""})"), "'prompt' must be between 1 and 10 characters long, got 0");
  EXPECT_EQ(refusal(R"({"prompt":"éééééééééé"})"), "accepted") << "ten characters in twenty bytes";
  EXPECT_EQ(refusal(R"({"prompt":"ééééééééééé"})"), "'prompt' must be between 1 and 10 characters long, got 11");
  EXPECT_EQ(refusal(R"({"prompt":"p","inputs":["a","b","c"]})"), "'inputs' must have between 0 and 2 items, got 3");
  EXPECT_EQ(refusal(R"({"prompt":"p","inputs":["abcdef"]})"),
            "'inputs[0]' must be between 1 and 5 characters long, got 6");
  EXPECT_EQ(refusal(R"({"prompt":"p","size":[1]})"), "'size' must have exactly 2 items, got 1");
  EXPECT_EQ(refusal(R"({"prompt":"p","size":[1,0]})"), "'size[1]' must be at least 1, got 0");
  EXPECT_EQ(refusal(R"({"prompt":"p","count":4294967296})"), "'count' must fit 32 bits, got 4294967296");
  EXPECT_EQ(refusal(R"({"prompt":"p","limit":18446744073709551615})"),
            "'limit' must fit 64 bits, got 18446744073709551615");
}

TEST(description, json_text_stands_for_an_object_array_or_null) {
  EXPECT_EQ(from(R"({"prompt":"p","config":"{\"a\":1}"})").config->at("a").as_int64(), 1);
  EXPECT_EQ(from(R"({"prompt":"p","inputs":" [\"x\"]"})").inputs.at(0), "x");
  EXPECT_EQ(from(R"({"prompt":"p","config":"null"})").config, std::nullopt);
  EXPECT_EQ(from(R"({"prompt":"p","crop":"{\"width\":1,\"height\":2}"})").crop, (size_pair{1, 2}));
  EXPECT_EQ(from(R"({"prompt":"[1]"})").prompt, "[1]") << "a string stays a string";
  EXPECT_EQ(from(R"({"prompt":"p","model":"null"})").model, "null") << "an optional string too";
  EXPECT_EQ(from(R"({"prompt":"p","extra":"[1]"})").extra, json::value("[1]")) << "anything: as it came";
  EXPECT_EQ(refusal(R"({"prompt":"p","config":"{\"a\":"})"), "'config' must be an object, got string");
}

TEST(description, command_line_facts) {
  const auto& fields = request::described().fields();
  EXPECT_EQ(fields.at(0).flag, "prompt");
  EXPECT_TRUE(fields.at(0).positional);
  EXPECT_EQ(fields.at(3).flag, "max");
  EXPECT_TRUE(fields.at(8).hidden_in_cli);
  EXPECT_FALSE(fields.at(0).default_value.has_value());
  EXPECT_EQ(fields.at(12).default_value, json::value(4));
  EXPECT_EQ(fields.at(11).structure->fields.at(1).name, "height");
}

TEST(description, values_from_a_command_line) {
  const auto& fields = request::described().fields();
  const auto take = [&](std::size_t i, std::string_view text) { return json::value_from_text(fields.at(i), text); };
  EXPECT_EQ(take(0, "[1]"), json::value("[1]"));
  EXPECT_EQ(take(3, "7"), json::value(7));
  EXPECT_EQ(take(4, "true"), json::value(true));
  EXPECT_EQ(take(5, "0.25"), json::value(0.25));
  EXPECT_EQ(take(6, "a.png"), json::parse(R"(["a.png"])"));
  EXPECT_EQ(take(6, R"(["a","b"])"), json::parse(R"(["a","b"])"));
  EXPECT_EQ(take(7, "12"), json::parse("[12]"));
  EXPECT_EQ(take(8, R"({"a":1})"), json::parse(R"({"a":1})"));
  EXPECT_EQ(take(9, "text"), json::value("text"));
  EXPECT_EQ(take(9, "5"), json::value(5));
  try {
    take(3, "many");
    FAIL();
  } catch (const weir::error& e) {
    EXPECT_NE(std::string(e.what()).find("--max must be a number"), std::string::npos) << e.what();
  }
  EXPECT_THROW(take(4, "1"), weir::error);
  EXPECT_THROW(take(8, "{"), weir::error);
}

} // namespace
