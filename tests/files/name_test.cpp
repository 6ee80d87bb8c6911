#include "support.hpp"

#include <weir/files/name.hpp>

#include <string>

namespace weir::files {

using test::fails_with;
using namespace std::string_literals;

TEST(Name, OrdinaryNamesPass) {
  const std::string longest(255, 'x');
  for (const std::string& name : {"a"s, "clip.mp4"s, "a/b.png"s, "a/b/c/d"s, "...x"s, "..x"s, "x.."s, ".hidden"s,
                                  "with space.png"s, "-rf"s, "caf\u00e9.png"s, "\u6620\u753b/\U0001f3ac.mp4"s, "a:b"s,
                                  "100%.png"s, "'q'.png"s, "\xf4\x8f\xbf\xbd"s, longest}) {
    EXPECT_NO_THROW(validate_name(name)) << name;
    EXPECT_TRUE(is_valid_name(name));
  }
  EXPECT_TRUE(is_valid_name(longest + "/" + longest + "/" + longest + "/" + longest)); // 1023 bytes
}

TEST(Name, BadNamesAreRefused) {
  const std::string longest(255, 'x');
  const std::vector<std::pair<const char*, std::string>> bad = {
      {"empty", ""},
      {"dot", "."},
      {"parent", ".."},
      {"parent first", "../a"},
      {"parent inside", "a/../b"},
      {"parent last", "a/.."},
      {"dot inside", "a/./b"},
      {"absolute", "/etc/passwd"},
      {"only slash", "/"},
      {"slash last", "a/"},
      {"slash twice", "a//b"},
      {"backslash", "a\\b"},
      {"backslash parent", "..\\..\\a"},
      {"null byte", "a\0b"s},
      {"null byte last", "a.png\0"s},
      {"newline", "a\nb"},
      {"escape", "\x1b[31m"},
      {"delete", "a\x7f"},
      {"C1", "a\u0085b"},
      {"line separator", "a\u2028"},
      {"direction", "\u202egpj.exe"},
      {"isolate", "a\u2066b"},
      {"lone continuation", "a\x80"},
      {"cut sequence", "a\xe2\x82"},
      {"overlong slash", "a\xc0\xaf"
                         "b"},
      {"overlong three", "\xe0\x80\xaf"},
      {"overlong null", "\xc0\x80"},
      {"surrogate", "\xed\xa0\x80"},
      {"surrogate pair", "\xed\xa0\xbd\xed\xb8\x80"},
      {"too high", "\xf4\x90\x80\x80"},
      {"latin-1", "caf\xe9.png"},
      {"part of 256 bytes", longest + "x"},
      {"1025 bytes", longest + "/" + longest + "/" + longest + "/" + longest + "/x"},
      {"own folder", ".weir"},
      {"own part", ".weir-0.part"},
      {"own inside", "a/.weir/jobs"},
      {"space first", " a"},
      {"space last", "a.png "},
      {"space before slash", "a /b"},
  };
  for (const auto& [what, name] : bad) {
    SCOPED_TRACE(what);
    EXPECT_FALSE(is_valid_name(name));
    const std::string text = fails_with(errc::invalid_argument, [&] { validate_name(name); });
    EXPECT_NE(text.find("'" + display_name(name) + "'"), std::string::npos) << text;
    for (const char c : text) EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) << text;
    EXPECT_LT(text.size(), 300U);
  }
}

TEST(Name, DisplayEscapesAndCuts) {
  EXPECT_EQ(display_name("plain \u00e9"), "plain \u00e9");
  EXPECT_EQ(display_name("a\nb\x1b\xff\\'\u202e"), "a\\nb\\x1b\\xff\\\\\\'\\u{202e}");
  const std::string cut = display_name(std::string(119, 'x') + "\u00e9" + std::string(1000, 'y'));
  EXPECT_EQ(cut, std::string(119, 'x') + "..."); // never half a character
  EXPECT_EQ(display_name(std::string(120, 'x')), std::string(120, 'x'));
  EXPECT_LT(display_name(std::string(1 << 20, '\x01')).size(), max_displayed_bytes + 4);
}

TEST(Name, Splits) {
  const auto check = [](std::string_view name, std::string_view folder, std::string_view stem,
                        std::string_view extension) {
    const name_parts parts = split_extension(name);
    EXPECT_EQ(parts.folder, folder) << name;
    EXPECT_EQ(parts.stem, stem) << name;
    EXPECT_EQ(parts.extension, extension) << name;
  };
  check("a.png", "", "a", ".png");
  check("a/b/c.tar.gz", "a/b", "c.tar", ".gz");
  check("a.d/b", "a.d", "b", "");
  check(".hidden", "", ".hidden", "");
  check("a.", "", "a.", "");
  check("a." + std::string(31, 'e'), "", "a", "." + std::string(31, 'e'));
  check("a." + std::string(32, 'e'), "", "a." + std::string(32, 'e'), "");
}

TEST(Name, Numbers) {
  EXPECT_EQ(numbered_name("a/b.png", 2), "a/b_2.png");
  EXPECT_EQ(numbered_name("b", 10), "b_10");
  const std::string shortened = numbered_name(std::string(251, 'x') + ".png", 123);
  EXPECT_EQ(shortened, std::string(247, 'x') + "_123.png");
  std::string wide = "x"; // two-byte characters at odd positions: a cut at an even length would halve one
  while (wide.size() < 251) wide += "\u00e9";
  const std::string halved = numbered_name(wide + ".png", 2);
  EXPECT_TRUE(is_valid_name(halved)) << halved;
  EXPECT_EQ(halved.size(), 255U);
  EXPECT_TRUE(is_valid_name(numbered_name(wide + ".png", 23)));
}

} // namespace weir::files
