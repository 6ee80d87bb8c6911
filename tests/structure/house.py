"""Reads the repository: its files, its rooms and who includes whom."""

import os
import re
import subprocess
from pathlib import Path, PurePosixPath

NOT_OURS = {".git", ".cache", "build", "__pycache__", "node_modules"}
CODE = {".hpp", ".cpp", ".h", ".ipp"}


class House:
    """A repository. `rooms` maps each room to the rooms that it names, in the order of declaration."""

    def __init__(self, root):
        self.root = Path(root).resolve()
        self.files = self._files()
        self.rooms = self._rooms()

    def text(self, path):
        """The text of a file; nothing for a file that is not text."""
        data = (self.root / path).read_bytes()
        if b"\0" in data:
            return ""
        try:
            return data.decode()
        except UnicodeDecodeError:
            return ""

    def code(self, *folders):
        """The C++ files below these folders."""
        return [f for f in self.files if f.suffix in CODE and f.parts[0] in folders]

    def exists(self, path):
        return (self.root / path).is_file()

    def _files(self):
        """What belongs to the repository: what git tracks, and code that it does not track yet; without git, all."""
        if self._git("rev-parse", "--show-toplevel") == [str(self.root) + "\n"]:
            names = self._git("ls-files", "-z", "--cached")
            names += [n for n in self._git("ls-files", "-z", "--others", "--exclude-standard")
                      if PurePosixPath(n).suffix in CODE]
        else:
            names = []
            for folder, folders, here in os.walk(self.root):
                folders[:] = [f for f in folders if f not in NOT_OURS]
                names += [os.path.relpath(os.path.join(folder, f), self.root) for f in here]
        return sorted({PurePosixPath(n) for n in names if n and (self.root / n).is_file()})

    def _git(self, *words):
        """What git answers, split at NUL; nothing where there is no git or no repository."""
        try:
            done = subprocess.run(["git", "-c", "safe.directory=*", "-C", str(self.root), *words],
                                  capture_output=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            return []
        return done.stdout.decode(errors="surrogateescape").split("\0")

    def _rooms(self):
        rooms = {}
        for name, rest in re.findall(r"^\s*weir_room\(\s*(\w+)([^)]*)\)", self._cmake("CMakeLists.txt"), re.M):
            rooms[name] = keyword_values(rest, "USES")
        linked = re.findall(r"target_link_libraries\(\s*weir_app\b([^)]*)\)", self._cmake("app/CMakeLists.txt"))
        if linked:
            rooms["app"] = [r for words in linked for r in re.findall(r"\bweir_(\w+)", words) if r in rooms]
        return rooms

    def _cmake(self, path):
        if not self.exists(path):
            return ""
        return re.sub(r"#.*", "", (self.root / path).read_text())

    def links_in_cmake(self, room):
        """The rooms that src/ROOM/room.cmake links beside the table."""
        text = self._cmake(f"src/{room}/room.cmake")
        linked = []
        for words in re.findall(r"target_link_libraries\(\s*weir_" + room + r"\b([^)]*)\)", text):
            linked += [r for r in re.findall(r"\bweir(?:_|::)(\w+)", words) if r in self.rooms]
        return linked

    def reach(self, room):
        """The room and every room that it may use, directly or through another."""
        seen, to_do = set(), [room]
        while to_do:
            here = to_do.pop()
            if here in seen:
                continue
            seen.add(here)
            to_do += self.rooms.get(here, [])
        return seen

    def room_of(self, path):
        """The room that a file belongs to, or None."""
        parts = path.parts
        if parts[:2] == ("include", "weir") and len(parts) > 3:
            return parts[2]
        if parts[0] in ("src", "tests") and len(parts) > 2:
            return parts[1] if parts[0] == "src" or parts[1] in self.rooms else None
        return "app" if parts[0] == "app" else None

    def includes(self, path):
        """Yields (line number, name as written, the file of this repository that it means or None)."""
        for number, line in enumerate(self.text(path).splitlines(), 1):
            found = re.match(r'\s*#\s*include\s*([<"])([^">]+)[">]', line)
            if found:
                yield number, found[2], self._resolve(path, found[1] == '"', found[2])

    def _resolve(self, path, quoted, name):
        beside = [os.path.normpath(str(path.parent / name))] if quoted else []
        for candidate in beside + [f"include/{name}", f"src/{name}", f"tests/{name}"]:
            if not candidate.startswith("..") and self.exists(candidate):
                return PurePosixPath(candidate)
        # A file that is missing still says which room is meant.
        parts = PurePosixPath(name).parts
        if len(parts) > 2 and parts[0] == "weir":
            return PurePosixPath("include", name)
        return None


def keyword_values(words, keyword):
    """The values after a keyword of a CMake call, up to the next keyword."""
    values, taking = [], False
    for word in words.split():
        if word.isupper():
            taking = word == keyword
        elif taking:
            values.append(word)
    return values
