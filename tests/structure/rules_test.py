#!/usr/bin/env python3
"""Breaks small made-up trees, one fault each, and expects the checker to name it."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import house
import rules

CMAKE = """\
weir_room(core)
weir_room(files USES core)
weir_room(json USES core LIBS Boost::json)
weir_room(http USES files
               json LIBS CURL::libcurl)
"""
GOOD = {
    "CMakeLists.txt": CMAKE,
    "app/CMakeLists.txt": "target_link_libraries(weir_app PRIVATE weir_flags weir_http CLI11::CLI11)\n",
    "app/main.cpp": "#include <CLI/CLI.hpp>\n#include <weir/http/client.hpp>\n",
    "include/weir/core/task.hpp": "#pragma once\n#include <coroutine>\n#include <sys/types.h>\n",
    "include/weir/files/root.hpp": "// why\n#pragma once\n#include <weir/core/task.hpp>\n",
    "include/weir/json/value.hpp": "#pragma once\n#include <boost/json/value.hpp>\n",
    "include/weir/http/client.hpp": "#pragma once\n#include <weir/core/task.hpp>\n",
    "src/core/inbox.hpp": "#pragma once\n",
    "src/core/task.cpp": "#include \"core/inbox.hpp\"\n#include <weir/core/task.hpp>\n",
    "src/http/client.cpp": "#include <weir/http/client.hpp>\n#include <weir/files/root.hpp>\n#include <curl/curl.h>\n",
    "tests/core/task_test.cpp": "#include <core/inbox.hpp>\n",
    "docs/structure.md": "| `core` | |\n| `files` | `core` |\n| `json` | `core` |\n"
                         "| `http` | `files`, `json` |\n| `app` | `http` |\n",
}


class made_up_tree(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)

    def write(self, files):
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def findings(self, rule, changes):
        self.write({**GOOD, **changes})
        return list(rules.ALL[rule](house.House(self.root)))

    def expect(self, rule, changes, *parts):
        found = self.findings(rule, changes)
        self.assertEqual(len(found), 1, found)
        for part in parts:
            self.assertIn(part, found[0])

    def test_the_good_tree_has_no_findings(self):
        self.write(GOOD)
        for name, rule in rules.ALL.items():
            self.assertEqual(list(rule(house.House(self.root))), [], name)


class rooms(made_up_tree):
    def test_a_header_that_includes_a_room_below(self):
        self.expect("rooms", {"include/weir/core/task.hpp": "#pragma once\n#include <weir/http/x.hpp>\n"},
                    "include/weir/core/task.hpp:2", "core may not use http")

    def test_a_body_that_includes_a_room_beside(self):
        self.expect("rooms", {"src/json/parse.cpp": "#include <weir/files/root.hpp>\n"}, "json may not use files")

    def test_app_stays_within_what_it_links(self):
        self.expect("rooms", {"app/CMakeLists.txt": "target_link_libraries(weir_app PRIVATE weir_json)\n"},
                    "app may not use http")

    def test_private_header_of_another_room(self):
        self.expect("rooms", {"src/http/multi.cpp": "#  include <core/inbox.hpp>\n"}, "private to room core")

    def test_private_header_reached_by_a_relative_path(self):
        self.expect("rooms", {"src/http/multi.cpp": "#include \"../core/inbox.hpp\"\n"}, "private to room core")

    def test_private_header_included_by_the_app(self):
        self.expect("rooms", {"app/main.cpp": "#include \"core/inbox.hpp\"\n"}, "private to room core")

    def test_private_header_in_the_tests_of_another_room(self):
        self.expect("rooms", {"tests/http/x_test.cpp": "#include \"core/inbox.hpp\"\n"}, "tests of http")

    def test_private_header_in_a_public_one(self):
        self.expect("rooms", {"include/weir/core/task.hpp": "#pragma once\n#include \"core/inbox.hpp\"\n"},
                    "public header includes the private header")

    def test_source_that_includes_a_test(self):
        self.expect("rooms", {"tests/fakes/server.hpp": "#pragma once\n",
                              "src/core/a.cpp": "#include <fakes/server.hpp>\n"}, "from the tests")

    def test_third_party_header_in_a_public_one(self):
        for name in ("curl/curl.h", "fmt/format.h", "boost/json.hpp", "sqlite3.h", "openssl/evp.h"):
            with self.subTest(name):
                self.expect("rooms", {"include/weir/core/task.hpp": f"#pragma once\n#include <{name}>\n"},
                            "third-party", name)

    def test_command_line_library_outside_the_app(self):
        self.expect("rooms", {"src/http/a.cpp": "#include <CLI/CLI.hpp>\n"}, "belongs to app")

    def test_cycle_in_the_table(self):
        found = self.findings("rooms", {"CMakeLists.txt": CMAKE.replace("(core)", "(core USES http)")})
        self.assertTrue([f for f in found if "a cycle" in f], found)

    def test_table_that_names_a_later_or_unknown_room(self):
        self.expect("rooms", {"CMakeLists.txt": CMAKE.replace("files USES core", "files USES core json")},
                    "declared after it")
        self.expect("rooms", {"CMakeLists.txt": CMAKE.replace("json USES core", "json USES core cellar")},
                    "no room")

    def test_commented_table_gives_no_right(self):
        self.expect("rooms", {"CMakeLists.txt": CMAKE.replace("weir_room(json USES core", "weir_room(json # USES core\n"),
                              "src/json/a.cpp": "#include <weir/core/task.hpp>\n"}, "json may not use core")

    def test_link_beside_the_table(self):
        self.expect("rooms", {"src/json/room.cmake": "target_link_libraries(weir_json PRIVATE weir_http)\n"},
                    "links http")

    def test_folder_that_is_no_room(self):
        self.expect("rooms", {"src/cellar/a.cpp": "\n"}, "no declared room")

    def test_no_table_at_all(self):
        found = self.findings("rooms", {"CMakeLists.txt": "\n"})
        self.assertIn("CMakeLists.txt:1: no weir_room(...) found", found)

    def test_headers_in_a_circle(self):
        self.expect("rooms", {"src/core/a.hpp": "#pragma once\n#include \"core/b.hpp\"\n",
                              "src/core/b.hpp": "#pragma once\n#include \"core/a.hpp\"\n"},
                    "src/core/a.hpp -> src/core/b.hpp -> src/core/a.hpp")

    def test_diamond_is_no_circle(self):
        once = "#pragma once\n"
        self.assertEqual(self.findings("rooms", {
            "src/core/a.hpp": once + "#include \"core/b.hpp\"\n#include \"core/c.hpp\"\n",
            "src/core/b.hpp": once + "#include \"core/d.hpp\"\n",
            "src/core/c.hpp": once + "#include \"core/d.hpp\"\n", "src/core/d.hpp": once}), [])


class sizes(made_up_tree):
    def test_limit(self):
        self.assertEqual(self.findings("sizes", {"src/core/a.cpp": "\n" * 600}), [])
        for name in ("src/core/a.cpp", "include/weir/core/a.hpp", "tests/core/a_test.cpp", "tests/a.py", "scripts/a",
                     "test"):
            with self.subTest(name):
                self.expect("sizes", {name: "\n" * 601}, f"{name}:601", "600 are the limit")
                (self.root / name).unlink()

    def test_data_may_be_long(self):
        self.assertEqual(self.findings("sizes", {"tests/media/data/a.txt": "\n" * 5000}), [])


class headers(made_up_tree):
    def test_without_pragma_once(self):
        for text in ("", "int a;\n", "// #pragma once\n", "#include <string>\n#pragma once\n"):
            with self.subTest(text):
                self.expect("headers", {"include/weir/core/a.hpp": text}, "a.hpp:1", "#pragma once")


class words(made_up_tree):
    def test_each_kind(self):
        for text, what in (("cd /wor" "k/main", "absolute path"), ("// TO" "DO later", "unfinished"),
                           ("# FIX" "ME", "unfinished"), ("XX" "X here", "unfinished"),
                           ("https://registry.npm" "js.org/a", "registry"), ("see issue " "#1234", "issue"),
                           ("github.com/a/b/pul" "l/77", "issue"), ("Co-authored" "-by: a", "how it was written"),
                           ("cp /home/" "ana/x .", "own folder")):
            with self.subTest(text):
                self.expect("words", {"src/core/a.cpp": f"\n{text}\n"}, "src/core/a.cpp:2", what)

    def test_what_only_looks_like_it(self):
        self.assertEqual(self.findings("words", {
            "src/core/a.cpp": "mkdtemp(\"/tmp/weir-XX" "XXXX\"); // net" "work/a, to" "do_list, colour #112233\n"}), [])

    def test_binary_and_data_files_are_not_read(self):
        self.assertEqual(self.findings("words", {"a.bin": b"\0TO" b"DO", "tests/media/data/a.txt": "TO" "DO"}), [])


class docs(made_up_tree):
    def test_page_that_differs_from_the_build(self):
        page = GOOD["docs/structure.md"]
        for changed, part in ((page.replace("`files`, `json`", "`files`"), "http uses ['files']"),
                              (page.replace("| `json` | `core` |\n", ""), "no line for room json"),
                              (page + "| `cellar` | `core` |\n", "cellar, which is no room")):
            with self.subTest(part):
                self.expect("docs", {"docs/structure.md": changed}, part)

    def test_missing_page(self):
        self.write(GOOD)
        (self.root / "docs/structure.md").unlink()
        self.assertEqual(len(list(rules.docs(house.House(self.root)))), 1)


class program(made_up_tree):
    def check(self, *words):
        program = Path(__file__).with_name("check.py")
        return subprocess.run([sys.executable, "-B", program, "--root", self.root, *words],
                              capture_output=True, text=True, check=False)

    def test_exit_codes(self):
        self.write(GOOD)
        self.assertEqual(self.check().returncode, 0)
        self.write({"src/core/a.cpp": "#include <weir/http/client.hpp>\n"})
        broken = self.check("rooms")
        self.assertEqual(broken.returncode, 1)
        self.assertIn("src/core/a.cpp:1: room core may not use http", broken.stdout)
        self.assertEqual(self.check("sizes").returncode, 0)
        self.assertEqual(self.check("colours").returncode, 2)

    def test_in_a_git_repository_ignored_files_do_not_count(self):
        self.write({**GOOD, ".gitignore": "/out/\n", "out/a.cpp": "// TO" "DO\n", "stray.log": "TO" "DO\n"})
        subprocess.run(["git", "init", "-q", self.root], check=True)
        subprocess.run(["git", "-C", self.root, "add", "CMakeLists.txt"], check=True)
        self.assertEqual(self.check("words").returncode, 0)
        self.write({"src/core/new.cpp": "// TO" "DO\n"})
        self.assertEqual(self.check("words").returncode, 1)


if __name__ == "__main__":
    unittest.main()
