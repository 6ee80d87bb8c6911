"""The rules of the house. Each takes a House and yields findings: "path:line: what is wrong"."""

import re

MAX_LINES = 600
MEASURED = {".hpp", ".cpp", ".h", ".ipp", ".py", ".sh", ".js", ".mjs", ".css", ".html", ".cmake"}

# Headers of the C library and the kernel: part of the platform, not third-party.
PLATFORM = re.compile(
    r"[a-z_]+$|(sys|linux|netinet|arpa|net)/[\w.]+\.h$"
    r"|(unistd|fcntl|poll|signal|time|dirent|errno|pthread|sched|spawn|limits|locale)\.h$")

# Written so that no pattern matches its own line.
WORDS = [
    (re.compile(r"(?<![\w.-])/wor[k]/"), "an absolute path of one machine"),
    (re.compile(r"\b(TO[D]O|FIX[M]E|XX[X])\b"), "an unfinished spot"),
    (re.compile(r"\b(registry\.npm[j]s\.org|pyp[i]\.org|files\.python[h]osted\.org|proxy\.go[l]ang\.org"
                r"|static\.crat[e]s\.io|index\.crat[e]s\.io)\b"), "the host name of a package registry"),
    (re.compile(r"\b(issue|bug|ticket|pull request|PR)s? ?#?[0-9]{2,}\b|[a-z]/(issues|pull)/[0-9]+"),
     "the number of an issue"),
    (re.compile(r"(?i)\bco-authored[-]by\b|\bgenerated (with|by) (an? )?(ai|llm|claude|chatgpt|copilot)\b"),
     "a word about how it was written"),
]
OWN_FOLDERS = re.compile(r"(?<![\w.-])/(home|Users)/\w+")


def rooms(house):
    """A room uses only rooms that its line in the top-level CMakeLists.txt reaches; private headers stay private."""
    yield from _table(house)
    for path in house.code("include", "src", "app"):
        yield from _includes_of(house, path)
    for path in house.code("tests"):
        room = house.room_of(path)
        for number, name, target in house.includes(path) if room else []:
            if _is_private(target) and house.room_of(target) != room:
                yield f"{path}:{number}: the tests of {room} include {name}, private to {house.room_of(target)}"
    yield from _circles(house)


def _table(house):
    declared = set()
    if set(house.rooms) <= {"app"}:
        yield "CMakeLists.txt:1: no weir_room(...) found"
    for room, uses in house.rooms.items():
        for other in uses:
            if other not in house.rooms:
                yield f"CMakeLists.txt:1: room {room} uses {other}, which is no room"
            elif room in house.reach(other):
                yield f"CMakeLists.txt:1: rooms {room} and {other} use each other: a cycle"
            elif other not in declared:
                yield f"CMakeLists.txt:1: room {room} uses {other}, which is declared after it"
        for other in house.links_in_cmake(room):
            if other not in house.reach(room):
                yield f"src/{room}/room.cmake:1: links {other}, which the table does not allow to {room}"
        declared.add(room)
    for path in house.code("include", "src"):
        if house.room_of(path) not in house.rooms:
            yield f"{path}:1: lies in no declared room"


def _includes_of(house, path):
    room = house.room_of(path)
    for number, name, target in house.includes(path):
        where = f"{path}:{number}"
        other = house.room_of(target) if target else None
        if target and target.parts[0] == "tests":
            yield f"{where}: includes {name} from the tests"
        elif other and _is_private(target) and other != room:
            yield f"{where}: includes {name}, private to room {other}"
        elif other and path.parts[0] == "include" and _is_private(target):
            yield f"{where}: a public header includes the private header {name}"
        elif other and other not in house.reach(room):
            yield f"{where}: room {room} may not use {other} ({name})"
        elif not target:
            yield from _foreign(path, where, name)


def _is_private(target):
    return bool(target) and target.parts[0] in ("src", "app")


def _foreign(path, where, name):
    if name.startswith("CLI/") and path.parts[0] != "app":
        yield f"{where}: {name} belongs to app alone"
    elif path.parts[0] == "include" and not PLATFORM.match(name):
        if not (name.startswith("boost/json") and path.parts[:3] == ("include", "weir", "json")) and not (
                name == "gtest/gtest.h" and str(path) == "include/weir/testing/task_test.hpp"):
            yield f"{where}: a public header includes the third-party header {name}"


def _circles(house):
    graph = {p: [t for _, _, t in house.includes(p) if t and t.suffix == ".hpp" and house.exists(t)]
             for p in house.code("include", "src", "app") if p.suffix == ".hpp"}
    done = set()
    for start in graph:
        trail, stack = [], [(start, iter(graph[start]))]
        while stack:
            here, rest = stack[-1]
            if here not in trail:
                trail.append(here)
            following = next((n for n in rest if n not in done), None)
            if following is None:
                done.add(here)
                trail.pop()
                stack.pop()
            elif following in trail:
                circle = trail[trail.index(following):] + [following]
                yield f"{here}:1: headers include each other: {' -> '.join(map(str, circle))}"
            else:
                stack.append((following, iter(graph.get(following, []))))


def sizes(house):
    """No file over 600 lines."""
    for path in house.files:
        if path.suffix not in MEASURED and (path.suffix or path.parts[0] not in ("scripts", "bench", "run", "test")):
            continue
        lines = house.text(path).count("\n")
        if lines > MAX_LINES:
            yield f"{path}:{lines}: {lines} lines; {MAX_LINES} are the limit: split it by concept"


def headers(house):
    """Every header has #pragma once as its first line of code."""
    for path in house.code("include", "src", "app"):
        if path.suffix != ".hpp":
            continue
        code = re.sub(r"/\*.*?\*/|//[^\n]*", "", house.text(path), flags=re.S).split("\n")
        if next((line.strip() for line in code if line.strip()), "") != "#pragma once":
            yield f"{path}:1: does not begin with #pragma once"


def words(house):
    """No paths of one machine, unfinished spots, registry hosts or issue numbers."""
    for path in house.files:
        if {"data", "golden"} & set(path.parts):
            continue
        for number, line in enumerate(house.text(path).splitlines(), 1):
            for pattern, what in WORDS:
                found = pattern.search(line)
                if found:
                    yield f"{path}:{number}: {what}: {found[0]}"
            found = OWN_FOLDERS.search(line) if path.parts[0] not in ("tests", "docs", "README.md") else None
            if found:
                yield f"{path}:{number}: somebody's own folder: {found[0]}"


def docs(house):
    """The table of rooms in docs/structure.md is the one that is built."""
    page = "docs/structure.md"
    if not house.exists(page):
        yield f"{page}:1: is missing"
        return
    told = {}
    for number, line in enumerate(house.text(page).splitlines(), 1):
        row = re.match(r"\|\s*`(\w+)`\s*\|([^|]*)\|", line)
        if row:
            told[row[1]] = (number, re.findall(r"`(\w+)`", row[2]))
    for room, uses in house.rooms.items():
        if room not in told:
            yield f"{page}:1: has no line for room {room}"
        elif sorted(told[room][1]) != sorted(uses):
            yield f"{page}:{told[room][0]}: says that {room} uses {told[room][1]}; built is {uses}"
    for room, (number, _) in told.items():
        if room not in house.rooms:
            yield f"{page}:{number}: describes {room}, which is no room"


ALL = {rule.__name__: rule for rule in (rooms, sizes, headers, words, docs)}
