"""Builds the programs that are measured."""
import os
import pathlib
import re
import subprocess

from . import say

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TARGETS = ["weir_app", "weir-fake-openai", "weir-bench-load", "weir-bench-pictures", "weir-bench-prepare",
           "weir-bench-echo", "weir-bench-core", "weir-bench-threads", "weir-bench-processes", "weir-bench-kitsu",
           "weir-bench-asio-core", "weir-bench-asio-threads"]


class BuildError(Exception):
    pass


class Programs:
    """The paths of what was built."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.weir = str(self.folder / "weir")
        self.fake_openai = str(self.folder / "tests/fakes/weir-fake-openai")
        for name in ("load", "pictures", "prepare", "echo", "core", "threads", "processes", "kitsu", "asio-core",
                     "asio-threads"):
            setattr(self, name.replace("-", "_"), str(self.folder / "bench" / ("weir-bench-" + name)))

    def cached(self, name):
        """What CMake remembers under a name."""
        return re.search(rf"^{name}:\w+=(.*)", (self.folder / "CMakeCache.txt").read_text(), re.M).group(1)

    def flags(self):
        """How the compiler was asked to optimize: a figure from another build says nothing."""
        kind = self.cached("CMAKE_BUILD_TYPE")
        return kind + ": " + self.cached("CMAKE_CXX_FLAGS_" + kind.upper())

    def compiler(self):
        return self.cached("CMAKE_CXX_COMPILER")


def quietly(command, what):
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise BuildError(f"{what} failed:\n{done.stdout[-4000:]}")


def bring_up_to_date(folder):
    if folder is None:
        folder = ROOT / "build/release"
        say("building with the release preset (the first time takes some minutes)")
        if not (folder / "build.ninja").exists():
            packages = "build", "run", "test"
            say("installing missing packages")
            quietly(["bash", "-c", 'repo=$1; . "$1/scripts/setup.sh"; shift; install_packages "$@"', "setup", str(ROOT),
                     *packages], "installing packages")
        quietly(["cmake", "--preset", "release", "-DWEIR_BENCH=ON"], "cmake")
    else:
        say(f"building in {folder}")
        quietly(["cmake", str(folder), "-DWEIR_BENCH=ON"], "cmake")
    quietly(["ninja", "-C", str(folder), *TARGETS], "the build")
    return Programs(os.path.abspath(folder))
