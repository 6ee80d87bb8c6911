#include <weir/json/suggest.hpp>

#include <gtest/gtest.h>

#include <vector>

namespace json = weir::json;

namespace {

const std::vector<std::string> names{"prompt", "input_filename", "output_filename", "size", "limit", "n"};

TEST(suggest, finds_what_was_probably_meant) {
  EXPECT_EQ(json::closest("promt", names), "prompt");
  EXPECT_EQ(json::closest("prmopt", names), "prompt");
  EXPECT_EQ(json::closest("inputFilename", names), "input_filename");
  EXPECT_EQ(json::closest("input-filename", names), "input_filename");
  EXPECT_EQ(json::closest("input_file_name", names), "input_filename");
  EXPECT_EQ(json::closest("SIZE", names), "size");
  EXPECT_EQ(json::closest("sise", names), "size");
}

TEST(suggest, says_nothing_where_nothing_is_near) {
  EXPECT_EQ(json::closest("colour", names), "");
  EXPECT_EQ(json::closest("x", names), "");
  EXPECT_EQ(json::closest("", names), "");
  EXPECT_EQ(json::closest(std::string(1'000'000, 'p'), names), "");
  EXPECT_EQ(json::did_you_mean("colour", names), "");
  EXPECT_EQ(json::did_you_mean("promt", names), " (did you mean 'prompt'?)");
}

TEST(suggest, printable_is_short_and_harmless) {
  EXPECT_EQ(json::printable("plain"), "plain");
  EXPECT_EQ(json::printable("a\nb\x1b[31m\xFF\x7f"), "a?b?[31m??");
  EXPECT_EQ(json::printable("\xC3\xA9"), "\xC3\xA9");
  EXPECT_EQ(json::printable("\xC2\x9B"
                            "31m"),
            "?31m")
      << "C1 controls steer terminals too";
  const auto cut = json::printable(std::string(1000, 'x'));
  EXPECT_LE(cut.size(), 64u);
  EXPECT_EQ(cut.substr(cut.size() - 3), "...");
}

} // namespace
