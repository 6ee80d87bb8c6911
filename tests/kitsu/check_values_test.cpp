#include <weir/core/error.hpp>
#include <weir/kitsu/client.hpp>

#include <gtest/gtest.h>

namespace weir::kitsu {
namespace {

std::string refused(const path& where, const char* body) {
  try {
    check_values(where, json::parse(body));
  } catch (const error& e) {
    EXPECT_EQ(e.code(), errc::invalid_argument);
    return e.what();
  }
  return "nothing";
}

TEST(check_values, a_status_that_breaks_a_project_is_refused) {
  for (const char* where :
       {"data/shots/1", "data/entities/1", "data/assets/1", "data/sequences/1", "data/episodes/1", "data/scenes/1",
        "data/edits/1", "data/concepts/1", "data/projects/1/shots", "data/entities"}) {
    EXPECT_NE(refused(where, R"({"status":"active"})").find("standby, running, complete or canceled"),
              std::string::npos)
        << where;
    EXPECT_NE(refused(where, R"([{"name":"a"},{"status":"active"}])"), "nothing") << where;
    EXPECT_NE(refused(where, R"({"status":3})"), "nothing") << where;
    for (const char* good : {R"({"status":"running"})", R"({"status":null})", R"({"name":"active"})", "{}"})
      EXPECT_EQ(refused(where, good), "nothing") << where << good;
  }
}

TEST(check_values, other_words_that_break_lists_are_refused) {
  EXPECT_NE(refused("data/preview-files/1", R"({"validation_status":"foo"})").find("neutral"), std::string::npos);
  EXPECT_NE(refused("data/preview-files/1", R"({"status":"running"})").find("processing"), std::string::npos);
  EXPECT_NE(refused("data/persons/1", R"({"position":"boss"})").find("supervisor, lead or artist"), std::string::npos);
  EXPECT_NE(refused("data/persons", R"({"seniority":"old"})"), "nothing");
  EXPECT_NE(refused("import/kitsu/entities", R"([{"status":"active"}])"), "nothing");
  EXPECT_EQ(refused("data/persons/1", R"({"position":"lead","seniority":null})"), "nothing");
  EXPECT_EQ(refused("data/shots/1/tasks", R"({"status":"active"})"), "nothing");
  EXPECT_NE(refused("data/projects/1/asset-types/2/assets/new", R"({"status":"active"})"), "nothing");
}

TEST(check_values, the_status_of_other_things_is_their_own) {
  EXPECT_EQ(refused("data/preview-files/1", R"({"status":"ready"})"), "nothing");
  EXPECT_EQ(refused("data/tasks/1", R"({"status":"x"})"), "nothing");
  EXPECT_EQ(refused("actions/shots/1", R"({"status":"x"})"), "nothing");
}

TEST(check_values, a_nul_character_is_refused_wherever_it_is) {
  for (const char* body : {R"({"name":"a\u0000b"})", R"({"data":{"deep":["x","\u0000"]}})", R"({"a\u0000":1})"})
    EXPECT_NE(refused("data/tasks/1", body).find("NUL"), std::string::npos) << body;
  EXPECT_EQ(refused("data/tasks/1", R"({"name":"a\u0001b"})"), "nothing");
}

} // namespace
} // namespace weir::kitsu
