#include <weir/core/error.hpp>
#include <weir/json/description.hpp>

#include <gtest/gtest.h>

namespace weir::json {
namespace {

struct part {
  std::string id;
  std::int64_t frames = 24;

  static const description<part>& described() {
    static const description<part> d("A part.", [](auto& d) {
      d.field("id", &part::id, "Its id").required();
      d.field("frames", &part::frames, "How many");
    });
    return d;
  }
};

struct whole {
  std::string name = "none";
  std::optional<std::string> note;
  part main;
  std::vector<part> parts;

  static const description<whole>& described() {
    static const description<whole> d("A whole.", [](auto& d) {
      d.field("name", &whole::name, "Its name");
      d.field("note", &whole::note, "A note");
      d.field("main", &whole::main, "The main part");
      d.field("parts", &whole::parts, "The others");
    });
    return d;
  }
};

TEST(answer, leaves_out_what_is_not_described_at_every_depth) {
  const auto in = parse(R"({"name":"a","more":1,"main":{"id":"x","frames":3,"deep":{}},)"
                        R"("parts":[{"id":"y","other":[1]},{"id":"z","frames":null}],"null":null})");
  const whole w = whole::described().from_answer(in);
  EXPECT_EQ(w.name, "a");
  EXPECT_EQ(w.main.frames, 3);
  ASSERT_EQ(w.parts.size(), 2u);
  EXPECT_EQ(w.parts[0].id, "y");
  EXPECT_EQ(w.parts[1].frames, 24);
  EXPECT_THROW(whole::described().from_json(in.get_object()), error) << "a request is read strictly";
}

TEST(answer, null_is_the_same_as_absent_where_a_field_may_be_absent) {
  const whole w = whole::described().from_answer(parse(R"({"name":null,"note":null,"main":{"id":"x"},"parts":null})"));
  EXPECT_EQ(w.name, "none");
  EXPECT_FALSE(w.note);
  EXPECT_TRUE(w.parts.empty());
}

TEST(answer, refuses_what_is_required_and_missing_and_other_types) {
  const auto refused = [](const char* text) {
    try {
      whole::described().from_answer(parse(text));
    } catch (const error& e) {
      return std::string(e.what());
    }
    return std::string("nothing");
  };
  EXPECT_NE(refused(R"({"main":{"frames":1}})").find("id"), std::string::npos);
  EXPECT_NE(refused(R"({"main":{"id":null}})").find("id"), std::string::npos);
  EXPECT_NE(refused(R"({"main":{"id":"x","frames":"many"}})").find("frames"), std::string::npos);
  EXPECT_NE(refused(R"({"main":{"id":"x"},"parts":[1]})").find("parts"), std::string::npos);
  EXPECT_NE(refused("[]").find("object"), std::string::npos);
}

TEST(parse_named, keeps_of_the_entries_of_a_list_what_is_named) {
  const auto& named = *part::described().structure();
  const auto kept = [&](const char* text, entries of = entries::in_list) {
    return serialize(parse_named(text, named, of));
  };
  EXPECT_EQ(kept(R"([{"id":"x","more":"text","frames":3,"deep":{"id":[1,{"frames":2}]}},{"name":"n","other":null}])"),
            R"([{"id":"x","frames":3},{"name":"n"}])");
  EXPECT_EQ(kept(R"({"data":[{"more":1,"frames":{"deep":[true]}}],"total":1,"data2":[{"more":1}]})"),
            R"({"data":[{"frames":{"deep":[true]}}],"total":1,"data2":[{"more":1}]})");
  EXPECT_EQ(kept(R"({"data":{"a":{"more":1}},"b":{"c":{"more":1}}})"),
            R"({"data":{"a":{"more":1}},"b":{"c":{"more":1}}})");
  EXPECT_EQ(kept(R"([[{"more":1}],2,"x"])"), R"([[{"more":1}],2,"x"])");
  EXPECT_EQ(kept(R"({"id":"x","name":"n","more":[[{}]],"frames":1.5})", entries::the_whole),
            R"({"id":"x","frames":1.5})");
  EXPECT_EQ(kept(R"([{"more":1},{"more":{}},{}])"), "[{},{},{}]");
  EXPECT_EQ(kept(R"([{"fr\u0061mes":1,"mor\u0065":2,"id":"a\nb","more":"a\nb"}])"), R"([{"frames":1,"id":"a\nb"}])");
  EXPECT_EQ(kept(R"([{"id":1,"id":2,"more":1,"more":2}])"), R"([{"id":2}])");
  EXPECT_EQ(kept("7"), "7");
}

TEST(parse_named, checks_also_what_it_reads_over) {
  const auto& named = *part::described().structure();
  for (const char* text : {R"([{"more":}])", R"([{"more":[1,]}])", R"([{"more":"\ud800"}])", R"([{"more":1})", "[] []"})
    EXPECT_THROW(parse_named(text, named, entries::in_list), error) << text;
  EXPECT_THROW(parse_named(R"([{"more":[1,2,3]}])", named, entries::in_list, {.max_values = 4}), error);
  EXPECT_NO_THROW(parse_named(R"([{"more":[1,2,3]}])", named, entries::in_list, {.max_values = 6}));
  EXPECT_THROW(parse_named(R"([{"more":[[[]]]}])", named, entries::in_list, {.max_depth = 4}), error);
}

TEST(parse_named, a_value_is_the_same_however_long_the_text_is) {
  std::string text = "[";
  array wanted;
  for (int i = 0; i < 2000; ++i) {
    const std::string id = "id-" + std::string(static_cast<std::size_t>(i % 300), 'x');
    text += (i ? "," : "") + std::string(R"({"more":{"a":[1,2.5,"long enough for the heap"]},"id":")") + id +
            R"(","frames":)" + std::to_string(i) + "}";
    wanted.push_back({{"id", id}, {"frames", i}});
  }
  EXPECT_EQ(parse_named(text + "]", *part::described().structure(), entries::in_list), value(wanted));
}

struct every_kind {
  std::string text = "t";
  bool flag = true;
  std::int64_t count = 1;
  int small = 2;
  double number = 0.5;
  object any_object;
  value anything = 3;
  std::optional<value> perhaps;
  std::optional<std::int64_t> bounded;
  std::string word = "a";

  static const description<every_kind>& described() {
    static const description<every_kind> d("", [](auto& d) {
      d.field("text", &every_kind::text, "");
      d.field("flag", &every_kind::flag, "");
      d.field("count", &every_kind::count, "");
      d.field("small", &every_kind::small, "");
      d.field("number", &every_kind::number, "");
      d.field("any_object", &every_kind::any_object, "");
      d.field("anything", &every_kind::anything, "");
      d.field("perhaps", &every_kind::perhaps, "");
      d.field("bounded", &every_kind::bounded, "").range(0, 9);
      d.field("word", &every_kind::word, "").one_of({"a", "b"});
    });
    return d;
  }
};

TEST(answer, every_kind_is_read_as_the_thorough_way_does) {
  const char* texts[] = {"{}",
                         R"({"text":"x","flag":false,"count":7,"small":8,"number":2,"any_object":{"a":1}})",
                         R"({"text":null,"flag":null,"count":null,"small":null,"number":null,"any_object":null})",
                         R"({"anything":null,"perhaps":null,"bounded":null,"word":null})",
                         R"({"anything":[1],"perhaps":{"b":2},"bounded":9,"word":"b","number":1e3})",
                         R"({"count":20.0,"small":3.0,"flag":"null"})",
                         R"({"any_object":"{\"a\":1}","text":"{}"})",
                         R"({"text":1})",
                         R"({"flag":1})",
                         R"({"count":1.5})",
                         R"({"count":18446744073709551615,"number":18446744073709551615})",
                         R"({"number":18446744073709551615})",
                         R"({"small":3000000000})",
                         R"({"bounded":10})",
                         R"({"word":"c"})",
                         R"({"any_object":[]})"};
  for (const char* text : texts) {
    const auto& d = every_kind::described();
    const value in = parse(text);
    const auto outcome = [&](auto read) {
      try {
        return serialize(d.to_json(read()));
      } catch (const error& problem) {
        return std::string(problem.what());
      }
    };
    EXPECT_EQ(outcome([&] { return d.from_answer(in); }),
              outcome([&] { return d.from_normalized(normalize_answer(*d.structure(), in.get_object())); }))
        << text;
  }
}

} // namespace
} // namespace weir::json
