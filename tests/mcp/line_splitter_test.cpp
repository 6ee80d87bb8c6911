#include <gtest/gtest.h>
#include <mcp/line_splitter.hpp>

#include <vector>

namespace weir::mcp::detail {
namespace {

struct collected {
  std::vector<std::string> lines;
  int too_long = 0;
  line_splitter splitter;

  explicit collected(std::size_t limit = 10)
      : splitter(limit, {[this](std::string_view line) { lines.emplace_back(line); }, [this] { ++too_long; }}) {}
};

TEST(McpLineSplitter, CutsAnywhere) {
  std::string text = "one\ntwo\r\n\n  \nthree";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    collected c;
    c.splitter.feed(std::string_view(text).substr(0, cut));
    c.splitter.feed(std::string_view(text).substr(cut));
    c.splitter.end();
    EXPECT_EQ(c.lines, (std::vector<std::string>{"one", "two", "three"})) << cut;
  }
}

TEST(McpLineSplitter, ReportsALongLineOnceAndSkipsIt) {
  collected c;
  for (int i = 0; i < 1000; ++i) c.splitter.feed("0123456789");
  EXPECT_EQ(c.too_long, 1);
  EXPECT_LT(c.splitter.held_bytes(), 64U);
  c.splitter.feed("tail\nshort\n");
  EXPECT_EQ(c.lines, (std::vector<std::string>{"short"}));
  c.splitter.feed("0123456789\n01234567890\nok\n"); // ten are fine, eleven are not
  EXPECT_EQ(c.lines, (std::vector<std::string>{"short", "0123456789", "ok"}));
  EXPECT_EQ(c.too_long, 2);
  c.splitter.feed("01234567890123");
  c.splitter.end();
  EXPECT_EQ(c.too_long, 3);
  EXPECT_EQ(c.lines.size(), 3U);
}

TEST(McpLineSplitter, DropsAByteOrderMark) {
  collected c;
  c.splitter.feed("\xEF\xBB\xBFx\n\xEF\xBB\xBF\n");
  EXPECT_EQ(c.lines, (std::vector<std::string>{"x"}));
}

} // namespace
} // namespace weir::mcp::detail
