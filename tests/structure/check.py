#!/usr/bin/env python3
"""Checks the structure of the repository.

    tests/structure/check.py [--root DIR] [RULE...]      rules: rooms sizes headers words docs

Prints one line per finding; the exit code is 1 when there is any.
"""

import argparse
import sys
from pathlib import Path

import house
import rules


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", default=Path(__file__).resolve().parents[2])
    parser.add_argument("rule", nargs="*", help="rooms, sizes, headers, words or docs; default: all")
    options = parser.parse_args()
    unknown = [name for name in options.rule if name not in rules.ALL]
    if unknown:
        parser.error(f"unknown rule {unknown[0]}; known: {', '.join(rules.ALL)}")
    here = house.House(options.root)
    found = 0
    for name in options.rule or rules.ALL:
        for finding in rules.ALL[name](here):
            print(f"{finding} [{name}]")
            found += 1
    if not found:
        print(f"{len(here.files)} files in {len(here.rooms)} rooms: nothing to object to")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
