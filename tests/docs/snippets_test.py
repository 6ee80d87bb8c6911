#!/usr/bin/env python3
"""Made-up pages with one fault each: the check names it."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import snippets

SOURCE = "int main() {\n  // [one]\n  int a;\n    int b;\n  // [end]\n}\n"
PAGE = "# A page\n<!-- tests/docs/a.cpp one -->\n```cpp\nint a;\n  int b;\n```\nA [link](a.md#a-page), `[](code)`.\n```sh\nls\n```\n"


class made_up_pages(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        for name in ("docs", "tests/docs", "examples"):
            (self.root / name).mkdir(parents=True)

    def findings(self, page=PAGE, source=SOURCE):
        (self.root / "docs/a.md").write_text(page)
        (self.root / "tests/docs/a.cpp").write_text(source)
        return snippets.House(self.root).check()

    def expect(self, part, **changed):
        found = self.findings(**changed)
        self.assertEqual(len(found), 1, found)
        self.assertIn(part, found[0])

    def test_a_good_page(self):
        self.assertEqual(self.findings(), [])

    def test_a_page_that_differs(self):
        self.expect("docs/a.md:3: differs from [one] of tests/docs/a.cpp:2", page=PAGE.replace("int a", "int c"))
        self.expect("docs/a.md:3: differs", page=PAGE.replace("int a;\n", ""))

    def test_code_that_differs(self):
        self.expect("docs/a.md:3: differs", source=SOURCE.replace("int b", "int c"))

    def test_a_block_from_nowhere(self):
        found = self.findings(page=PAGE.replace("<!-- tests/docs/a.cpp one -->\n", ""))
        self.assertEqual(len(found), 2, found)
        self.assertIn("docs/a.md:2: no `<!-- file tag -->`", found[0])
        self.assertIn("no page shows [one]", found[1])

    def test_a_region_or_source_that_is_not_there(self):
        found = self.findings(page=PAGE.replace("a.cpp one", "a.cpp two"))
        self.assertIn("tests/docs/a.cpp has no region [two]", found[0])
        found = self.findings(page=PAGE.replace("a.cpp one", "b.cpp one"))
        self.assertIn("there is no source tests/docs/b.cpp", found[0])

    def test_regions_that_are_not_closed(self):
        found = self.findings(source=SOURCE.replace("// [end]", ""))
        self.assertIn("tests/docs/a.cpp:2: [one] has no [end]", found[0])
        self.expect("[end] without a beginning", source=SOURCE + "// [end]\n")

    def test_a_region_that_is_there_twice(self):
        self.expect("[one] is there twice", source=SOURCE + "// [one]\nint a;\n  int b;\n// [end]\n")

    def test_a_region_that_nobody_shows(self):
        self.expect("no page shows [two]", source=SOURCE + "// [two]\nint c;\n// [end]\n")

    def test_a_block_without_an_end(self):
        self.expect("has no end", page=PAGE + "```sh\nls\n")

    def test_links_that_lead_nowhere(self):
        self.expect("docs/a.md:7: the link leads nowhere: b.md", page=PAGE.replace("a.md#a-page", "b.md"))
        self.expect("a.md has no heading #no", page=PAGE.replace("#a-page", "#no"))

    def test_fix_takes_the_code_over(self):
        self.findings(page=PAGE.replace("int a;\n  int b;", "old"))
        program = [sys.executable, "-B", snippets.__file__, "--root", str(self.root)]
        self.assertEqual(subprocess.run(program, capture_output=True, check=False).returncode, 1)
        self.assertEqual(subprocess.run([*program, "--fix"], capture_output=True, check=False).returncode, 0)
        self.assertEqual((self.root / "docs/a.md").read_text(), PAGE)
        self.assertEqual(subprocess.run(program, capture_output=True, check=False).returncode, 0)


if __name__ == "__main__":
    unittest.main()
