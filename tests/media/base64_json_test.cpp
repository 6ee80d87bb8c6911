#include <weir/core/error.hpp>
#include <weir/media/base64.hpp>
#include <weir/media/base64_json.hpp>

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>

namespace {

using weir::errc;
using weir::media::base64_encode;
using weir::media::base64_json_extractor;
using weir::media::base64_json_options;
using weir::media::base64_json_result;
using weir::media::image_place;

struct outcome {
  std::string document;
  std::string picture;
  bool found = false;
};

constexpr base64_json_options images = {};
constexpr base64_json_options responses = {.place = image_place::responses_answer};

outcome extract(std::string_view body, const base64_json_options& options, std::size_t chunk = 1 << 20) {
  outcome out;
  base64_json_extractor extractor(options, [&](std::string_view bytes) { out.picture += bytes; });
  for (std::size_t at = 0; at < body.size(); at += chunk) extractor.feed(body.substr(at, chunk));
  base64_json_result result = extractor.finish();
  out.document = std::move(result.document);
  out.found = result.found;
  EXPECT_EQ(result.decoded_bytes, out.picture.size());
  return out;
}

void expect_error(std::string_view body, const base64_json_options& options, errc code, std::string_view part) {
  for (std::size_t chunk : {std::size_t{1}, std::size_t{7}, body.size() + 1}) {
    try {
      extract(body, options, chunk);
      ADD_FAILURE() << "accepted in pieces of " << chunk << ": " << body.substr(0, 100);
    } catch (const weir::error& e) {
      EXPECT_EQ(e.code(), code) << e.what();
      EXPECT_NE(std::string_view(e.what()).find(part), std::string_view::npos) << e.what();
    }
  }
}

// The same answer whatever the pieces.
void expect(std::string_view body, const base64_json_options& options, const outcome& wanted) {
  for (std::size_t chunk : {1, 2, 3, 5, 16, 64, 1000, 1 << 20}) {
    const outcome got = extract(body, options, chunk);
    ASSERT_EQ(got.found, wanted.found) << chunk;
    ASSERT_EQ(got.document, wanted.document) << chunk;
    ASSERT_TRUE(got.picture == wanted.picture) << chunk;
  }
}

std::string random_bytes(std::size_t size) {
  std::mt19937 random(static_cast<unsigned>(size));
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(random());
  return bytes;
}

std::string as_unicode_escape(char c) {
  constexpr std::string_view digits = "0123456789aBcDeF";
  const auto value = static_cast<unsigned char>(c);
  return std::string("\\u00") + digits[value >> 4] + digits[value & 15];
}

TEST(base64_json, images_answer) {
  for (std::size_t size : {1, 2, 3, 70, 5000, 300'000}) {
    const std::string picture = random_bytes(size);
    expect(
        "{ \"created\" : 17,\n \"data\": [ {\"revised_prompt\": \"a \\\"cat\\\"\", \"b64_json\": \"" +
            base64_encode(picture) + "\", \"x\": null} ], \"usage\": {\"total_tokens\": 1.5e3} }",
        images,
        {R"({"created":17,"data":[{"revised_prompt":"a \"cat\"","b64_json":"","x":null}],"usage":{"total_tokens":1.5e3}})",
         picture, true});
  }
}

TEST(base64_json, images_answer_with_several_pictures) {
  const std::string body = R"({"data":[{"b64_json":"AAAA"},{"b64_json":"AQEB"},{"b64_json":"not base64!"}]})";
  const std::string rest = R"({"data":[{"b64_json":""},{"b64_json":""},{"b64_json":""}]})";
  expect(body, {}, {rest, std::string(3, '\0'), true});
  expect(body, {.index = 1}, {rest, std::string(3, '\1'), true});
  expect(body, {.index = 3}, {rest, "", false});
}

TEST(base64_json, only_the_place_counts) {
  for (const char* body :
       {R"({"b64_json":"AAAA"})", R"([{"b64_json":"AAAA"}])", R"({"data":{"b64_json":"AAAA"}})",
        R"({"data":[[{"b64_json":"AAAA"}]]})", R"({"data":[{"x":{"b64_json":"AAAA"}}]})",
        R"({"data":[{"x":["b64_json","AAAA"]}]})", R"({"x":[{"b64_json":"AAAA"}],"data":[]})",
        R"({"data":[{"b64_json":null}]})", R"({"data":[{"b64_json":["AAAA"]}]})", R"({"data":[{"b64_json":""}]})",
        R"({"x":{"data":[{"b64_json":"AAAA"}]}})", R"(["data",[{"b64_json":"AAAA"}]])", R"("data")", "17",
        R"({"data":["b64_json","AAAA"]})", R"({"data":[{"url":"b64_json"}]})"})
    expect(body, images, {body, "", false});
  expect(R"({"\u0064ata":[{"b64\u005Fjson":"AAAA"}]})", images,
         {R"({"\u0064ata":[{"b64\u005Fjson":""}]})", std::string(3, '\0'), true});
}

TEST(base64_json, responses_answer_with_the_type_before_or_behind) {
  for (std::size_t size : {1, 70, 5000}) {
    const std::string picture = random_bytes(size);
    const std::string text = base64_encode(picture);
    const std::string message = R"({"type":"message","content":[{"type":"output_text","text":"here"}]})";
    expect(R"({"id":"resp_1","status":"completed","output":[)" + message +
               R"(,{"id":"ig_1","type":"image_generation_call","status":"completed","result":")" + text +
               R"("}],"usage":{"a":1}})",
           responses,
           {R"({"id":"resp_1","status":"completed","output":[)" + message +
                R"(,{"id":"ig_1","type":"image_generation_call","status":"completed","result":""}],"usage":{"a":1}})",
            picture, true});
    expect(R"({"output":[{"result":")" + text + R"(","id":"ig_1","type":"image_generation_call"}],"error":null})",
           responses,
           {R"({"output":[{"result":"","id":"ig_1","type":"image_generation_call"}],"error":null})", picture, true});
  }
}

TEST(base64_json, only_the_first_image_call_counts) {
  const std::string first = R"({"type":"image_generation_call","result":"AAAA"})";
  const std::string second = R"({"result":"AQEB","type":"image_generation_call"})";
  const std::string empty_first = R"({"type":"image_generation_call","result":""})";
  const std::string empty_second = R"({"result":"","type":"image_generation_call"})";
  expect("{\"output\":[" + first + "," + second + "]}", responses,
         {"{\"output\":[" + empty_first + "," + empty_second + "]}", std::string(3, '\0'), true});
  expect("{\"output\":[" + second + "," + first + "]}", responses,
         {"{\"output\":[" + empty_second + "," + empty_first + "]}", std::string(3, '\1'), true});
  const std::string unfinished = R"({"type":"image_generation_call","result":null})";
  expect("{\"output\":[" + unfinished + "," + first + "]}", responses,
         {"{\"output\":[" + unfinished + "," + empty_first + "]}", "", false});
}

TEST(base64_json, a_result_of_another_type_stays_in_the_document) {
  for (const char* body : {R"({"output":[{"result":"free text!","type":"other_call"}]})",
                           R"({"output":[{"type":"other_call","result":"AAAA"}]})", R"({"output":[{"result":"AAAA"}]})",
                           R"({"output":[{"result":"AAAA","type":null}]})",
                           R"({"output":[{"result":"AAAA","type":{"type":"image_generation_call"}}]})",
                           R"({"output":[{"result":"AAAA","type":"image_generation_call_and_more_than_fits"}]})"})
    expect(body, responses, {body, "", false});
}

TEST(base64_json, a_long_result_before_its_type_is_not_held) {
  const std::string picture = random_bytes(40'000);
  base64_json_options options = responses;
  options.max_text_bytes = 1000;
  const std::string body =
      R"({"output":[{"result":")" + base64_encode(picture) + R"(","type":"image_generation_call"}]})";
  expect(body, options, {R"({"output":[{"result":"","type":"image_generation_call"}]})", picture, true});
  // Not a picture after all: too long for a text, exactly as if the type had stood in front.
  expect_error(R"({"output":[{"result":")" + base64_encode(picture) + R"(","type":"other"}]})", options,
               errc::too_large, "more than 1000 bytes");
  expect_error(R"({"output":[{"type":"other","result":")" + base64_encode(picture) + R"("}]})", options,
               errc::too_large, "more than 1000 bytes");
  expect_error(R"({"output":[{"result":")" + base64_encode(picture) + R"("}]})", options, errc::too_large, "1000");
  // The held string fits, but not together with what follows it.
  const std::string small = random_bytes(600);
  const std::string prompt(700, 'p');
  expect(R"({"output":[{"result":")" + base64_encode(small) + R"(","prompt":")" + prompt +
             R"(","type":"image_generation_call"}]})",
         options,
         {R"({"output":[{"result":"","prompt":")" + prompt + R"(","type":"image_generation_call"}]})", small, true});
  // A second picture that is too long to hold is passed over.
  expect(R"({"output":[{"type":"image_generation_call","result":"AAAA"},{"result":")" + base64_encode(picture) +
             R"(","type":"image_generation_call"}]})",
         options,
         {R"({"output":[{"type":"image_generation_call","result":""},{"result":"","type":"image_generation_call"}]})",
          std::string(3, '\0'), true});
}

TEST(base64_json, a_kept_result_never_reaches_the_sink) {
  base64_json_options options = responses;
  options.max_text_bytes = 1000;
  std::string got;
  base64_json_extractor extractor(options, [&](std::string_view bytes) { got += bytes; });
  extractor.feed(R"({"output":[{"result":"AAAA","type":"other","x":")");
  EXPECT_THROW(extractor.feed(std::string(1000, 'x')), weir::error);
  EXPECT_EQ(got, "");
}

TEST(base64_json, escapes_in_the_picture) {
  const std::string picture = random_bytes(999);
  std::string text;
  std::size_t i = 0;
  for (char c : base64_encode(picture)) {
    if (c == '/')
      text += i % 2 == 0 ? "\\/" : "\\u002f";
    else if (i % 50 == 0)
      text += as_unicode_escape(c);
    else
      text += c;
    if (++i % 76 == 0) text += i % 2 == 0 ? "\\r\\n" : "\\u000a";
  }
  expect(R"({"data":[{"b64_json":")" + text + R"("}]})", images, {R"({"data":[{"b64_json":""}]})", picture, true});
  for (const char* tail : {R"("type":"image_generation_call")", R"("t":0,"\u0074ype":"image\u005fgeneration_call")"})
    expect(R"({"output":[{"result":")" + text + "\"," + tail + "}]}", responses,
           {std::string(R"({"output":[{"result":"",)") + tail + "}]}", picture, true});
}

TEST(base64_json, refuses_a_broken_picture) {
  const auto answer = [](std::string_view text) { return R"({"data":[{"b64_json":")" + std::string(text) + R"("}]})"; };
  expect_error(answer("AAA"), images, errc::corrupt, "3 of 4");
  expect_error(answer("AA*A"), images, errc::corrupt, "offset 2");
  expect_error(answer("AAAA\\u00e9"), images, errc::corrupt, "offset 4");
  expect_error(answer("AAAA\\\""), images, errc::corrupt, "offset 4");
  expect_error(answer("AAAA\nAAAA"), images, errc::corrupt, "control character");
  expect_error(answer("AAAA\\x"), images, errc::corrupt, "an escape");
  expect_error(answer("AAAA\\u00g0"), images, errc::corrupt, "hexadecimal");
  expect_error(R"({"output":[{"result":"AAA","type":"image_generation_call"}]})", responses, errc::corrupt, "3 of 4");
  base64_json_options small = images;
  small.max_decoded_bytes = 100;
  expect_error(answer(base64_encode(random_bytes(101))), small, errc::too_large, "100 bytes");
  EXPECT_EQ(extract(answer(base64_encode(random_bytes(100))), small).picture.size(), 100U);
}

TEST(base64_json, refuses_what_parsers_read_differently) {
  expect_error(R"({"data":[{"b64_json":"AAAA","b64_json":"AQEB"}]})", images, errc::corrupt, "\"b64_json\" twice");
  expect_error(R"({"data":[{"b64_json":"AAAA"}],"data":[]})", images, errc::corrupt, "\"data\" twice");
  expect_error(R"({"output":[{"type":"x","type":"image_generation_call"}]})", responses, errc::corrupt, "twice");
  expect_error(R"({"output":[{"result":null,"result":"AAAA"}]})", responses, errc::corrupt, "twice");
}

TEST(base64_json, refuses_what_is_no_json) {
  for (const char* body : {"", " ", "{", "{\"data\":[", "{\"data\":[{\"b64_json\":\"AAAA", "{\"a\":1", "[1,", "\"abc"})
    expect_error(body, images, errc::corrupt, "stops early");
  for (const char* body :
       {"{]",    "[}",    "{\"a\" 1}", "{\"a\":}", "{,}",          "[,]",   "[1,]", "{\"a\":1,}", "[1 2]", "1 2",
        "{} {}", "{a:1}", "{1:2}",     "}",        "[\"a\"\"b\"]", "nul l", "'a'",  "{\"a\"}",    "[1}",   "{\"a\":1]"})
    expect_error(body, images, errc::corrupt, "is broken at offset");
  expect_error("[1,\x01]", images, errc::corrupt, "offset 3");
}

TEST(base64_json, limits) {
  const std::string deep = std::string(33, '[') + std::string(33, ']');
  expect_error(deep, images, errc::too_large, "deeper than 32");
  EXPECT_EQ(extract(std::string(32, '[') + std::string(32, ']'), images).document.size(), 64U);
  base64_json_options small = images;
  small.max_text_bytes = 50;
  expect_error(R"({"text":")" + std::string(50, 'x') + "\"}", small, errc::too_large, "more than 50 bytes");
  EXPECT_EQ(extract("[\"" + std::string(46, 'x') + "\"]" + std::string(1000, ' '), small).document.size(), 50U);
  expect_error("[\"" + std::string(47, 'x') + "\"]", small, errc::too_large, "more than 50 bytes");
}

TEST(base64_json, what_the_sink_throws_passes_through) {
  base64_json_extractor extractor(images, [](std::string_view) { throw std::length_error("disk"); });
  EXPECT_THROW(extractor.feed(R"({"data":[{"b64_json":"AAAA"}]})"), std::length_error);
}

} // namespace
