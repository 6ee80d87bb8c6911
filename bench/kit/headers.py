"""What it costs a compiler to read a header."""
import os
import subprocess
import tempfile
import time

from .build import ROOT

FLAGS = ["-std=c++20", "-x", "c++", "-I", str(ROOT / "include")]


def public(room):
    """The names of a room's public headers."""
    return sorted(path.name for path in (ROOT / "include/weir" / room).glob("*.hpp"))


def text_of(included):
    return "".join(f"#include <{name}>\n" for name in included)


def check(compiler, included):
    """Wall and processor seconds and the peak memory of `-fsyntax-only` of a file that includes these headers. Nothing
    where they do not compile."""
    with tempfile.TemporaryFile("w+") as source:
        source.write(text_of(included))
        source.seek(0)
        start = time.monotonic()
        child = subprocess.Popen([compiler, *FLAGS, "-fsyntax-only", "-"], stdin=source, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(child.pid, 0)
        wall = time.monotonic() - start
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        return None
    return {"wall_s": wall, "cpu_s": used.ru_utime + used.ru_stime, "peak_mib": used.ru_maxrss / 1024}


def lines(compiler, included):
    """How many lines the compiler reads: preprocessed, without line marks."""
    done = subprocess.run([compiler, *FLAGS, "-E", "-P", "-"], input=text_of(included), capture_output=True, text=True,
                          check=True)
    return done.stdout.count("\n")
