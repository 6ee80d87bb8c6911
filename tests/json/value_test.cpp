#include <weir/core/error.hpp>
#include <weir/json/value.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

namespace json = weir::json;
using weir::errc;

namespace {

/// Returns the text of the error that `text` is refused with, or "accepted".
std::string refusal(std::string_view text, json::parse_limits limits = {}, errc code = errc::invalid_argument) {
  try {
    json::parse(text, limits);
  } catch (const weir::error& e) {
    EXPECT_EQ(e.code(), code) << e.what();
    return e.what();
  }
  return "accepted";
}

std::string nested(std::size_t depth, char open = '[', char close = ']') {
  return std::string(depth, open) + std::string(depth, close);
}

TEST(parse, reads_every_kind) {
  const auto v = json::parse(R"( {"a":null,"b":[true,false],"c":-7,"d":2.5,"e":"x\n\u00e9\ud83d\ude00","f":{}} )");
  const auto& o = v.as_object();
  EXPECT_TRUE(o.at("a").is_null());
  EXPECT_TRUE(o.at("b").as_array().at(0).as_bool());
  EXPECT_EQ(o.at("c").as_int64(), -7);
  EXPECT_EQ(o.at("d").as_double(), 2.5);
  EXPECT_EQ(std::string_view(o.at("e").as_string().c_str()), "x\n\xC3\xA9\xF0\x9F\x98\x80");
  EXPECT_TRUE(o.at("f").as_object().empty());
}

TEST(parse, names_line_and_byte_of_the_fault) {
  EXPECT_EQ(refusal("{\"a\":1,\n \"b\":?}"), "invalid JSON at line 2, byte 6: syntax error");
  EXPECT_EQ(refusal("[1,2"), "invalid JSON at line 1, byte 5: the text ends too early");
  EXPECT_EQ(refusal(""), "invalid JSON at line 1, byte 1: the text ends too early");
  EXPECT_EQ(refusal("1 2"), "invalid JSON at line 1, byte 3: text after the end of the value");
  EXPECT_EQ(refusal("{}\n}"), "invalid JSON at line 2, byte 1: text after the end of the value");
}

TEST(parse, accepts_nothing_beyond_the_standard) {
  for (const std::string text :
       {"NaN",      "Infinity",   "-Infinity", "[NaN]",     "1.",      ".5",        "+1",    "01",  "0x10",
        "[1,]",     "{\"a\":1,}", "{a:1}",     "'a'",       "// c\n1", "/* */1",    "tru",   "nul", "\xEF\xBB\xBF{}",
        "\"a\nb\"", "\"a\tb\"",   "\"\\x\"",   "\"\\u12\"", "[1 2]",   "{\"a\" 1}", "{1:2}", "[",   "]",
        "\"",       "-",          "1e",        "1e+"})
    EXPECT_NE(refusal(text), "accepted") << text;
  EXPECT_NE(refusal(std::string("1\0", 2)), "accepted");
}

TEST(parse, refuses_half_a_surrogate_pair) {
  for (const std::string text : {R"("\ud800")", R"("\udc00")", R"("\ud800x")", R"("\ud800\ud800")", R"("\ud800A")",
                                 R"("\ude00\ud83d")", R"({"\udfff":1})", R"("\ud800\n")"}) {
    const auto why = refusal(text);
    EXPECT_NE(why.find("half a surrogate pair"), std::string::npos) << text << " -> " << why;
  }
  EXPECT_EQ(json::parse(R"("\ud83d\ude00")").as_string(), "\xF0\x9F\x98\x80");
}

TEST(parse, refuses_invalid_utf8) {
  for (const std::string bytes :
       {"\x80", "\xC0\xAF", "\xC1\x81", "\xE0\x80\xAF", "\xED\xA0\x80", "\xED\xBF\xBF", "\xF0\x80\x80\x80",
        "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "\xC3", "\xE2\x82", "\xF0\x9F\x98"}) {
    EXPECT_NE(refusal("\"" + bytes + "\"").find("invalid UTF-8"), std::string::npos) << refusal("\"" + bytes + "\"");
    EXPECT_NE(refusal("{\"" + bytes + "\":1}"), "accepted");
  }
}

TEST(parse, numbers_are_exact_or_refused) {
  EXPECT_EQ(json::parse("9223372036854775807").as_int64(), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(json::parse("-9223372036854775808").as_int64(), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(json::parse("18446744073709551615").as_uint64(), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(json::parse("18446744073709551616").as_double(), 18446744073709551616.0);
  // Each of these needs correct rounding; a product of mantissa and power of ten misses by one unit in the last place.
  EXPECT_EQ(json::parse("7.0420557077594588669468784357561207962098443483187940792729600000e59").as_double(),
            7.0420557077594588669468784357561207962098443483187940792729600000e59);
  EXPECT_EQ(json::parse("[123456789012345.678e-30]").as_array().at(0).as_double(), 123456789012345.678e-30);
  EXPECT_EQ(json::parse("1.7976931348623157e308").as_double(), std::numeric_limits<double>::max());
  EXPECT_EQ(json::parse("5e-324").as_double(), std::numeric_limits<double>::denorm_min());
  EXPECT_EQ(json::parse("1e-400").as_double(), 0.0);
  EXPECT_TRUE(std::signbit(json::parse("-1e-400").as_double()));
  for (const std::string text : {"1e400", "-1e400", "[1e309]", "1e99999999999", "1.8e308"})
    EXPECT_NE(refusal(text).find("number too large"), std::string::npos) << text << " " << refusal(text);
  EXPECT_NE(refusal(std::string(400, '9')), "accepted") << "four hundred digits exceed a double";
}

TEST(parse, a_repeated_name_keeps_its_last_value) {
  EXPECT_EQ(json::parse(R"({"a":1,"a":2})").as_object().at("a").as_int64(), 2);
}

TEST(parse, depth_is_limited_without_touching_the_stack) {
  EXPECT_EQ(refusal(nested(64)), "accepted");
  EXPECT_NE(refusal(nested(65)).find("nested deeper than 64 levels"), std::string::npos);
  EXPECT_NE(refusal(std::string(1'000'000, '[')).find("nested deeper"), std::string::npos);
  std::string objects;
  for (int i = 0; i < 200'000; ++i) objects += "{\"a\":";
  EXPECT_NE(refusal(objects).find("nested deeper"), std::string::npos);
  EXPECT_EQ(refusal(nested(3), {.max_depth = 3}), "accepted");
  EXPECT_NE(refusal(nested(4), {.max_depth = 3}), "accepted");
  EXPECT_EQ(refusal(nested(1000), {.max_depth = 1'000'000}), "accepted");
  EXPECT_NE(refusal(nested(1'000'000), {.max_depth = 10'000'000}).find("nested deeper than 1000"), std::string::npos);
}

TEST(parse, length_is_limited) {
  EXPECT_EQ(refusal("[1,2]", {.max_bytes = 5}), "accepted");
  EXPECT_EQ(refusal("[1,2]", {.max_bytes = 4}, errc::too_large), "the JSON text has 5 bytes; the limit is 4");
}

TEST(parse, the_number_of_values_is_limited) {
  const json::parse_limits seven{.max_values = 7};
  for (const std::string text : {R"([1,-1.5,"s",true,null,18446744073709551615])", R"({"a":{"b":[[],{},1.5]},"c":2})"})
    EXPECT_EQ(refusal(text, seven), "accepted") << text;
  for (const std::string text :
       {"[1,2,3,4,5,6,7]", "[[],[],[],[],[],[],[]]", "[{},{},{},{},{},{},{}]", R"(["","","","","","",""])",
        "[1.5,1.5,1.5,1.5,1.5,1.5,1.5]", "[true,true,true,true,true,true,null]", "[[[[[[[[]]]]]]]]"})
    EXPECT_EQ(refusal(text, seven, errc::too_large), "the JSON text holds more than 7 values") << text;
  std::string tiny = "[0";
  for (int i = 0; i < 5'000'000; ++i) tiny += ",0";
  EXPECT_NE(refusal(tiny + "]", {}, errc::too_large), "accepted");
}

TEST(parse, long_strings) {
  const std::string big(30'000'000, 'x');
  const auto v = json::parse("[\"" + big + "\",\"" + big.substr(0, 999'999) + "\\n\"]");
  EXPECT_EQ(v.as_array().at(0).as_string().size(), big.size());
  EXPECT_EQ(v.as_array().at(1).as_string().size(), 1'000'000u);
  EXPECT_EQ(json::parse(json::serialize(v)), v);
}

TEST(serialize, one_line_without_spaces) {
  const json::value v = json::parse(R"({"a": [1, -2, 2.5, true, null, {}], "b": {"c": []}, "d": "x"})");
  EXPECT_EQ(json::serialize(v), R"({"a":[1,-2,2.5,true,null,{}],"b":{"c":[]},"d":"x"})");
  EXPECT_EQ(json::serialize(v.as_object()), json::serialize(v));
}

TEST(serialize, escapes_what_must_not_stand_in_a_line) {
  const std::string text("q\" b\\ n\n r\r t\t z\0 e\x1f d\x7f", 23);
  EXPECT_EQ(json::serialize(json::value(json::string(text))), "\"q\\\" b\\\\ n\\n r\\r t\\t z\\u0000 e\\u001f d\x7f\"");
  EXPECT_EQ(json::serialize(json::value("a\xE2\x80\xA8"
                                        "b\xE2\x80\xA9"
                                        "c\xC2\x85"
                                        "d")),
            R"("a\u2028b\u2029c\u0085d")");
  EXPECT_EQ(json::serialize(json::value(json::object{{"k\n", 1}})), R"({"k\n":1})");
  for (int c = 0; c < 128; ++c) { // every byte, at every place of an eight-byte word
    for (std::size_t place = 0; place < 17; ++place) {
      std::string s(17, 'a');
      s[place] = static_cast<char>(c);
      const auto line = json::serialize(json::value(json::string(s)));
      for (const char written : line) EXPECT_GE(static_cast<unsigned char>(written), 0x20) << c << " at " << place;
      EXPECT_EQ(json::parse(line).as_string(), s);
    }
  }
}

TEST(serialize, ascii_only) {
  const json::value v("\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80 a");
  EXPECT_EQ(json::serialize(v), "\"\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80 a\"");
  EXPECT_EQ(json::serialize(v, {.ascii_only = true}), R"("\u00e9 \u20ac \ud83d\ude00 a")");
  EXPECT_EQ(json::parse(json::serialize(v, {.ascii_only = true})), v);
}

TEST(serialize, bytes_that_are_no_utf8_become_the_replacement_character) {
  const json::value v(json::string("a\xFF"
                                   "b\xC3(\xED\xA0\x80"));
  const auto line = json::serialize(v);
  const std::string mark = "\xEF\xBF\xBD";
  EXPECT_EQ(line, "\"a" + mark + "b" + mark + "(" + mark + mark + mark + "\"");
  EXPECT_NO_THROW(json::parse(line));
  EXPECT_EQ(json::serialize(json::value(json::string("\xFF")), {.ascii_only = true}), R"("\ufffd")");
}

TEST(serialize, doubles_stay_doubles_and_come_back_equal) {
  EXPECT_EQ(json::serialize(json::value(20.0)), "20.0");
  EXPECT_EQ(json::serialize(json::value(0.1)), "0.1");
  EXPECT_EQ(json::serialize(json::value(-0.0)), "-0.0");
  std::uint64_t seed = 88172645463325252u;
  for (int i = 0; i < 20'000; ++i) {
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17; // xorshift64
    double d;
    std::memcpy(&d, &seed, sizeof d);
    if (!std::isfinite(d)) continue;
    const auto back = json::parse(json::serialize(json::value(d)));
    ASSERT_TRUE(back.is_double()) << json::serialize(json::value(d));
    ASSERT_EQ(back.get_double(), d);
  }
}

TEST(serialize, refuses_what_json_cannot_hold) {
  EXPECT_THROW(json::serialize(json::value(std::nan(""))), weir::error);
  EXPECT_THROW(json::serialize(json::value(std::numeric_limits<double>::infinity())), weir::error);
  json::value deep(json::array{});
  for (int i = 0; i < 1100; ++i) deep = json::value(json::array{std::move(deep)});
  EXPECT_THROW(json::serialize(deep), weir::error);
}

TEST(serialize, pretty) {
  EXPECT_EQ(json::serialize_pretty(json::parse(R"({"a":[1,{"b":null}],"c":{},"d":[]})")), R"({
  "a": [
    1,
    {
      "b": null
    }
  ],
  "c": {},
  "d": []
})");
}

TEST(helpers, find_and_defaults) {
  const json::object o{{"s", "text"}, {"i", 3}, {"whole", 20.0}, {"half", 0.5}, {"yes", true}, {"big", 1e300}};
  EXPECT_EQ(json::find(o, "none"), nullptr);
  EXPECT_EQ(json::find(o, "i")->as_int64(), 3);
  EXPECT_EQ(json::string_or(o, "s", "x"), "text");
  EXPECT_EQ(json::string_or(o, "i", "x"), "x");
  EXPECT_EQ(json::int_or(o, "i", 9), 3);
  EXPECT_EQ(json::int_or(o, "whole", 9), 20);
  EXPECT_EQ(json::int_or(o, "half", 9), 9);
  EXPECT_EQ(json::int_or(o, "big", 9), 9);
  EXPECT_EQ(json::int_or(o, "yes", 9), 9) << "true is not 1";
  EXPECT_EQ(json::number_or(o, "i", 9), 3.0);
  EXPECT_EQ(json::number_or(o, "yes", 9), 9.0);
  EXPECT_TRUE(json::bool_or(o, "yes", false));
  EXPECT_FALSE(json::bool_or(o, "i", false)) << "3 is not true";
  EXPECT_EQ(json::as_integer(json::value(std::uint64_t{1} << 63)), std::nullopt);
  EXPECT_EQ(json::as_integer(json::value(std::nan(""))), std::nullopt);
}

} // namespace
