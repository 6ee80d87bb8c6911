"""A real zou (the server of Kitsu) for tests: installed into the cache, filled once, started from a copy."""
import json
import os
import pathlib
import sys

VERSION = "1.0.67"
KIT = pathlib.Path(__file__).resolve().parent


class Problem(Exception):
    """Something that the person who waits has to read: one sentence, perhaps with the end of a log."""


def say(text):
    sys.stderr.write(f"zou: {text}\n")
    sys.stderr.flush()


def cache():
    base = os.environ.get("WEIR_CACHE_DIR")
    if not base:
        base = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "weir")
    folder = pathlib.Path(base) / f"zou-{VERSION}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def last_lines(path, count=15):
    try:
        with open(path, errors="replace") as file:
            lines = file.read().splitlines()
    except OSError:
        return f"({path} cannot be read)"
    return "\n".join(lines[-count:]) or f"({path} is empty)"


def write_json(path, value):
    """Whoever reads the file sees all of it or none; it holds passwords."""
    part = f"{path}.{os.getpid()}"
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(value, file, indent=1)
        file.write("\n")
    os.replace(part, path)


def read_json(path):
    """Returns None where there is no such file, or only a part of one."""
    try:
        with open(path) as file:
            return json.load(file)
    except (OSError, ValueError):
        return None
