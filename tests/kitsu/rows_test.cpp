#include "kitsu/rows.hpp"

#include <weir/core/error.hpp>

#include <gtest/gtest.h>

namespace weir::kitsu {
namespace {

TEST(line_reader, lines_come_whole_however_they_arrive) {
  const std::string text = "one\n\ntwo\r\nthree";
  for (std::size_t size = 1; size <= text.size(); ++size) {
    line_reader lines(100);
    std::vector<std::string> seen;
    for (std::size_t at = 0; at < text.size(); at += size) {
      lines.add(std::string_view(text).substr(at, size));
      while (const auto line = lines.next()) seen.emplace_back(*line);
    }
    EXPECT_EQ(seen, (std::vector<std::string>{"one", "two"})) << size;
    EXPECT_EQ(lines.rest(), "three") << size;
  }
}

TEST(line_reader, a_line_without_end_is_refused) {
  line_reader lines(10);
  lines.add("12345678901");
  EXPECT_THROW(lines.next(), error);
}

TEST(compact_rows, columns_are_found_by_name) {
  compact_rows rows;
  EXPECT_FALSE(rows.read(R"({"compact":true,"task_fields":["status","id"],"shot_fields":["tasks","name","id"]})"));
  const auto row = rows.read(R"([[["wip","t1"],["done","t2"]],"SH01","s1"])");
  ASSERT_TRUE(row);
  EXPECT_EQ(json::serialize(*row),
            R"({"tasks":[{"status":"wip","id":"t1"},{"status":"done","id":"t2"}],"name":"SH01","id":"s1"})");
  EXPECT_EQ(json::serialize(*rows.read(R"([null,"SH02","s2"])")), R"({"tasks":[],"name":"SH02","id":"s2"})");
}

TEST(compact_rows, objects_come_where_the_first_line_says_so) {
  compact_rows rows;
  EXPECT_FALSE(rows.read(R"({"compact":false})"));
  EXPECT_EQ(json::serialize(*rows.read(R"({"id":"s1","tasks":[]})")), R"({"id":"s1","tasks":[]})");
}

TEST(compact_rows, what_does_not_fit_is_refused) {
  const auto refused = [](std::initializer_list<const char*> lines) {
    compact_rows rows;
    try {
      for (const char* line : lines) rows.read(line);
    } catch (const error& e) {
      return e.code() == errc::corrupt;
    }
    return false;
  };
  const char* head = R"({"compact":true,"shot_fields":["id","tasks"],"task_fields":["id"]})";
  EXPECT_TRUE(refused({R"(["s1",[]])"})) << "no first line";
  EXPECT_TRUE(refused({"{}"}));
  EXPECT_TRUE(refused({R"({"shot_fields":[1]})"}));
  EXPECT_TRUE(refused({R"({"shot_fields":["id","tasks"]})"})) << "no columns of tasks";
  EXPECT_TRUE(refused({head, R"(["s1"])"})) << "too short";
  EXPECT_TRUE(refused({head, R"(["s1",[],1])"})) << "too long";
  EXPECT_TRUE(refused({head, R"(["s1",[["t",1]]])"}));
  EXPECT_TRUE(refused({head, R"(["s1",[7]])"}));
  EXPECT_TRUE(refused({head, R"(["s1",7])"}));
  EXPECT_TRUE(refused({head, R"("s1")"}));
  EXPECT_TRUE(refused({head, R"(["s1",[])"})) << "no JSON";
  EXPECT_FALSE(refused({head, R"(["s1",[["t"]]])"}));
}

} // namespace
} // namespace weir::kitsu
