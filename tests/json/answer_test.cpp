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

} // namespace
} // namespace weir::json
