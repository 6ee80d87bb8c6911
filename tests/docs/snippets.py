#!/usr/bin/env python3
"""Every ```cpp and ```cmake block of the pages is a region of a file that the tests build and run.

    snippets.py [--root DIR]          says where a page and its source differ; exit code 1
    snippets.py [--root DIR] --fix    rewrites the blocks of the pages from the sources

A region lies between two lines of a source under tests/docs or examples (`#` in the place of `//` in CMake and Python):

    // [gather]
    auto [a, b] = co_await weir::gather(twice(1), twice(2));
    // [end]

The page names it in a comment that nobody sees, in the line above the block: the file and the tag.

    <!-- tests/docs/tour.cpp gather -->
    ```cpp

Nothing is left out but the indentation that all lines of the region share.
"""

import argparse
import re
import sys
import textwrap
from pathlib import Path

LANGUAGES = {"cpp", "cmake"}
SOURCES = ("tests/docs/**/*.cpp", "tests/docs/**/CMakeLists.txt", "examples/**/*.cpp", "examples/**/*.hpp")
PAGES = ("README.md", "docs/*.md", "examples/README.md")
NOT_RUN = {"docs/mcp.md"}  # of another room
BEGIN = re.compile(r"\s*(?://|#) \[([\w-]+)\]$")
MARK = re.compile(r"<!-- (\S+) ([\w-]+) -->$")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#([^)\s]+))?\)")


def regions(path):
    """Returns {tag: (line, text)} of a source, and what is wrong in it."""
    found, wrong, tag, begin = {}, [], None, 0
    lines = path.read_text().splitlines()
    for number, line in enumerate(lines, 1):
        mark = BEGIN.match(line)
        if not mark:
            continue
        if mark[1] != "end":
            if tag:
                wrong.append((begin, f"[{tag}] has no [end] before [{mark[1]}] begins"))
            if mark[1] in found:
                wrong.append((number, f"[{mark[1]}] is there twice"))
            tag, begin = mark[1], number
        elif not tag:
            wrong.append((number, "[end] without a beginning"))
        else:
            found[tag] = (begin, textwrap.dedent("\n".join(lines[begin:number - 1])).strip("\n"))
            tag = None
    if tag:
        wrong.append((begin, f"[{tag}] has no [end]"))
    return found, wrong


def blocks(lines):
    """Yields (index of the opening fence, language, index of the closing fence) of each block of a page."""
    opened = None
    for index, line in enumerate(lines):
        if not line.startswith("```"):
            continue
        if opened is None:
            opened = index
        else:
            yield opened, lines[opened][3:].strip(), index
            opened = None
    if opened is not None:
        yield opened, lines[opened][3:].strip(), len(lines)


def headings(path):
    """Returns the anchors of a page, as they are made from its headings."""
    text = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.S | re.M)
    titles = re.findall(r"^#+ (.*)$", text, flags=re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


class House:
    def __init__(self, root):
        self.root = root
        self.findings = []
        self.sources = {}
        self.shown = set()
        for pattern in SOURCES:
            for path in sorted(root.glob(pattern)):
                name = str(path.relative_to(root))
                self.sources[name], wrong = regions(path)
                self.findings += [f"{name}:{number}: {what}" for number, what in wrong]
        self.pages = sorted(page for pattern in PAGES for page in root.glob(pattern))

    def region(self, where, lines, fence):
        """Returns the text that belongs into the block that opens at `fence`, or None."""
        mark = MARK.match(lines[fence - 1]) if fence else None
        if not mark:
            self.findings.append(f"{where}: no `<!-- file tag -->` in the line above says where this code is run")
            return None
        name, tag = mark.groups()
        if name not in self.sources:
            self.findings.append(f"{where}: there is no source {name}")
        elif tag not in self.sources[name]:
            self.findings.append(f"{where}: {name} has no region [{tag}]")
        else:
            self.shown.add((name, tag))
            return self.sources[name][tag][1]
        return None

    def page(self, path, fix):
        name = path.relative_to(self.root)
        lines = path.read_text().splitlines()
        changes = []
        for fence, language, end in blocks(lines):
            if end == len(lines):
                self.findings.append(f"{name}:{fence + 1}: this block has no end")
            if language not in LANGUAGES or str(name) in NOT_RUN:
                continue
            wanted = self.region(f"{name}:{fence + 1}", lines, fence)
            if wanted is None or "\n".join(lines[fence + 1:end]) == wanted:
                continue
            if fix:
                changes.append((fence + 1, end, wanted.split("\n")))
            else:
                source, tag = MARK.match(lines[fence - 1]).groups()
                self.findings.append(f"{name}:{fence + 1}: differs from [{tag}] of {source}:"
                                     f"{self.sources[source][tag][0]}; snippets.py --fix takes that over")
        for begin, end, text in reversed(changes):
            lines[begin:end] = text
        if changes:
            path.write_text("\n".join(lines) + "\n")
            print(f"{name}: {len(changes)} rewritten")

    def links(self, path):
        name = path.relative_to(self.root)
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for target, anchor in LINK.findall(re.sub(r"`[^`]*`", "", line)):
                if re.match(r"\w+:", target):
                    continue
                there = path.parent / target
                if not there.exists():
                    self.findings.append(f"{name}:{number}: the link leads nowhere: {target}")
                elif anchor and there.suffix == ".md" and anchor not in headings(there):
                    self.findings.append(f"{name}:{number}: {target} has no heading #{anchor}")

    def check(self, fix=False):
        for path in self.pages:
            self.page(path, fix)
            self.links(path)
        for name, found in self.sources.items():
            for tag, (number, _) in found.items():
                if (name, tag) not in self.shown:
                    self.findings.append(f"{name}:{number}: no page shows [{tag}]")
        return self.findings


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[2])
    options.add_argument("--fix", action="store_true")
    asked = options.parse_args()
    house = House(asked.root)
    for finding in house.check(asked.fix):
        print(finding)
    return 1 if house.findings else 0


if __name__ == "__main__":
    sys.exit(main())
